"""The components of Inside BERT: the sentence, the map of the model, and one stage per step, of which one is seen.

Which step, layer, head and token are chosen is pressed in the pictures, shown at once by assets/inside.js and then told
to the server through the map. The script shows the stage of the open step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from bertdemo.i18n.translation import DEFAULT, translate
from bertdemo.ui.html.primitives import root as drawn_root
from bertdemo.ui.html.primitives import waiting_state
from bertdemo.ui.inside.html.controls import render_buttons, render_examples, render_looks
from bertdemo.ui.inside.html.samples import sample
from bertdemo.ui.inside.html.steps import STEPS, title
from bertdemo.ui.inside.views import RATES, Where
from bertdemo.ui.page import SAMPLES, Page

BUNDLED = "bundled"
# Lets assets/inside.js send presses anywhere in the tab to the listener of the map.
_LISTEN = "window.bertdemo.inside(element, trigger);"
# How many optimizer steps the buttons take.
STEP_COUNTS = (1, 5, 20)


@dataclass(frozen=True)
class Sentence:
    """What is read, and by which checkpoint."""

    text: gr.Textbox
    pair: gr.Textbox
    add: gr.Button
    checkpoint: gr.Dropdown
    fetch: gr.Button
    examples: gr.HTML


@dataclass(frozen=True)
class Switches:
    """How a head is looked at."""

    hide_special: gr.Checkbox
    stretch: gr.Checkbox
    across: gr.Checkbox
    ablate: gr.Checkbox


@dataclass(frozen=True)
class Controls:
    """The controls of the later steps."""

    second: gr.Textbox
    unrelated: gr.Textbox
    label: gr.Dropdown
    rate: gr.Dropdown
    take: tuple[gr.Button, ...]
    compare: gr.Button


@dataclass(frozen=True)
class Pictures:
    """One component per drawing; the names are those of `views.PICTURES`."""

    notice: gr.HTML
    map: gr.HTML
    what: gr.HTML
    tokens: gr.HTML
    word: gr.HTML
    specials: gr.HTML
    embeddings: gr.HTML
    positions: gr.HTML
    overview: gr.HTML
    arcs: gr.HTML
    numbers: gr.HTML
    side: gr.HTML
    ablation: gr.HTML
    layers: gr.HTML
    path: gr.HTML
    pooling: gr.HTML
    head: gr.HTML
    filled: gr.HTML
    step: gr.HTML
    change: gr.HTML
    drawer: gr.HTML


@dataclass(frozen=True)
class Components:
    """Everything in the tab that a listener reads or changes."""

    sentence: Sentence
    switches: Switches
    controls: Controls
    pictures: Pictures
    # The `Where` that is chosen.
    where: gr.State


def layout(page: Page, choices: Callable[[str], list[tuple[str, str]]]) -> Components:
    """Draw the tab; `choices` are the checkpoints that everybody can open, in a language."""
    sentence = _sentence(page, choices)
    notice = gr.HTML(drawn_root(waiting_state(translate(DEFAULT, "inside.opening"))), elem_id="inside-notice")
    model_map = gr.HTML("", elem_id="inside-map", js_on_load=_LISTEN)
    pictures: dict[str, gr.HTML] = {"notice": notice, "map": model_map}
    with gr.Column(elem_id="inside-stages"):
        for step in STEPS[:4]:
            with _stage(page, step):
                pictures |= _html(*_PLAIN[step])
        with _stage(page, "attention"):
            attention, switches = _attention(page)
        with _stage(page, "layers"), gr.Row(elem_classes="bd-halves"):
            pictures |= attention | _html("layers", "path")
        with _stage(page, "pooling"):
            second, unrelated = _others(page)
            pictures |= _html("pooling")
        with _stage(page, "head"):
            pictures |= _html("head", "filled")
        with _stage(page, "training_step"):
            label, rate, take = _training(page)
            pictures |= _html("step")
        with _stage(page, "before_after"):
            compare = page.words.make(gr.Button, {"value": "inside.change.go"}, elem_id="inside-compare", scale=0)
            pictures |= _html("change")
        pictures |= _html("drawer")
    controls = Controls(second, unrelated, label, rate, take, compare)
    return Components(sentence, switches, controls, Pictures(**pictures), gr.State(Where()))


# Steps without controls -> their pictures.
_PLAIN = {
    "what": ("what",),
    "tokens": ("tokens", "word"),
    "specials": ("specials",),
    "embeddings": ("embeddings", "positions"),
}


def _html(*names: str) -> dict[str, gr.HTML]:
    return {name: gr.HTML("", elem_id=f"inside-{name}") for name in names}


def _stage(page: Page, step: str) -> gr.Column:
    stage = gr.Column(elem_id=f"inside-stage-{step}", elem_classes="bd-stage")
    with stage:
        page.words.make(gr.HTML, {"value": lambda lang: f'<h2 class="bd bd-h">{title(step, lang)}</h2>'})
    return stage


def _sentence(page: Page, choices: Callable[[str], list[tuple[str, str]]]) -> Sentence:
    make = page.words.make
    with gr.Row(elem_id="inside-line", equal_height=True):
        text = make(
            gr.Textbox,
            {"label": "tokens.text", "placeholder": "tokens.text_placeholder"},
            value=SAMPLES["en"],
            lines=1,
            max_lines=8,
            container=False,
            elem_id="inside-text",
            elem_classes="bd-write",
            scale=6,
            min_width=280,
        )
        add = make(gr.Button, {"value": "inside.add"}, elem_id="inside-add-pair", scale=0, min_width=120)
        checkpoint = make(
            gr.Dropdown,
            {"label": "predict.checkpoint", "choices": choices},
            value=BUNDLED,
            allow_custom_value=True,
            container=False,
            elem_id="inside-checkpoint",
            scale=2,
            min_width=200,
        )
        fetch = make(
            gr.Button, {"value": "inside.fetch"}, visible=False, elem_id="inside-fetch", scale=0, min_width=120
        )
        make(gr.HTML, {"value": render_buttons}, elem_id="inside-buttons", min_width=0)
    pair = make(
        gr.Textbox,
        {"label": "tokens.pair", "placeholder": "tokens.pair_placeholder"},
        lines=1,
        max_lines=8,
        container=False,
        visible=False,
        elem_id="inside-pair",
        elem_classes="bd-write",
    )
    examples = make(gr.HTML, {"value": render_examples}, elem_id="inside-examples")
    return Sentence(text, pair, add, checkpoint, fetch, examples)


def _attention(page: Page) -> tuple[dict[str, gr.HTML], Switches]:
    with gr.Row(elem_classes="bd-attend"):
        with gr.Column(elem_classes="bd-attend-main", min_width=280):
            with gr.Row(elem_classes="bd-looks-row"):
                page.words.make(gr.HTML, {"value": render_looks}, elem_id="inside-looks", min_width=0)
                switches = _switches(page)
            pictures = _html("arcs", "numbers")
        with gr.Column(elem_classes="bd-attend-side", min_width=280):
            pictures |= _html("overview", "side", "ablation")
    return pictures, switches


def _switches(page: Page) -> Switches:
    def box(name: str, visible: bool = True) -> gr.Checkbox:
        return page.words.make(
            gr.Checkbox,
            {"label": f"inside.attention.{name}"},
            value=False,
            container=False,
            elem_id=f"inside-{name.replace('_', '-')}",
            visible=visible,
            min_width=0,
        )

    with gr.Row(elem_id="inside-switches"):
        return Switches(box("hide_special"), box("stretch"), box("across", visible=False), box("ablate"))


def _others(page: Page) -> tuple[gr.Textbox, gr.Textbox]:
    def box(name: str) -> gr.Textbox:
        return page.words.make(
            gr.Textbox,
            {"label": f"inside.{name}"},
            value=sample(name, "en"),
            lines=1,
            max_lines=4,
            elem_id=f"inside-{name}",
            min_width=260,
        )

    with gr.Row():
        return box("second"), box("unrelated")


def _training(page: Page) -> tuple[gr.Dropdown, gr.Dropdown, tuple[gr.Button, ...]]:
    make = page.words.make
    with gr.Row(elem_id="inside-train-line"):
        label = make(
            gr.Dropdown,
            {"label": "inside.label"},
            choices=[("A", 0), ("B", 1)],
            value=0,
            allow_custom_value=True,
            elem_id="inside-label",
            min_width=180,
            scale=2,
        )
        rate = make(
            gr.Dropdown,
            {"label": "inside.rate"},
            choices=[(f"{rate:.0e}".replace("e-0", "e-"), rate) for rate in RATES],
            value=RATES[1],
            elem_id="inside-rate",
            min_width=140,
            scale=1,
        )
        take = tuple(
            make(gr.Button, {"value": f"inside.take.{n}"}, elem_id=f"inside-take-{n}", scale=0, min_width=110)
            for n in STEP_COUNTS
        )
    return label, rate, take
