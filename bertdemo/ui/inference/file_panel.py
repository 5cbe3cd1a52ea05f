"""A file of texts in Inference: its predictions in the page and as a file to download."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from bertdemo.errors import DataNotChosen
from bertdemo.i18n.translation import percent, translate
from bertdemo.serving.files import predict_file
from bertdemo.tables.table_files import KINDS
from bertdemo.ui.html.primitives import error_state, root
from bertdemo.ui.inference.file_html import render_file
from bertdemo.ui.localized import LocalizedComponents, guarded
from bertdemo.ui.page import Page
from bertdemo.ui.updates import QUIET, Progress, Updates


@dataclass(frozen=True)
class Components:
    """A file of texts, and its predictions."""

    box: gr.Accordion
    file: gr.File
    go: gr.Button
    result: gr.DownloadButton
    outcome: gr.HTML


@dataclass(frozen=True)
class Callbacks:
    """The listeners of this panel."""

    page: Page
    parts: Components

    def predict(
        self,
        file: str | None,
        checkpoint: str,
        key: str,
        lang: str,
        progress: Progress = gr.Progress(),  # noqa: B008
    ) -> Updates:
        """Outputs: what was predicted, and the file to download."""
        if not file:
            raise DataNotChosen
        services, path = self.page.services, Path(file)
        working = translate(lang, "predict.file_working", percent="{}")
        with services.result_file(f"{path.stem[:80]}-predictions.csv", checkpoint) as target:
            result = predict_file(
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
        download = gr.update(value=str(target), visible=result.predicted > 0)
        return {self.parts.outcome: render_file(result, lang), self.parts.result: download}

    def refused(self, message: str) -> Updates:
        """Outputs: the error, and the file, which disappears."""
        return {self.parts.outcome: root(error_state(message)), self.parts.result: gr.update(visible=False)}

    def cleared(self) -> Updates:
        """Outputs: nothing predicted, since the file, the checkpoint or the language is another one."""
        return {self.parts.outcome: "", self.parts.result: gr.update(visible=False)}


def layout(words: LocalizedComponents) -> Components:
    """Draw the box, visible once a checkpoint with a trained head is chosen."""
    box = words.make(gr.Accordion, {"label": "predict.file_box"}, open=False, visible=False, elem_id="predict-file-box")
    with box:
        file = words.make(
            gr.File, {"label": "predict.file"}, height=110, elem_id="predict-file", file_types=list(KINDS)
        )
        with gr.Row(elem_classes="bd-actions"):
            go = words.make(gr.Button, {"value": "predict.file_go"}, variant="primary", elem_id="predict-file-go")
            result = words.make(
                gr.DownloadButton, {"label": "predict.file_result"}, visible=False, elem_id="predict-result"
            )
        outcome = gr.HTML("", elem_id="predict-file-told")
    return Components(box, file, go, result, outcome)


def wire(page: Page, parts: Components, checkpoint: gr.Dropdown) -> None:
    """Connect a file of texts to its predictions with the checkpoint of the tab."""
    callbacks = Callbacks(page, parts)
    outputs = [parts.outcome, parts.result]
    parts.go.click(
        guarded(callbacks.predict, on_error=callbacks.refused),
        [parts.file, checkpoint, page.owner, page.lang],
        outputs,
        concurrency_id="infer",
        show_progress_on=parts.outcome,
        api_visibility="private",
    )
    # What was predicted for another file, or by another model, is no answer to what is chosen now.
    for event in (parts.file.change, checkpoint.change):
        event(callbacks.cleared, None, outputs, **QUIET)
    page.on_language(lambda lang: callbacks.cleared(), [], outputs)
