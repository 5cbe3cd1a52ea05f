"""The components of *Try several*: the closed section below the settings, the study, and its line in the bar."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block

from bertdemo.i18n.translation import translate
from bertdemo.runs.deletion import UNDO_SECONDS
from bertdemo.runs.studies.study import KINDS
from bertdemo.ui.fine_tune.studies import ranges
from bertdemo.ui.fine_tune.studies.ranges import RangeBoxes
from bertdemo.ui.localized import LocalizedComponents, Source
from bertdemo.ui.page import Page

# A press on the button of a row is sent to the server with the number of its run; see assets/fine_tune.js.
_PRESS = "window.bertdemo.trainPresses(element, trigger, watch);"
# Minutes of a search that a person is offered first.
MINUTES = 10


@dataclass(frozen=True)
class Form:
    """What is to be tried."""

    section: gr.Accordion
    kind: gr.Radio
    checkpoints: gr.CheckboxGroup
    fields: gr.CheckboxGroup
    minutes: gr.Number
    ranges: RangeBoxes
    plan: gr.HTML
    go: gr.Button
    refused: gr.HTML

    @property
    def inputs(self) -> list[Block]:
        """What a start reads beside the Choice."""
        return [self.kind, self.checkpoints, self.fields, self.minutes, *self.ranges.inputs]

    @property
    def planned(self) -> list[Block]:
        """What another kind changes."""
        return [self.checkpoints, self.fields, self.minutes, *self.ranges.drawn, self.plan, self.go, self.refused]


@dataclass(frozen=True)
class Bar:
    """The study in the bar."""

    box: gr.Row
    progress: gr.HTML
    stop: gr.Button
    use: gr.Button
    settings: gr.Button
    delete: gr.Button
    # The notice of a deletion, with Undo.
    deleted: gr.HTML
    # Ticks once, when the deletion can no longer be undone.
    undo_timer: gr.Timer

    @property
    def followed(self) -> list[Block]:
        """What the progress of a study changes."""
        return [self.progress, self.stop, self.use, self.settings, self.delete]

    @property
    def undoable(self) -> list[Block]:
        """What a deletion changes in the bar, in every stage."""
        return [self.deleted, self.undo_timer]


@dataclass(frozen=True)
class Place:
    """Where the study is drawn."""

    box: gr.Column
    panel: gr.HTML
    # What was drawn last, so that only news is sent.
    drawn: gr.State
    timer: gr.Timer


@dataclass(frozen=True)
class Components:
    """Everything of *Try several* that a listener reads or changes."""

    form: Form
    place: Place
    bar: Bar

    @property
    def followed(self) -> list[Block]:
        """What the progress of a study changes."""
        return [self.place.drawn, self.place.panel, *self.bar.followed]


def form(page: Page) -> Form:
    """Draw the closed section below the settings."""
    make = page.words.make
    with make(gr.Accordion, {"label": "study.section"}, open=False, elem_id="train-study") as section:
        words: dict[str, Source] = {"label": "study.kind", "choices": kind_choices}
        kind = make(gr.Radio, words, value=KINDS[0], elem_id="study-kind")
        checkpoints = make(
            gr.CheckboxGroup, {"label": "study.checkpoints"}, choices=[], visible=False, elem_id="study-checkpoints"
        )
        with gr.Row(elem_classes="bd-study-search"):
            fields = make(
                gr.CheckboxGroup, {"label": "study.fields"}, choices=[], visible=False, elem_id="study-fields"
            )
            minutes = make(
                gr.Number, {"label": "study.minutes"}, value=MINUTES, visible=False, elem_id="study-minutes",
                min_width=120, scale=0,
            )  # fmt: skip
        boxes = ranges.layout(page)
        with gr.Row(elem_classes="bd-study-go", equal_height=False):
            go = _button(page.words, "go")
            plan = gr.HTML("", elem_id="study-plan")
        refused = gr.HTML("", elem_id="study-refused")
    return Form(section, kind, checkpoints, fields, minutes, boxes, plan, go, refused)


def place(page: Page) -> Place:
    """Draw where the study will be, in place of the data."""
    with gr.Column(visible=False, elem_id="study-opened") as box:
        panel = gr.HTML("", elem_id="study-panel", js_on_load=_PRESS)
    return Place(box, panel, gr.State(""), gr.Timer(1.0, active=False))


def bar(page: Page) -> Bar:
    """Draw the line of the study in the bar, and the notice of one that was deleted."""
    deleted = gr.HTML("", elem_id="study-deleted", js_on_load=_PRESS)
    with gr.Row(elem_classes="bd-bar-row", visible=False) as box:
        progress = gr.HTML("", elem_id="study-progress")
        stop = _button(page.words, "stop", visible=False)
        use = _button(page.words, "use", "primary", visible=False)
        settings = _button(page.words, "settings", visible=False)
        delete = _button(page.words, "delete", visible=False)
    return Bar(box, progress, stop, use, settings, delete, deleted, gr.Timer(UNDO_SECONDS, active=False))


def kind_choices(lang: str) -> list[tuple[str, str]]:
    """Return what can be tried, each with its question."""
    return [(translate(lang, f"study.kinds.{kind}"), kind) for kind in KINDS]


def _button(words: LocalizedComponents, name: str, variant: str = "secondary", *, visible: bool = True) -> gr.Button:
    options = {"variant": variant, "visible": visible, "elem_id": f"study-{name}", "min_width": 80, "scale": 0}
    return words.make(gr.Button, {"value": f"study.{name}"}, **options)
