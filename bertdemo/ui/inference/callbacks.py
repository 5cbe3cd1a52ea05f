"""Inference: what stands in the boxes is answered as one types, with the untrained head's answer beside it.

There is one way to an answer: the page's script (assets/inference.js) numbers every change of a box, waits for a short
pause, and presses the hidden button `ask` with the number. It draws an answer only where its number is that of the
newest change, so a slow answer never replaces a newer one.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block

from bertdemo import tasks
from bertdemo.checkpoints import CheckpointInfo
from bertdemo.hub.progress import DownloadProgress
from bertdemo.i18n.translation import percent, translate
from bertdemo.ui.html.predictions import describe
from bertdemo.ui.html.primitives import error_state, root
from bertdemo.ui.inference import file_panel, search_panel
from bertdemo.ui.inference.answers import Question, download_size, render_answer
from bertdemo.ui.inference.choices import checkpoint_choices
from bertdemo.ui.inference.examples import NO_EXAMPLES, Offered, offered
from bertdemo.ui.inference.examples_html import render_examples
from bertdemo.ui.inference.labels import box_label
from bertdemo.ui.inference.layout import Components, layout
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page, Visit
from bertdemo.ui.updates import LATEST, QUIET, Progress, Updates, merged

_CHANGED = "() => window.bertdemo.predictChanged()"
_AT_ONCE = "() => window.bertdemo.predictChanged(0)"
_NUMBERED = "(...values) => window.bertdemo.predictNumbered(values)"


@dataclass(frozen=True)
class Boxes:
    """What stands in the boxes, with the examples that were offered for it."""

    text: str
    pair: str
    offered: Offered


@dataclass(frozen=True)
class Callbacks:
    """The listeners of this tab; `key` is the owner key of the visitor."""

    page: Page
    parts: Components

    # --- answering ---

    def answer(
        self, number: float | None, text: str, pair: str, checkpoint: str, offers: Offered, key: str, lang: str
    ) -> Updates:
        """Outputs: the answer."""

        def drawn(lang: str) -> str:
            question = Question(text or "", pair or "", checkpoint, self.page.services.owner(key))
            return render_answer(self.page.services, question, offers, lang)

        html = guarded(drawn, on_error=lambda message: root(error_state(message)))(lang)
        value = {"n": number, "html": html, "example": offers.index(text or "", pair or "")}
        return {self.parts.answer: value}

    def again(self) -> Updates:
        """Outputs: the answer, which lets the page's script ask anew."""
        return {self.parts.answer: {"again": secrets.token_hex(4)}}

    # --- choosing a checkpoint ---

    def choose(self, checkpoint: str, text: str, pair: str, offers: Offered, key: str, lang: str) -> Updates:
        """Outputs: what the checkpoint is, both texts, its examples, both buttons and the file box."""
        owner = self.page.services.owner(key)
        info = self.page.catalogue.describe(checkpoint, owner)
        now = offered(self.page.services, info, owner, lang)
        return {
            **self._described(info, lang),
            **self._texts(info, Boxes(text or "", pair or "", offers), now, lang),
            self.parts.question.examples: render_examples(now, lang),
            self.parts.question.offered: now,
        }

    def _described(self, info: CheckpointInfo, lang: str) -> Updates:
        question, trained = self.parts.question, tasks.for_checkpoint(info) is not None
        download = translate(lang, "predict.download", name=info.name, size=download_size(info))
        return {
            question.about: describe(info, lang),
            question.download: gr.update(visible=not info.ready, value=download),
            question.train: gr.update(visible=not trained),
            self.parts.file.box: gr.update(visible=trained),
        }

    def _texts(self, info: CheckpointInfo, boxes: Boxes, now: Offered, lang: str) -> Updates:
        """Return the labels of both boxes, and the first example where nobody has typed a text of their own."""
        task, question = tasks.for_checkpoint(info), self.parts.question
        untouched = not boxes.text.strip() or boxes.offered.index(boxes.text, boxes.pair) is not None
        fresh = untouched and now.examples and now.index(boxes.text, boxes.pair) is None
        labels: Updates = {
            question.text: gr.update(label=box_label(task, "text", lang)),
            question.pair: gr.update(visible=task is None or task.reads_pairs, label=box_label(task, "pair", lang)),
        }
        if not fresh:
            return labels
        return merged(labels, {question.text: now.examples[0].text, question.pair: now.examples[0].pair})

    def choose_refused(self, message: str) -> Updates:
        """Outputs: what the checkpoint is."""
        return {self.parts.question.about: root(error_state(message))}

    def take_example(self, offers: Offered, event: gr.EventData) -> Updates:
        """Outputs: both texts."""
        # The data of the event comes from the page's script, so it may be anything.
        at = str(getattr(event, "example", ""))
        if not at.isdecimal() or int(at) >= len(offers.examples):
            return {}
        example = offers.examples[int(at)]
        return {self.parts.question.text: example.text, self.parts.question.pair: example.pair}

    def download(
        self,
        checkpoint: str,
        text: str,
        pair: str,
        offers: Offered,
        key: str,
        lang: str,
        progress: Progress = gr.Progress(),  # noqa: B008
    ) -> Updates:
        """Outputs: those of `choose`, and the answer, which is asked for anew."""

        def report(done: DownloadProgress) -> None:
            progress(done.share, desc=translate(lang, "run.fetching", percent=percent(done.share, 0)))

        self.page.catalogue.folder(checkpoint, self.page.services.owner(key), report)
        return {**self.choose(checkpoint, text, pair, offers, key, lang), **self.again()}

    # --- arriving ---

    def arrive(self, visit: Visit) -> Updates:
        """Outputs: checkpoint, and those of `choose`."""
        catalogue, owner = self.page.catalogue, self.page.services.owner(visit.owner)
        wanted = visit.checkpoint or (visit.run if catalogue.reads(visit.run, owner) else "")
        choices = checkpoint_choices(self.page.services, visit.owner, visit.lang)
        if catalogue.is_hub_id(wanted) and wanted not in {value for _, value in choices}:
            # The Hub is only asked when the tab opens: the page must not wait for it.
            return {self.parts.question.checkpoint: gr.update(choices=choices, value=wanted)}
        return self.open(wanted, Boxes("", "", NO_EXAMPLES), visit.owner, visit.lang)

    def come(self, wanted: str, checkpoint: str, text: str, pair: str, offers: Offered, key: str, lang: str) -> Updates:
        """Outputs: those of `open`, for the checkpoint that another tab wants opened, or for the one chosen here."""
        boxes = Boxes(text or "", pair or "", offers)
        return {self.page.checkpoint: "", **self.open(wanted or checkpoint, boxes, key, lang)}

    def open(self, wanted: str, boxes: Boxes, key: str, lang: str) -> Updates:
        """Outputs: checkpoint with its choices, and those of `choose`.

        An id of the Hub that was typed stays chosen even if it cannot be found: the error is shown below it.
        """
        choices = checkpoint_choices(self.page.services, key, lang)
        ids = [value for _, value in choices]
        checkpoint = wanted if wanted in ids or self.page.catalogue.is_hub_id(wanted) else ids[0]
        choosing = guarded(self.choose, on_error=self.choose_refused)
        opened: Updates = {self.parts.question.checkpoint: gr.update(choices=choices, value=checkpoint)}
        return {**opened, **choosing(checkpoint, boxes.text, boxes.pair, boxes.offered, key, lang)}

    def speak(self, lang: str, checkpoint: str, text: str, pair: str, offers: Offered, key: str) -> Updates:
        """Outputs: those of `open`, and the answer, in another language."""
        return {**self.open(checkpoint, Boxes(text or "", pair or "", offers), key, lang), **self.again()}


def build(page: Page) -> None:
    """Draw the tab and connect it."""
    parts = layout(page)
    callbacks = Callbacks(page, parts)
    _wire_answer(page, parts, callbacks)
    _wire_checkpoint(page, parts, callbacks)
    file_panel.wire(page, parts.file, parts.question.checkpoint)
    search_panel.wire(page, parts.search, parts.question.checkpoint)


def _wire_answer(page: Page, parts: Components, callbacks: Callbacks) -> None:
    """Answer whenever a box changes: after a pause while one types, at once on Enter."""
    question = parts.question
    # Not `input`: Gradio fires it neither for paste nor for text from an input method, which all Chinese typing is.
    for box in (question.text, question.pair, question.checkpoint):
        box.change(None, None, None, js=_CHANGED)
    for box in (question.text, question.pair):
        box.submit(None, None, None, js=_AT_ONCE)
    boxes: Sequence[Block] = [parts.number, question.text, question.pair, question.checkpoint, question.offered]
    parts.ask.click(callbacks.answer, [*boxes, page.owner, page.lang], parts.answer, js=_NUMBERED, **LATEST)
    question.examples.select(callbacks.take_example, question.offered, [question.text, question.pair], **QUIET)


def _wire_checkpoint(page: Page, parts: Components, callbacks: Callbacks) -> None:
    """Connect the choice of a checkpoint, here, in another tab or in the address."""
    question, checkpoint = parts.question, parts.question.checkpoint
    described: list[Block] = [
        question.about, question.text, question.pair, question.examples, question.offered, question.download,
        question.train, parts.file.box,
    ]  # fmt: skip
    opened, who = [checkpoint, *described], [page.owner, page.lang]
    inputs: Sequence[Block] = [checkpoint, question.text, question.pair, question.offered]
    choosing = guarded(callbacks.choose, on_error=callbacks.choose_refused)
    checkpoint.change(choosing, [*inputs, *who], described, **QUIET)
    checkpoint.input(None, checkpoint, None, js="(it) => window.bertdemo.address('checkpoint', it || '')")
    question.download.click(
        guarded(callbacks.download, on_error=callbacks.choose_refused),
        [*inputs, *who],
        [*described, parts.answer],
        concurrency_id="infer",
        show_progress_on=question.about,
        api_visibility="private",
    )
    page.tells_model("predict", checkpoint)
    page.goes_to(question.train, "train")
    page.on_open("predict", guarded(callbacks.come), [page.checkpoint, *inputs, *who], [page.checkpoint, *opened])
    page.on_load(callbacks.arrive, [], opened)
    page.on_language(callbacks.speak, [*inputs, page.owner], [*opened, parts.answer])
