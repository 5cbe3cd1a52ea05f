"""Semantic search in a visitor's documents, in Inference: works with any encoder, before any training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from bertdemo.i18n.translation import percent, translate
from bertdemo.services import Services
from bertdemo.tables.table_files import KINDS
from bertdemo.tasks.roles import TEXT, detect
from bertdemo.ui.html.primitives import caption, error_state, root
from bertdemo.ui.inference.search_html import render_search
from bertdemo.ui.localized import LocalizedComponents, guarded
from bertdemo.ui.page import Page
from bertdemo.ui.updates import Progress, Updates

# Documents in each ranking on the page.
_HITS = 10


def documents_of(services: Services, file: str) -> list[str]:
    """Return the texts in the column of a file that looks most like prose, row by row, "" where one is missing."""
    path = Path(file)
    table = services.table_cache.table(path, path.name)
    return [cell or "" for cell in table.columns[detect(table, [TEXT])["text"]]]


@dataclass(frozen=True)
class Components:
    """The documents, a query, and the results."""

    documents: gr.Textbox
    file: gr.File
    query: gr.Textbox
    go: gr.Button
    answer: gr.HTML


@dataclass(frozen=True)
class Callbacks:
    """The listeners of this panel."""

    services: Services
    parts: Components

    def search(
        self,
        query: str,
        documents: str,
        file: str | None,
        checkpoint: str,
        key: str,
        lang: str,
        progress: Progress = gr.Progress(),  # noqa: B008
    ) -> Updates:
        """Outputs: the answer; the documents of a file are taken before those that were typed."""
        texts = documents_of(self.services, file) if file else (documents or "").splitlines()
        working = translate(lang, "search.working", percent="{}")
        results = self.services.searcher.search(
            query or "",
            texts,
            checkpoint,
            self.services.owner(key),
            _HITS,
            lambda share: progress(share, desc=working.format(percent(share, 0))),
            sentences=True,
        )
        return {self.parts.answer: render_search(results, lang)}

    def refused(self, message: str) -> Updates:
        """Outputs: the answer."""
        return {self.parts.answer: root(error_state(message))}


def layout(words: LocalizedComponents) -> Components:
    """Draw the box."""
    with words.make(gr.Accordion, {"label": "search.title"}, open=False, elem_id="predict-search-box"):
        words.make(gr.HTML, {"value": lambda lang: root(caption(translate(lang, "search.about")))})
        with gr.Row(equal_height=False):
            documents, file = _documents(words), _file(words)
        with gr.Row(elem_classes="bd-controls"):
            query = _query(words)
            go = words.make(gr.Button, {"value": "search.go"}, variant="primary", elem_id="predict-search", scale=0)
        return Components(documents, file, query, go, gr.HTML("", elem_id="predict-found"))


def _documents(words: LocalizedComponents) -> gr.Textbox:
    sources = {"label": "search.lines", "placeholder": "search.lines_placeholder"}
    return words.make(gr.Textbox, sources, lines=6, max_lines=16, elem_id="predict-documents", min_width=260)


def _file(words: LocalizedComponents) -> gr.File:
    kinds = list(KINDS)
    return words.make(
        gr.File, {"label": "search.file"}, file_types=kinds, height=110, elem_id="predict-documents-file", min_width=200
    )


def _query(words: LocalizedComponents) -> gr.Textbox:
    sources = {"label": "search.query", "placeholder": "search.query_placeholder"}
    return words.make(gr.Textbox, sources, lines=1, max_lines=3, elem_id="predict-query", scale=4, min_width=220)


def wire(page: Page, parts: Components, checkpoint: gr.Dropdown) -> None:
    """Connect the query, which is answered with the checkpoint of the tab."""
    callbacks = Callbacks(page.services, parts)
    for event in (parts.go.click, parts.query.submit):
        event(
            guarded(callbacks.search, on_error=callbacks.refused),
            [parts.query, parts.documents, parts.file, checkpoint, page.owner, page.lang],
            parts.answer,
            concurrency_id="infer",
            show_progress_on=parts.answer,
            api_visibility="private",
        )
    page.on_language(lambda lang: {parts.answer: ""}, [], [parts.answer])  # it is in the other language
