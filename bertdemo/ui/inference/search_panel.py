"""Search in one's own documents, below the one text of Inference: works with any encoder, before any training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from bertdemo.i18n.translation import percent, translate
from bertdemo.services import Services
from bertdemo.tables.table_files import KINDS
from bertdemo.tasks.roles import detect
from bertdemo.ui.html.primitives import caption, error_state, root
from bertdemo.ui.inference.search_html import render_search
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page

_HITS = 10


def documents_of(services: Services, file: str) -> list[str]:
    """Return the texts of a file: of the column that looks most like writing, row by row, "" where one is missing."""
    path = Path(file)
    table = services.shelf.table(path, path.name)
    return [cell or "" for cell in table.columns[detect(table, ["text"])["text"]]]


def build(page: Page, checkpoint: gr.Dropdown) -> None:
    """Draw the box and connect it."""
    make, services = page.words.make, page.services
    with make(gr.Accordion, {"label": "search.title"}, open=False, elem_id="predict-search-box"):
        make(gr.HTML, {"value": lambda lang: root(caption(translate(lang, "search.about")))})
        with gr.Row(equal_height=False):
            documents = make(
                gr.Textbox, {"label": "search.lines", "placeholder": "search.lines_placeholder"}, lines=6, max_lines=16,
                elem_id="predict-documents", min_width=260,
            )  # fmt: skip
            file = make(
                gr.File, {"label": "search.file"}, file_types=list(KINDS), height=110, elem_id="predict-documents-file",
                min_width=200,
            )  # fmt: skip
        with gr.Row(elem_classes="bd-controls"):
            query = make(
                gr.Textbox, {"label": "search.query", "placeholder": "search.query_placeholder"}, lines=1, max_lines=3,
                elem_id="predict-query", scale=4, min_width=220,
            )  # fmt: skip
            go = make(gr.Button, {"value": "search.go"}, variant="primary", elem_id="predict-search", scale=0)
        answer = gr.HTML("", elem_id="predict-found")

    def listener(
        query: str, documents: str, file: str | None, checkpoint: str, key: str, lang: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> str:  # fmt: skip
        texts = documents_of(services, file) if file else (documents or "").splitlines()
        working = translate(lang, "search.working", percent="{}")
        found = services.searcher.search(
            query or "", texts, checkpoint, services.owner(key), _HITS,
            lambda share: progress(share, desc=working.format(percent(share, 0))),
        )  # fmt: skip
        return render_search(found, lang)

    quiet: dict[str, Any] = {"concurrency_id": "infer", "show_progress_on": answer, "api_visibility": "private"}
    for event in (go.click, query.submit):
        event(
            guarded(listener, shown=lambda told: root(error_state(told))),
            [query, documents, file, checkpoint, page.owner, page.lang], answer, **quiet,
        )  # fmt: skip
    page.on_language(lambda lang: {answer: ""}, [], [answer])
