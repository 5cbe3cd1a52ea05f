"""The components of Inference: a checkpoint and a text, the answer beside them, a file below."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from bertdemo.i18n.translation import translate
from bertdemo.tables.table_files import KINDS
from bertdemo.ui.html.primitives import empty_state, root
from bertdemo.ui.inference import search_panel
from bertdemo.ui.localized import LocalizedComponents
from bertdemo.ui.page import Page


@dataclass(frozen=True)
class Question:
    """The text or texts to predict on, and the checkpoint."""

    checkpoint: gr.Dropdown
    about: gr.HTML
    text: gr.Textbox
    pair: gr.Textbox
    go: gr.Button
    # Opens Fine-tune; visible where the checkpoint has no head.
    train: gr.Button


@dataclass(frozen=True)
class FileBox:
    """A file of texts, and the file of predictions for them."""

    box: gr.Accordion
    file: gr.File
    go: gr.Button
    outcome: gr.HTML
    result: gr.File


@dataclass(frozen=True)
class Components:
    """Everything in the tab that a listener reads or changes."""

    question: Question
    # (text, pair, checkpoint) of the answer on the page, None where there is none.
    answered: gr.State
    answer: gr.HTML
    file_box: FileBox
    search: search_panel.Components


def layout(page: Page) -> Components:
    """Draw the tab as it opens, before a checkpoint is chosen."""
    words = page.words
    with gr.Row(elem_classes="bd-pair", equal_height=False):
        with gr.Column(min_width=320):
            question = _question(words)
        with gr.Column(min_width=320, elem_classes="bd-box"):
            answer = words.make(gr.HTML, {"value": no_answer}, elem_id="predict-answer")
    return Components(question, gr.State(None), answer, _file_box(words), search_panel.layout(words))


def no_answer(lang: str) -> str:
    """Draw the place of the answer before the first prediction."""
    return root(empty_state(translate(lang, "predict.empty")))


def _question(words: LocalizedComponents) -> Question:
    checkpoint = words.make(
        gr.Dropdown,
        {"label": "predict.checkpoint"},
        choices=[("bundled", "bundled")],
        value="bundled",
        allow_custom_value=True,
        elem_id="predict-checkpoint",
    )
    about = gr.HTML("", elem_id="predict-about")
    # Their labels follow the roles of the checkpoint's task, and the second box is hidden where it reads one text.
    text, pair = _text(words, "text", lines=3), _text(words, "pair", lines=2)
    with gr.Row():
        go = words.make(gr.Button, {"value": "predict.go"}, variant="primary", elem_id="predict-go", scale=0)
        train = words.make(gr.Button, {"value": "predict.fine_tune"}, elem_id="predict-train", scale=0)
    return Question(checkpoint, about, text, pair, go, train)


def _text(words: LocalizedComponents, name: str, lines: int) -> gr.Textbox:
    sources = {"label": f"predict.{name}", "placeholder": "predict.text_placeholder"}
    return words.make(gr.Textbox, sources, lines=lines, max_lines=12, elem_id=f"predict-{name}")


def _file_box(words: LocalizedComponents) -> FileBox:
    # Visible once a checkpoint with a trained head is chosen.
    box = words.make(gr.Accordion, {"label": "predict.file_box"}, open=False, visible=False, elem_id="predict-file-box")
    with box:
        file = words.make(
            gr.File, {"label": "predict.file"}, height=110, elem_id="predict-file", file_types=list(KINDS)
        )
        go = words.make(gr.Button, {"value": "predict.file_go"}, variant="primary", elem_id="predict-file-go", scale=0)
        outcome = gr.HTML("", elem_id="predict-file-told")
        result = words.make(
            gr.File, {"label": "predict.file_result"}, visible=False, interactive=False, elem_id="predict-result"
        )
    return FileBox(box, file, go, outcome, result)
