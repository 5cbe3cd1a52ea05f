"""Inference: the prediction for a text, that of the untrained head beside it, and predictions for a whole file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.blocks import Block

from bertdemo import tasks
from bertdemo.checkpoints import CheckpointInfo
from bertdemo.errors import DataNotChosen
from bertdemo.hub.progress import DownloadProgress
from bertdemo.i18n.translation import has, percent, plural, translate
from bertdemo.serving.files import predict_file
from bertdemo.ui.html.predictions import ModelInput, describe, render_prediction, render_vector
from bertdemo.ui.html.primitives import caption, error_state, join, note, root
from bertdemo.ui.inference import search_panel
from bertdemo.ui.inference.choices import checkpoint_choices
from bertdemo.ui.inference.layout import Components, layout, no_answer
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page, Visit
from bertdemo.ui.updates import QUIET, Progress, Updates

# How the text vector of a checkpoint without a head is pooled.
_POOLING = "mean"


def _label(role: str, slot: str, lang: str) -> str:
    """Return the label of the text box for a role: its own where the locales have one, else that of its slot."""
    own = f"predict.{role}"
    return translate(lang, own if has(own) else f"predict.{slot}")


@dataclass(frozen=True)
class Callbacks:
    """The listeners of this tab; `key` is the owner key of the visitor."""

    page: Page
    parts: Components

    def predict(
        self,
        text: str,
        pair: str,
        checkpoint: str,
        key: str,
        lang: str,
        progress: Progress = gr.Progress(),  # noqa: B008
    ) -> Updates:
        """Outputs: the answer."""
        owner = self.page.services.owner(key)
        info = self.page.catalogue.describe(checkpoint, owner)
        if not info.ready:
            self._download(info.id, owner, lang, progress)
        task = tasks.for_checkpoint(info)
        if task is None:  # any encoder can embed, so a checkpoint without a trained head answers with a vector
            return {self.parts.answer: self._vector(info, text, pair, owner, lang)}
        # The second box is hidden for a task that reads one text, but keeps what was typed for another.
        second = pair if task.reads_pairs else ""
        return {self.parts.answer: self._prediction(info, text, second, owner, lang)}

    def _download(self, checkpoint: str, owner: str, lang: str, progress: Progress) -> None:
        def report(done: DownloadProgress) -> None:
            progress(done.share, desc=translate(lang, "run.fetching", percent=percent(done.share, 0)))

        self.page.catalogue.folder(checkpoint, owner, report)

    def _prediction(self, info: CheckpointInfo, text: str, pair: str, owner: str, lang: str) -> str:
        answer = self.page.services.predictor.predict(text, pair, info.id, owner)
        return render_prediction(answer.output, answer.before, info.name, lang, ModelInput(text, pair))

    def _vector(self, info: CheckpointInfo, text: str, pair: str, owner: str, lang: str) -> str:
        """Draw the vector of a text, and the similarity of two, for a checkpoint without a head."""
        predictor = self.page.services.predictor
        similarity = predictor.similarity(text, pair, info.id, owner) if pair.strip() else None
        vector = predictor.embed([text], info.id, _POOLING, owner)[0]
        return join([root(note(translate(lang, "predict.no_head"))), render_vector(vector, _POOLING, similarity, lang)])

    def predict_refused(self, message: str) -> Updates:
        """Outputs: the answer."""
        return {self.parts.answer: root(error_state(message))}

    def answer_again(self, lang: str, answered: tuple[str, str, str] | None, key: str) -> Updates:
        """Outputs: the answer, in another language."""
        if not answered:
            return {self.parts.answer: no_answer(lang)}
        text, pair, checkpoint = answered
        predicting = guarded(self.predict, on_error=self.predict_refused)
        return predicting(text, pair, checkpoint, key, lang)

    # A listener of its own, without the queue: it keeps the question even if the prediction is still running.
    def remember(self, text: str, pair: str, checkpoint: str) -> Updates:
        """Outputs: answered."""
        return {self.parts.answered: (text, pair, checkpoint)}

    def choose(self, checkpoint: str, key: str, lang: str) -> Updates:
        """Outputs: what the checkpoint is, both texts, the Fine-tune button and the file box."""
        info = self.page.catalogue.describe(checkpoint, self.page.services.owner(key))
        task = tasks.for_checkpoint(info)
        roles = {role.slot: role.name for role in task.reads} if task else {}
        text, pair = (_label(roles.get(slot, slot), slot, lang) for slot in ("text", "pair"))
        question = self.parts.question
        return {
            question.about: describe(info, lang),
            question.text: gr.update(label=text),
            question.pair: gr.update(visible=task is None or task.reads_pairs, label=pair),
            question.train: gr.update(visible=task is None),
            self.parts.file_box.box: gr.update(visible=task is not None),
        }

    def choose_refused(self, message: str) -> Updates:
        """Outputs: what the checkpoint is."""
        return {self.parts.question.about: root(error_state(message))}

    def arrive(self, visit: Visit) -> Updates:
        """Outputs: checkpoint, and those of `choose`."""
        catalogue, owner = self.page.catalogue, self.page.services.owner(visit.owner)
        wanted = visit.checkpoint or (visit.run if catalogue.owns(visit.run, owner) else "")
        choices = checkpoint_choices(self.page.services, visit.owner, visit.lang)
        if catalogue.is_hub_id(wanted) and wanted not in {value for _, value in choices}:
            # The Hub is only asked when the tab opens: the page must not wait for it.
            return {self.parts.question.checkpoint: gr.update(choices=choices, value=wanted)}
        return self.open(wanted, visit.owner, visit.lang)

    def come(self, wanted: str, checkpoint: str, key: str, lang: str) -> Updates:
        """Outputs: those of `open`, for the checkpoint that another tab wants opened, or for the one chosen here."""
        return {self.page.checkpoint: "", **self.open(wanted or checkpoint, key, lang)}

    def open(self, wanted: str, key: str, lang: str) -> Updates:
        """Outputs: checkpoint with its choices, and those of `choose`.

        An id of the Hub that was typed stays chosen even if it cannot be found: the error is shown below it.
        """
        choices = checkpoint_choices(self.page.services, key, lang)
        ids = [value for _, value in choices]
        checkpoint = wanted if wanted in ids or self.page.catalogue.is_hub_id(wanted) else ids[0]
        choosing = guarded(self.choose, on_error=self.choose_refused)
        opened: Updates = {self.parts.question.checkpoint: gr.update(choices=choices, value=checkpoint)}
        return {**opened, **choosing(checkpoint, key, lang)}

    def speak(self, lang: str, checkpoint: str, key: str) -> Updates:
        """Outputs: those of `open`, in another language."""
        return self.open(checkpoint, key, lang)

    def predict_file(
        self,
        file: str | None,
        checkpoint: str,
        key: str,
        lang: str,
        progress: Progress = gr.Progress(),  # noqa: B008
    ) -> Updates:
        """Outputs: how many rows were predicted, and the file with the predictions."""
        if not file:
            raise DataNotChosen
        services, path = self.page.services, Path(file)
        working = translate(lang, "predict.file_working", percent="{}")
        target = services.new_result_folder() / f"{path.stem[:80]}-predictions.csv"
        rows = predict_file(
            path,
            path.name,
            target,
            predictor=services.predictor,
            catalogue=services.catalogue,
            checkpoint=checkpoint,
            owner=services.owner(key),
            columns={},
            table_cache=services.table_cache,
            progress=lambda share: progress(share, desc=working.format(percent(share, 0))),
        )
        box, outcome = self.parts.file_box, root(caption(plural(lang, "predict.file_done", rows)))
        return {box.outcome: outcome, box.result: gr.update(value=str(target), visible=True)}

    def predict_file_refused(self, message: str) -> Updates:
        """Outputs: the error, and the file, which disappears."""
        box = self.parts.file_box
        return {box.outcome: root(error_state(message)), box.result: gr.update(visible=False)}


def build(page: Page) -> None:
    """Draw the tab and connect it."""
    parts = layout(page)
    callbacks = Callbacks(page, parts)
    _wire_checkpoint(page, parts, callbacks)
    _wire_text(page, parts, callbacks)
    _wire_file(page, parts, callbacks)
    search_panel.wire(page, parts.search, parts.question.checkpoint)


def _wire_checkpoint(page: Page, parts: Components, callbacks: Callbacks) -> None:
    """Connect the choice of a checkpoint, here, in another tab or in the address."""
    question, checkpoint = parts.question, parts.question.checkpoint
    described: list[Block] = [question.about, question.text, question.pair, question.train, parts.file_box.box]
    opened, who = [checkpoint, *described], [page.owner, page.lang]
    choosing = guarded(callbacks.choose, on_error=callbacks.choose_refused)
    checkpoint.change(choosing, [checkpoint, *who], described, **QUIET)
    checkpoint.input(None, checkpoint, None, js="(it) => window.bertdemo.address('checkpoint', it || '')")
    page.tells_model("predict", checkpoint)
    page.goes_to(question.train, "train")
    inputs: Sequence[Block] = [page.checkpoint, checkpoint, *who]
    page.on_open("predict", guarded(callbacks.come), inputs, [page.checkpoint, *opened])
    page.on_load(callbacks.arrive, [], opened)
    page.on_language(callbacks.speak, [checkpoint, page.owner], opened)


def _wire_text(page: Page, parts: Components, callbacks: Callbacks) -> None:
    """Connect one text to its answer, which is drawn again when the language changes."""
    question = parts.question
    inputs: Sequence[Block] = [question.text, question.pair, question.checkpoint]
    predicting = guarded(callbacks.predict, on_error=callbacks.predict_refused)
    for event in (question.go.click, question.text.submit):
        event(
            predicting,
            [*inputs, page.owner, page.lang],
            parts.answer,
            concurrency_id="infer",
            show_progress="minimal",
            api_visibility="private",
        )
        event(callbacks.remember, inputs, parts.answered, **QUIET)
    page.on_language(callbacks.answer_again, [parts.answered, page.owner], [parts.answer])


def _wire_file(page: Page, parts: Components, callbacks: Callbacks) -> None:
    """Connect a file of texts to its file of predictions."""
    box = parts.file_box
    box.go.click(
        guarded(callbacks.predict_file, on_error=callbacks.predict_file_refused),
        [box.file, parts.question.checkpoint, page.owner, page.lang],
        [box.outcome, box.result],
        concurrency_id="infer",
        api_visibility="private",
    )
    page.on_language(lambda lang: {box.outcome: ""}, [], [box.outcome])  # it is in the other language
