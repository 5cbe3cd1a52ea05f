"""Tokenization: a text as BERT reads it, at every keystroke. Needs only a tokenizer, no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block

from bertdemo.i18n.translation import DEFAULT
from bertdemo.ui.html.predictions import render_model
from bertdemo.ui.html.primitives import error_state, root
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import SAMPLES, Page, Visit
from bertdemo.ui.tokenization.choices import OPENINGS, CheckpointChoices
from bertdemo.ui.tokenization.drawings import Drawings, Request, draw
from bertdemo.ui.tokenization.layout import Components, layout
from bertdemo.ui.updates import LATEST, QUIET, Updates


@dataclass(frozen=True)
class Callbacks:
    """The listeners of this tab."""

    page: Page
    parts: Components

    def draw(
        self, text: str, pair: str, checkpoint: str, compare: str, max_length: float | None, owner: str, lang: str
    ) -> Updates:
        """Outputs: the pictures."""
        length = max(int(max_length or 0), 0)
        # A component that was never drawn sends None.
        request = Request(text or "", pair or "", checkpoint, compare, length, owner)
        return self._pictures(draw(self.page.services, request, lang))

    def draw_refused(self, message: str) -> Updates:
        """Outputs: the pictures; the message is shown in place of the tokens."""
        return self._pictures(_refused(message))

    def speak(
        self, lang: str, text: str, pair: str, checkpoint: str, compare: str, max_length: float | None, owner: str
    ) -> Updates:
        """Outputs: the pictures, in another language."""
        return guarded(self.draw, on_error=self.draw_refused)(text, pair, checkpoint, compare, max_length, owner, lang)

    def choose(self, checkpoint: str, owner: str) -> Updates:
        """Outputs: max_length, set to the positions of the checkpoint."""
        info = self.page.catalogue.describe(checkpoint, self._owner(owner))
        return {self.parts.controls.max_length: gr.update(maximum=info.positions, value=info.positions)}

    def add_pair(self) -> Updates:
        """Outputs: pair, which replaces the button that adds it."""
        return {self.parts.pair: gr.update(visible=True), self.parts.controls.add_pair: gr.update(visible=False)}

    def arrive(self, visit: Visit, text: str) -> Updates:
        """Outputs: text, checkpoint, compare and the header's checkpoint, for this language and address."""
        infos = {info.id: info for info in self.page.catalogue.list(self._owner(visit.owner))}
        checkpoint, language = visit.checkpoint, "en"
        if checkpoint in infos:
            language = infos[checkpoint].language
        elif not self.page.catalogue.is_hub_id(checkpoint):
            language, checkpoint = CheckpointChoices(self.page.services).opening(visit.lang)
        updates = self._offered(visit.lang, visit.owner, checkpoint)
        # An English sentence is all [UNK] for a Chinese vocabulary, so the sample follows the checkpoint.
        sample = SAMPLES["zh" if language == "zh" else "en"]
        if text in SAMPLES.values() and text != sample:
            updates[self.parts.text] = sample
        if visit.tab in {"", "tokens"} and checkpoint in infos:
            updates[self.page.model] = render_model(infos[checkpoint], visit.lang)
        return updates

    def offer(self, lang: str, text: str, checkpoint: str, compare: str, owner: str) -> Updates:
        """Outputs: text, checkpoint and compare.

        A sample that nobody has changed is replaced by that of the language; what was typed or chosen stays.
        """
        if (text, checkpoint) not in OPENINGS:
            return self._offered(lang, owner, checkpoint, compare or "")
        language, opening = CheckpointChoices(self.page.services).opening(lang)
        return {self.parts.text: SAMPLES[language], **self._offered(lang, owner, opening, compare or "")}

    def _offered(self, lang: str, owner: str, checkpoint: str, compare: str | None = None) -> Updates:
        """Return both lists of checkpoints and what is chosen in them; where `compare` is None, its choice stays."""
        choices, controls = CheckpointChoices(self.page.services), self.parts.controls
        chosen = {} if compare is None else {"value": compare}
        return {
            controls.checkpoint: gr.update(choices=choices.main(lang, owner), value=checkpoint),
            controls.compare: {**gr.update(choices=choices.compared(lang, owner)), **chosen},
        }

    def _pictures(self, drawings: Drawings) -> Updates:
        # Both dataclasses have one field per picture, under the same names.
        return {getattr(self.parts.pictures, name): html for name, html in vars(drawings).items()}

    def _owner(self, key: str) -> str:
        """Return the owner whose checkpoints may be used; without a key only those that belong to nobody."""
        return self.page.services.owner(key, optional=True)


def _refused(message: str) -> Drawings:
    return Drawings(root(error_state(message)), "", "", "")


def build(page: Page) -> None:
    """Draw the tab and connect it."""
    opening = guarded(lambda lang: draw(page.services, Request(SAMPLES["en"]), lang), on_error=_refused)
    parts = layout(page, opening(DEFAULT))
    callbacks = Callbacks(page, parts)
    _wire_drawing(page, parts, callbacks)
    _wire_choices(page, parts, callbacks)
    if parts.train is not None:
        page.goes_to(parts.train, "train")
    if parts.what is not None:
        page.goes_to(parts.what, "inside")
        parts.what.click(None, None, None, js="() => window.bertdemo.step('what')")


def _wire_drawing(page: Page, parts: Components, callbacks: Callbacks) -> None:
    """Draw whenever an input or the language changes."""
    controls, pictures = parts.controls, parts.pictures
    boxes = (parts.text, parts.pair, controls.checkpoint, controls.compare, controls.max_length)
    inputs: Sequence[Block] = [*boxes, page.owner]
    outputs: Sequence[Block] = list(vars(pictures).values())
    drawing = guarded(callbacks.draw, on_error=callbacks.draw_refused)
    # Not `input`: Gradio fires it neither for paste nor for text from an input method, which all Chinese typing is.
    for box in boxes:
        box.change(drawing, [*inputs, page.lang], outputs, **LATEST)
    page.on_language(callbacks.speak, inputs, outputs)


def _wire_choices(page: Page, parts: Components, callbacks: Callbacks) -> None:
    """Connect the choices of checkpoints, the address and the header."""
    checkpoint, compare, length = parts.controls.checkpoint, parts.controls.compare, parts.controls.max_length
    add_pair = parts.controls.add_pair
    choosing = guarded(callbacks.choose, on_error=lambda _: {length: gr.skip()})  # the pictures show the error
    checkpoint.input(choosing, [checkpoint, page.owner], length, **QUIET)
    add_pair.click(callbacks.add_pair, None, [parts.pair, add_pair], **QUIET)
    checkpoint.input(None, checkpoint, None, js="(it) => window.bertdemo.address('checkpoint', it || '')")
    page.tells_model("tokens", checkpoint)
    page.on_load(callbacks.arrive, [parts.text], [parts.text, checkpoint, compare, page.model])
    page.on_language(callbacks.offer, [parts.text, checkpoint, compare, page.owner], [parts.text, checkpoint, compare])
