"""The components of Inference: a checkpoint, examples and a text, the answer beside them, a file and a search below."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from bertdemo.ui.inference import file_panel, search_panel
from bertdemo.ui.inference.examples import NO_EXAMPLES
from bertdemo.ui.localized import LocalizedComponents
from bertdemo.ui.page import Page

# The scripts are in assets/inference.js. What stands in the place of the answer is drawn by it, because only the page
# knows whether what was asked for is still in the boxes.
_PLACE = '<div class="bd-answer-place"></div><p class="bd-answer-said" role="status"></p>'
_DRAW = "window.bertdemo.predictDraw(element, props, watch)"
_PRESS = "window.bertdemo.predictExamples(element, trigger)"


@dataclass(frozen=True)
class Question:
    """The text or texts to predict on, and the checkpoint."""

    checkpoint: gr.Dropdown
    about: gr.HTML
    text: gr.Textbox
    pair: gr.Textbox
    # The examples as chips, and as `Offered`.
    examples: gr.HTML
    offered: gr.State
    # Downloads the checkpoint; visible where it is not on this machine.
    download: gr.Button
    # Opens Fine-tune; visible where the checkpoint has no head.
    train: gr.Button


@dataclass(frozen=True)
class Components:
    """Everything in the tab that a listener reads or changes."""

    question: Question
    # Pressed by the page's script when an answer is due, with the number of the question.
    ask: gr.Button
    number: gr.Number
    # {"n": number of the question, "html": the drawing, "example": index or None}, or {"again": anything}: ask anew.
    answer: gr.HTML
    file: file_panel.Components
    search: search_panel.Components


def layout(page: Page) -> Components:
    """Draw the tab as it opens, before a checkpoint is chosen."""
    words = page.words
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            question = _question(words)
        with gr.Column(min_width=320, elem_classes="bd-box", elem_id="predict-answer-box"):
            answer = gr.HTML({}, html_template=_PLACE, js_on_load=_DRAW, elem_id="predict-answer")
    ask = gr.Button("ask", visible="hidden", elem_id="predict-ask")
    number = gr.Number(0, visible=False)
    return Components(question, ask, number, answer, file_panel.layout(words), search_panel.layout(words))


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
    text, pair = _text(words, "text"), _text(words, "pair")
    examples = gr.HTML("", js_on_load=_PRESS, elem_id="predict-examples")
    with gr.Row(elem_classes="bd-actions"):
        download = gr.Button("", visible=False, variant="primary", elem_id="predict-download")
        train = words.make(gr.Button, {"value": "predict.fine_tune"}, elem_id="predict-train")
    return Question(checkpoint, about, text, pair, examples, gr.State(NO_EXAMPLES), download, train)


def _text(words: LocalizedComponents, name: str) -> gr.Textbox:
    # With one line to begin with, Enter is no line break: it answers at once.
    sources = {"label": f"predict.{name}", "placeholder": "predict.text_placeholder"}
    return words.make(gr.Textbox, sources, lines=1, max_lines=12, elem_id=f"predict-{name}", elem_classes="bd-ask")
