"""Inference: a text to labels, the same text before training beside it, and a whole file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from bertdemo import tasks
from bertdemo.errors import DataNotChosen
from bertdemo.hub.progress import DownloadProgress
from bertdemo.i18n.translation import percent, plural, translate
from bertdemo.services import Services
from bertdemo.serving.files import predict_file
from bertdemo.tables.table_files import KINDS
from bertdemo.ui.html.predictions import Asked, describe, render_prediction, render_vector
from bertdemo.ui.html.primitives import caption, empty_state, error_state, join, note, root
from bertdemo.ui.html.run_list import when
from bertdemo.ui.inference import search_panel
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page, Visit
from bertdemo.ui.updates import keyed

_POOLING = "mean"
_BOX = {
    "text": "predict.text", "pair": "predict.pair", "question": "predict.question", "context": "predict.context",
    "tokens": "predict.text", "source": "predict.text",
}  # fmt: skip
"""Role -> the name of its box."""
_ARRIVED = 3


class _Callbacks:
    """The listeners of this tab, without the page."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def predict(self, text: str, pair: str, checkpoint: str, key: str, lang: str, progress: Callable[..., Any]) -> str:
        """Inputs: text, second text, checkpoint, owner, lang. Outputs: the answer."""
        owner = self._services.owner(key)
        info = self._services.catalogue.describe(checkpoint, owner)
        if not info.ready:

            def say(done: DownloadProgress) -> None:
                progress(done.share, desc=translate(lang, "run.fetching", percent=percent(done.share, 0)))

            self._services.catalogue.folder(info.id, owner, say)
        if info.task:
            second = pair if tasks.find(info.task).reads_pairs else ""
            answer = self._services.predictor.predict(text, second, info.id, owner)
            return render_prediction(answer.output, answer.before, info.name, lang, Asked(text, second))
        similarity = self._services.predictor.similarity(text, pair, info.id, owner) if pair.strip() else None
        vector = self._services.predictor.embed([text], info.id, _POOLING, owner)[0]
        return join([root(note(translate(lang, "predict.no_head"))), render_vector(vector, _POOLING, similarity, lang)])

    def choose(self, checkpoint: str, key: str, lang: str) -> tuple[Any, ...]:
        """Inputs: checkpoint, owner, lang. Outputs: what it is, both texts, Fine-tune button, file box."""
        info = self._services.catalogue.describe(checkpoint, self._services.owner(key))
        task = tasks.find(info.task) if info.task else None
        names = {role.place: role.name for role in task.reads} if task else {}
        first, second = (translate(lang, _BOX[names.get(place, place)]) for place in ("text", "pair"))
        return (
            describe(info, lang),
            gr.update(label=first),
            gr.update(visible=task is None or task.reads_pairs, label=second),
            gr.update(visible=task is None),
            gr.update(visible=task is not None),
        )

    def arrive(self, visit: Visit) -> tuple[Any, ...]:
        """Inputs: the visit. Outputs: checkpoint, then those of `choose`."""
        owner = self._services.owner(visit.owner)
        wanted = visit.checkpoint or (visit.run if self._services.catalogue.owns(visit.run, owner) else "")
        choices = self.choices(visit.owner, visit.lang)
        if self._services.catalogue.is_hub_id(wanted) and wanted not in {value for _, value in choices}:
            # The Hub is asked when the tab opens: the page must not wait for it.
            return (gr.update(choices=choices, value=wanted), *(gr.skip(),) * 5)
        return self.open(wanted, visit.owner, visit.lang)

    def open(self, wanted: str, key: str, lang: str) -> tuple[Any, ...]:
        """Inputs: checkpoint, owner, lang. Outputs: checkpoint with its choices, then those of `choose`.

        An id of the Hub that was typed is kept, whatever the Hub says of it now: that stands below.
        """
        choices = self.choices(key, lang)
        known = [value for _, value in choices]
        chosen = wanted if wanted in known or self._services.catalogue.is_hub_id(wanted) else next(iter(known))
        return (gr.update(choices=choices, value=chosen), *guarded(self.choose, shown=_not_chosen)(chosen, key, lang))

    def choices(self, key: str, lang: str) -> list[tuple[str, str]]:
        """Return this owner's checkpoints: trained ones first, newest first, then those that can be had."""
        found = self._services.catalogue.list(self._services.owner(key))
        order = {"trained": 0, "bundled": 1, "local": 2, "hub": 3}
        named = []
        for info in sorted(found, key=lambda info: order[info.source]):
            if info.source == "trained":
                metric = (
                    f"{info.metric:.3f}" if info.metric is not None else translate(lang, "predict.choice_unmeasured")
                )
                words = translate(
                    lang, "predict.choice_trained", name=info.name, metric=metric, when=when(info.created)
                )
            else:
                words = translate(
                    lang, "checkpoint.choice" if info.ready else "checkpoint.choice_remote", name=info.name
                )
            named.append((words, info.id))
        return named

    def predict_file(
        self, file: str | None, checkpoint: str, key: str, lang: str, progress: gr.Progress
    ) -> tuple[Any, Any]:
        """Inputs: file, checkpoint, owner, lang. Outputs: what was done, the file with predictions."""
        if not file:
            raise DataNotChosen
        path = Path(file)
        target = self._services.new_result_folder() / f"{path.stem[:80]}-predictions.csv"
        rows = predict_file(
            path, path.name, target, predictor=self._services.predictor, catalogue=self._services.catalogue,
            checkpoint=checkpoint, owner=self._services.owner(key), columns={}, shelf=self._services.shelf,
            progress=lambda share: progress(
                share, desc=translate(lang, "predict.file_working", percent=percent(share, 0))
            ),
        )  # fmt: skip
        return root(caption(plural(lang, "predict.file_done", rows))), gr.update(value=str(target), visible=True)


def build(page: Page) -> None:
    """Draw the tab."""
    services = page.services
    calls, make = _Callbacks(services), page.words.make
    with gr.Row(elem_classes="bd-pair", equal_height=False):
        with gr.Column(min_width=320):
            checkpoint = make(
                gr.Dropdown, {"label": "predict.checkpoint"}, choices=[("bundled", "bundled")], value="bundled",
                allow_custom_value=True, elem_id="predict-checkpoint",
            )  # fmt: skip
            about = gr.HTML("", elem_id="predict-about")
            text = make(
                gr.Textbox, {"label": "predict.text", "placeholder": "predict.text_placeholder"},
                lines=3, max_lines=12, elem_id="predict-text",
            )  # fmt: skip
            pair = make(
                gr.Textbox, {"label": "predict.pair", "placeholder": "predict.text_placeholder"},
                lines=2, max_lines=12, elem_id="predict-pair",
            )  # fmt: skip
            with gr.Row():
                go = make(gr.Button, {"value": "predict.go"}, variant="primary", elem_id="predict-go", scale=0)
                train = make(gr.Button, {"value": "predict.fine_tune"}, elem_id="predict-train", scale=0)
        with gr.Column(min_width=320, elem_classes="bd-box"):
            answer = make(
                gr.HTML, {"value": lambda lang: root(empty_state(translate(lang, "predict.empty")))},
                elem_id="predict-answer",
            )  # fmt: skip
    with make(
        gr.Accordion, {"label": "predict.file_box"}, open=False, visible=False, elem_id="predict-file-box"
    ) as box:
        file = make(gr.File, {"label": "predict.file"}, height=110, elem_id="predict-file",
                    file_types=list(KINDS))  # fmt: skip
        run = make(gr.Button, {"value": "predict.file_go"}, variant="primary", elem_id="predict-file-go", scale=0)
        told = gr.HTML("", elem_id="predict-file-told")
        result = make(
            gr.File, {"label": "predict.file_result"}, visible=False, interactive=False, elem_id="predict-result"
        )

    search_panel.build(page, checkpoint)
    _wire(page, calls, {
        "checkpoint": checkpoint, "about": about, "text": text, "pair": pair, "go": go, "train": train,
        "answer": answer, "box": box, "file": file, "run": run, "told": told, "result": result,
    })  # fmt: skip


_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def _wire(page: Page, calls: _Callbacks, parts: dict[str, Any]) -> None:
    """Connect the choice of a checkpoint, then the rest."""
    who, checkpoint = [page.owner, page.lang], parts["checkpoint"]
    chosen = [parts["about"], parts["text"], parts["pair"], parts["train"], parts["box"]]
    checkpoint.change(
        guarded(calls.choose, shown=_not_chosen),
        [checkpoint, *who], chosen, queue=False, **_QUIET,
    )  # fmt: skip
    drawn = [checkpoint, *chosen]
    _wire_text(page, calls, parts)
    _wire_file(page, calls, parts)
    checkpoint.input(None, checkpoint, None, js="(it) => window.bertdemo.address('checkpoint', it || '')")
    page.tells_model("predict", checkpoint)
    page.goes_to(parts["train"], "train")

    def opened(wanted: str, now: str, key: str, lang: str) -> tuple[Any, ...]:
        return ("", *calls.open(wanted or now, key, lang))

    page.on_open(
        "predict",
        keyed(guarded(opened), [page.checkpoint, *drawn]),
        [page.checkpoint, checkpoint, *who],
        [page.checkpoint, *drawn],
    )
    page.on_load(keyed(calls.arrive, drawn), [], drawn)
    page.on_language(keyed(lambda lang, now, key: calls.open(now, key, lang), drawn), [checkpoint, page.owner], drawn)


def _wire_text(page: Page, calls: _Callbacks, parts: dict[str, Any]) -> None:
    """Connect one text to its answer, which is given again in the other language."""
    asked = gr.State(None)  # the question whose answer is shown
    question = [parts["text"], parts["pair"], parts["checkpoint"]]

    def listener(
        text: str,
        pair: str,
        checkpoint: str,
        key: str,
        lang: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> str:
        return calls.predict(text, pair, checkpoint, key, lang, progress)

    def again(lang: str, question: tuple[str, str, str] | None, key: str) -> str:
        if not question:
            return root(empty_state(translate(lang, "predict.empty")))
        return guarded(calls.predict, shown=_refused)(*question, key, lang=lang, progress=lambda *_, **__: None)

    for event in (parts["go"].click, parts["text"].submit):
        event(
            guarded(listener, shown=_refused), [*question, page.owner, page.lang], parts["answer"],
            concurrency_id="infer", show_progress="minimal", api_visibility="private",
        )  # fmt: skip
        event(lambda *question: question, question, asked, queue=False, **_QUIET)
    page.on_language(keyed(again, [parts["answer"]]), [asked, page.owner], [parts["answer"]])


def _wire_file(page: Page, calls: _Callbacks, parts: dict[str, Any]) -> None:
    """Connect a file of texts to its file of predictions."""

    def listener(
        file: str | None,
        checkpoint: str,
        key: str,
        lang: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, Any]:
        return calls.predict_file(file, checkpoint, key, lang, progress)

    parts["run"].click(
        guarded(listener, shown=lambda told: (_refused(told), gr.update(visible=False))),
        [parts["file"], parts["checkpoint"], page.owner, page.lang], [parts["told"], parts["result"]],
        concurrency_id="infer", api_visibility="private",
    )  # fmt: skip
    page.on_language(lambda lang: {parts["told"]: ""}, [], [parts["told"]])


def _not_chosen(told: str) -> tuple[Any, ...]:
    return (_refused(told), *(gr.skip(),) * 4)


def _refused(told: str) -> str:
    return root(error_state(told))
