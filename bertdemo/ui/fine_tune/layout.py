"""The components of Fine-tune: three stages in one place (no data, data, a run), and the bar at the bottom."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block

from bertdemo.dataset.split import SEED
from bertdemo.i18n.translation import DEFAULT, translate
from bertdemo.tables.table_files import KINDS
from bertdemo.tasks import TASKS
from bertdemo.tasks.roles import INPUT_SLOTS, InputSlot
from bertdemo.ui.fine_tune import (
    baselines_panel,
    hub_dataset_panel,
    label_issues_panel,
    parse_options_panel,
    run_settings,
)
from bertdemo.ui.fine_tune.choice import ChoiceInputs
from bertdemo.ui.fine_tune.html.bar import Cards, render_cards, render_reason
from bertdemo.ui.fine_tune.html.guide import render_guide, render_tasks
from bertdemo.ui.fine_tune.html.limits import render_limits
from bertdemo.ui.fine_tune.html.training import render_training
from bertdemo.ui.fine_tune.studies import layout as studies
from bertdemo.ui.html.primitives import caption, root
from bertdemo.ui.localized import Source
from bertdemo.ui.page import Page
from bertdemo.ui.storage_note import gpu_note, storage_note

# A click in a drawing is sent to the server with the value of its button; see assets/fine_tune.js.
_LINK = "window.bertdemo.trainLink(element, watch);"
_PRESS = "window.bertdemo.trainPresses(element, trigger, watch);"
_GLIDE = "window.bertdemo.glide(element, watch);"


@dataclass(frozen=True)
class EmptyStage:
    """Where data are chosen."""

    box: gr.Column
    notice: gr.HTML
    back: gr.Button
    file: gr.File
    paste: gr.Textbox
    use_paste: gr.Button
    refused: gr.HTML
    samples: gr.HTML
    hub: hub_dataset_panel.Components


@dataclass(frozen=True)
class DataStage:
    """What the data are, and what can be done with them before training."""

    box: gr.Column
    change: gr.Button
    refused: gr.HTML
    pretrain: gr.Button
    tiles: gr.Row
    report: gr.HTML
    preview: gr.HTML
    reading: gr.Accordion
    task: gr.Dropdown
    task_words: gr.HTML
    slots: dict[InputSlot, gr.Dropdown]
    options: parse_options_panel.Components
    validation: gr.File
    test: gr.File
    split_seed: gr.Number
    before: gr.Row
    baselines: baselines_panel.Components
    issues: label_issues_panel.Components
    form: run_settings.SettingsForm


@dataclass(frozen=True)
class RunStage:
    """A run while it trains and after it."""

    box: gr.Column
    done: gr.Row
    outcome: gr.HTML
    text: gr.Textbox
    pair: gr.Textbox
    answer: gr.HTML
    class_map: gr.HTML
    panel: gr.HTML
    more: gr.HTML


@dataclass(frozen=True)
class Bar:
    """What will happen, what is happening, and the buttons for it."""

    trouble: gr.HTML
    plan_box: gr.Row
    plan: gr.HTML
    start: gr.Button
    run_box: gr.Row
    progress: gr.HTML
    stop: gr.Button
    resume: gr.Button
    resume_anyway: gr.Button
    smaller: gr.Button
    again: gr.Button
    open: gr.Button
    inspect: gr.Button
    use: gr.Button
    download: gr.Button
    settings: gr.Button
    new: gr.Button
    zip: gr.DownloadButton


@dataclass(frozen=True)
class State:
    """What the page remembers between listeners."""

    stage: gr.State
    source: gr.State
    picked: gr.State
    facts: gr.State
    drawn: gr.State
    # Field -> the ghost text that its control shows.
    ghosts: gr.State
    timer: gr.Timer


@dataclass(frozen=True)
class Components:
    """Everything in the tab that a listener reads or changes."""

    state: State
    cards: gr.HTML
    empty: EmptyStage
    data: DataStage
    run: RunStage
    bar: Bar
    study: studies.Components

    def inputs(self, page: Page) -> ChoiceInputs:
        """Return what a Choice is read from."""
        state, data, form = self.state, self.data, self.data.form
        return ChoiceInputs(
            state.stage, state.source, state.picked, state.facts, data.validation, data.test, data.split_seed,
            form.checkpoint, form.controls, state.ghosts, page.run, page.owner, page.lang,
        )  # fmt: skip

    @property
    def stages(self) -> list[Block]:
        """What changes from stage to stage."""
        return [
            self.state.stage, self.cards, self.empty.box, self.data.box, self.run.box, self.bar.plan_box,
            self.bar.run_box, self.bar.trouble, self.empty.back, self.empty.notice, self.study.place.box,
            self.study.bar.box,
        ]  # fmt: skip

    @property
    def dataset(self) -> list[Block]:
        """What other data change."""
        data, empty, state = self.data, self.empty, self.state
        return [
            *self.stages, state.source, state.picked, state.facts, empty.file, empty.paste, empty.refused, data.refused,
            data.pretrain, data.tiles, data.report, data.preview, data.reading, data.task, data.task_words,
            *data.slots.values(), data.options.said, *data.options.options.values(), data.before, *self.planned,
            data.form.checkpoint, data.baselines.go, data.issues.go,
        ]  # fmt: skip

    @property
    def planned(self) -> list[Block]:
        """What other settings change."""
        form = self.data.form
        return [self.bar.plan, self.bar.start, self.cards, self.state.ghosts, form.recipe, *form.components]

    @property
    def followed(self) -> list[Block]:
        """What the progress of a run changes."""
        run, bar = self.run, self.bar
        return [
            self.state.drawn, self.cards, run.done, run.outcome, run.text, run.pair, run.answer, run.class_map,
            run.panel, run.more, bar.progress, bar.stop, bar.resume, bar.resume_anyway, bar.smaller, bar.again,
            bar.open, bar.inspect, bar.use, bar.download, bar.settings, bar.new,
        ]  # fmt: skip


def layout(page: Page) -> Components:
    """Draw the tab as it opens, before data are chosen."""
    state = State(
        gr.State("empty"), gr.State(None), gr.State(None), gr.State(None), gr.State(""), gr.State({}),
        gr.Timer(1.0, active=False),
    )  # fmt: skip
    with gr.Column(elem_id="train-training"):
        cards = page.words.make(
            gr.HTML, {"value": lambda lang: render_cards(Cards(), lang)}, elem_id="train-cards", js_on_load=_LINK
        )
        empty = _empty_stage(page)
        data, form = _data_stage(page)
        run = _run_stage(page)
        place = studies.place(page)
        bar, line = _bar(page)
    return Components(state, cards, empty, data, run, bar, studies.Components(form, place, line))


def _empty_stage(page: Page) -> EmptyStage:
    make = page.words.make
    with gr.Column(elem_id="train-data") as box:
        notice = gr.HTML("", elem_id="train-notice")
        back = gr.Button("", visible=False, elem_id="train-back", size="sm", scale=0)
        with gr.Row(elem_classes="bd-choose", equal_height=False):
            with gr.Column(scale=6, min_width=300):
                file = make(
                    gr.File, {"label": "fine_tune.drop"}, file_types=list(KINDS), height=170, elem_id="train-file"
                )
                words = {"label": "fine_tune.paste.label", "placeholder": "fine_tune.paste.placeholder"}
                make(gr.HTML, {"value": lambda lang: render_limits(page.settings.limits, lang)}, elem_id="train-limits")
                paste = make(gr.Textbox, words, lines=4, max_lines=8, elem_id="train-paste")
                use_paste = make(
                    gr.Button, {"value": "fine_tune.paste.use"}, elem_id="train-use-paste", size="sm", scale=0
                )
                refused = gr.HTML("", elem_id="train-refused")
                hub = hub_dataset_panel.layout(page)
            with gr.Column(scale=4, min_width=300):
                samples = gr.HTML("", elem_id="train-samples", js_on_load=_PRESS)
    return EmptyStage(box, notice, back, file, paste, use_paste, refused, samples, hub)


def _data_stage(page: Page) -> tuple[DataStage, studies.Form]:
    make = page.words.make
    with gr.Column(visible=False, elem_id="train-loaded") as box:
        with gr.Row(elem_id="train-file-actions"):
            change = make(gr.Button, {"value": "fine_tune.change"}, elem_id="train-change", size="sm", scale=0)
            with make(gr.Accordion, {"label": "fine_tune.reading"}, open=False, elem_id="train-reading") as reading:
                task, task_words, slots = _columns(page)
                options = parse_options_panel.layout(page)
                validation, test, split_seed = _held_out(page)
        refused = gr.HTML("", elem_id="train-data-refused", js_on_load=_PRESS)
        pretrain = make(
            gr.Button, {"value": "fine_tune.pretrain"}, visible=False, elem_id="train-pretrain", size="sm", scale=0
        )
        with gr.Row(visible=False, elem_id="train-tiles") as tiles:
            report = gr.HTML("", elem_id="train-report", js_on_load=_PRESS)
            preview = gr.HTML("", elem_id="train-preview", js_on_load=_PRESS)
        with gr.Row(visible=False, elem_id="train-before", equal_height=False) as before:
            baselines = baselines_panel.layout(page)
            issues = label_issues_panel.layout(page)
        form = run_settings.layout(page)
        several = studies.form(page)
        with make(gr.Accordion, {"label": "fine_tune.guide.title"}, open=False, elem_id="train-guide"):
            make(gr.HTML, {"value": render_guide})
    stage = DataStage(
        box, change, refused, pretrain, tiles, report, preview, reading, task, task_words, slots, options, validation,
        test, split_seed, before, baselines, issues, form,
    )  # fmt: skip
    return stage, several


def _columns(page: Page) -> tuple[gr.Dropdown, gr.HTML, dict[InputSlot, gr.Dropdown]]:
    """Draw what the model shall learn and from which columns; the names of the columns follow the task."""
    make = page.words.make
    with gr.Row():
        words: dict[str, Source] = {"label": "train.task", "choices": _tasks}
        task = make(gr.Dropdown, words, value=None, elem_id="train-task", min_width=200)
        slots: dict[InputSlot, gr.Dropdown] = {
            slot: gr.Dropdown(label=slot, visible=False, elem_id=f"train-{slot}", min_width=140) for slot in INPUT_SLOTS
        }
    task_words = gr.HTML("", elem_id="train-task-words")
    with make(gr.Accordion, {"label": "fine_tune.which_task"}, open=False, elem_id="train-which-task"):
        make(gr.HTML, {"value": render_tasks})
    return task, task_words, slots


def _held_out(page: Page) -> tuple[gr.File, gr.File, gr.Number]:
    """Draw where the held-out rows are chosen: files of their own, or the seed of the split."""
    make, types = page.words.make, list(KINDS)
    with make(gr.Accordion, {"label": "train.held_out"}, open=False, elem_id="train-held-out"):
        make(gr.HTML, {"value": lambda lang: root(caption(translate(lang, "train.held_out_info")))})
        with gr.Row():
            validation = make(
                gr.File, {"label": "train.validation"}, file_types=types, height=90, elem_id="train-validation"
            )
            test = make(gr.File, {"label": "train.test"}, file_types=types, height=90, elem_id="train-test")
            words = {"label": "config.split_seed", "info": "config.help.split_seed"}
            split_seed = make(gr.Number, words, value=SEED, precision=0, elem_id="train-split-seed")
    return validation, test, split_seed


def _run_stage(page: Page) -> RunStage:
    make = page.words.make
    with gr.Column(visible=False, elem_id="train-run") as box:
        with gr.Row(visible=False, elem_id="train-done", equal_height=False) as done:
            with gr.Column(scale=2, min_width=300):
                outcome = gr.HTML("", elem_id="train-outcome")
                words = {"label": "fine_tune.answer.text", "placeholder": "fine_tune.answer.placeholder"}
                text = make(gr.Textbox, words, lines=1, max_lines=3, elem_id="train-text-live")
                pair_words = {"label": "fine_tune.answer.pair", "placeholder": "fine_tune.answer.placeholder"}
                pair = make(gr.Textbox, pair_words, lines=1, max_lines=3, visible=False, elem_id="train-pair-live")
                answer = gr.HTML("", elem_id="train-answer")
            with gr.Column(scale=1, min_width=300):
                class_map = gr.HTML("", elem_id="train-map", js_on_load=_GLIDE)
        panel = gr.HTML(render_training(None, (), DEFAULT), elem_id="train-panel")
        more = gr.HTML("", elem_id="train-more")
        storage_note(page, "train-kept")
    return RunStage(box, done, outcome, text, pair, answer, class_map, panel, more)


def _bar(page: Page) -> tuple[Bar, studies.Bar]:
    make = page.words.make

    def button(key: str, name: str, **options: object) -> gr.Button:
        return make(gr.Button, {"value": key}, elem_id=f"train-{name}", min_width=80, scale=0, **options)

    with gr.Column(elem_id="train-bar"):
        trouble = gr.HTML("", elem_id="train-trouble")
        gpu_note(page, "train-gpu")
        with gr.Row(elem_classes="bd-bar-row") as plan_box:
            reason = {"value": lambda lang: render_reason(translate(lang, "fine_tune.reason.no_data"))}
            plan = make(gr.HTML, reason, elem_id="train-chosen")
            start = button("train.start", "start", variant="primary", interactive=False)
        with gr.Row(elem_classes="bd-bar-row", visible=False, elem_id="train-buttons") as run_box:
            follow = "window.bertdemo.follow(element, watch);"  # how far the run is, in the title of the page
            progress = gr.HTML("", elem_id="train-progress", js_on_load=follow)
            stop = gr.Button("", visible=False, elem_id="train-stop", min_width=80, scale=0)
            resume = gr.Button("", visible=False, elem_id="train-resume", min_width=80, scale=0)
            anyway = button("runs.resume_anyway", "resume-anyway", visible=False)
            smaller = gr.Button("", visible=False, variant="primary", elem_id="train-smaller", scale=0)
            opened = button("fine_tune.open", "open", visible=False, variant="primary")
            inspect = button("fine_tune.inspect", "inspect", visible=False)
            use = button("train.try", "try", visible=False)
            download = button("train.download", "download", visible=False)
            again = button("train.again", "again", visible=False)
            settings = button("fine_tune.settings", "settings-back", visible=False)
            new = button("fine_tune.new_data", "new", visible=False)
        line = studies.bar(page)
    package = gr.DownloadButton("zip", visible="hidden", elem_id="train-zip")
    row = Bar(
        trouble, plan_box, plan, start, run_box, progress, stop, resume, anyway, smaller, again, opened, inspect, use,
        download, settings, new, package,
    )  # fmt: skip
    return row, line


def _tasks(lang: str) -> list[tuple[str, str]]:
    return [(translate(lang, f"task.{task}"), task) for task in TASKS]
