"""Draws the tab and connects its components with its listeners."""

from __future__ import annotations

import gradio as gr
from gradio.blocks import Block

from bertdemo.ui.inside.callbacks import TEXT_IN_ADDRESS, Callbacks
from bertdemo.ui.inside.choices import checkpoint_choices
from bertdemo.ui.inside.layout import STEP_COUNTS, layout
from bertdemo.ui.inside.views import Drawings
from bertdemo.ui.page import Page
from bertdemo.ui.updates import LATEST, QUIET, Updates


def build(page: Page) -> None:
    """Draw the tab and connect it."""
    stranger = page.services.owner("", optional=True)
    parts = layout(page, lambda lang: checkpoint_choices(page.services, stranger, lang))
    callbacks = Callbacks(page, parts, Drawings(page.services))
    _wire_sentence(callbacks)
    _wire_pictures(callbacks)
    _wire_slow(callbacks)
    _wire_page(page, callbacks)


def _wire_sentence(callbacks: Callbacks) -> None:
    """Draw whenever the text or the checkpoint changes, and keep both in the address."""
    sentence, inputs, outputs = callbacks.parts.sentence, set(callbacks.inputs), callbacks.outputs
    # Not `input`: Gradio fires it neither for paste nor for text from an input method, which all Chinese typing is.
    for box in (sentence.text, sentence.pair):
        box.change(callbacks.redraw, inputs, outputs, **LATEST)
    sentence.checkpoint.input(callbacks.choose_checkpoint, inputs, outputs, **LATEST)
    sentence.add.click(callbacks.add_pair, None, [sentence.pair, sentence.add], **QUIET)
    sentence.pair.change(callbacks.show_across, sentence.pair, callbacks.parts.switches.across, **QUIET)
    # A checkpoint is also set from elsewhere, by "Inspect this model".
    sentence.text.change(None, sentence.text, None, js=_address("text"))
    sentence.pair.change(None, sentence.pair, None, js=_address("pair"))
    sentence.checkpoint.change(None, sentence.checkpoint, None, js=_address("checkpoint"))


def _address(name: str) -> str:
    return f"(it) => window.bertdemo.address('{name}', (it || '').slice(0, {TEXT_IN_ADDRESS}))"


def _wire_pictures(callbacks: Callbacks) -> None:
    """Draw what changes with a press, a switch or another sentence."""
    parts, inputs, outputs = callbacks.parts, set(callbacks.inputs), callbacks.outputs
    parts.pictures.map.select(callbacks.press, inputs, outputs, **LATEST)
    switches = parts.switches
    for box in (switches.hide_special, switches.stretch, switches.across, switches.ablate):
        box.input(callbacks.look, inputs, callbacks.pictures, **LATEST)
    for control in (parts.controls.second, parts.controls.unrelated):
        control.input(callbacks.look, inputs, callbacks.pictures, **LATEST)
    for choice in (parts.controls.label, parts.controls.rate):
        choice.input(callbacks.look, inputs, callbacks.pictures, **LATEST)


def _wire_slow(callbacks: Callbacks) -> None:
    """Connect what takes seconds: it waits in the queue and reports its progress."""
    parts, inputs = callbacks.parts, set(callbacks.inputs)

    def fetch(values: dict[Block, object], progress: gr.Progress = gr.Progress()) -> Updates:  # noqa: B008
        return callbacks.fetch(values, progress)

    def compare(values: dict[Block, object], progress: gr.Progress = gr.Progress()) -> Updates:  # noqa: B008
        return callbacks.compare(values, progress)

    def taker(steps: int, button: gr.Button) -> None:
        def take(values: dict[Block, object]) -> Updates:
            return callbacks.take(values, steps)

        button.click(
            take, inputs, callbacks.pictures, concurrency_id="infer", show_progress_on=parts.pictures.step,
            api_visibility="private",
        )  # fmt: skip

    parts.sentence.fetch.click(
        fetch, inputs, callbacks.outputs, concurrency_id="infer", show_progress_on=parts.pictures.notice,
        api_visibility="private",
    )  # fmt: skip
    parts.controls.compare.click(
        compare, inputs, callbacks.pictures, concurrency_id="infer", show_progress_on=parts.pictures.change,
        api_visibility="private",
    )  # fmt: skip
    for steps, button in zip(STEP_COUNTS, parts.controls.take, strict=True):
        taker(steps, button)


def _wire_page(page: Page, callbacks: Callbacks) -> None:
    """Connect arrival, language, and other tabs that ask to inspect a checkpoint."""
    sentence, where = callbacks.parts.sentence, callbacks.parts.where
    page.tells_model("inside", sentence.checkpoint)
    page.on_load(callbacks.arrive, [], [sentence.checkpoint, sentence.text, sentence.pair, sentence.add, where])
    page.on_open(
        "inside",
        callbacks.open_tab,
        {page.inspected, *callbacks.inputs},
        [page.inspected, sentence.checkpoint, *callbacks.outputs],
    )
    page.on_language(callbacks.speak, callbacks.spoken_inputs, [sentence.checkpoint, *callbacks.pictures])
