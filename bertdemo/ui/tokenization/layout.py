"""The components of Tokenization: the text and its tokens, the controls, the stages in between."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from bertdemo.i18n.translation import translate
from bertdemo.ui.html.glossary import render_glossary
from bertdemo.ui.html.primitives import caption, root
from bertdemo.ui.localized import LocalizedComponents
from bertdemo.ui.page import SAMPLES, Page
from bertdemo.ui.tokenization.choices import BUNDLED, CheckpointChoices
from bertdemo.ui.tokenization.drawings import Drawings


@dataclass(frozen=True)
class Controls:
    """The choice of tokenizers, and the longest sequence."""

    checkpoint: gr.Dropdown
    compare: gr.Dropdown
    max_length: gr.Number
    add_pair: gr.Button


@dataclass(frozen=True)
class Pictures:
    """One component per drawing."""

    strip: gr.HTML
    compared: gr.HTML
    stages: gr.HTML
    table: gr.HTML


@dataclass(frozen=True)
class Components:
    """Everything in the tab that a listener reads or changes."""

    text: gr.Textbox
    pair: gr.Textbox
    controls: Controls
    pictures: Pictures
    # Opens Inside BERT where it says what BERT is, and Fine-tune; absent where the page has no such tab.
    what: gr.Button | None
    train: gr.Button | None


def layout(page: Page, drawings: Drawings) -> Components:
    """Draw the tab as it opens, with these drawings of the sample."""
    words = page.words
    what = _what(words) if "inside" in page.tab_ids else None
    text, pair = _text(words), _pair(words)
    strip = gr.HTML(drawings.strip, elem_id="tokens-strip")
    controls = _controls(words, CheckpointChoices(page.services))
    compared = gr.HTML(drawings.compared, elem_id="tokens-compared")
    stages = gr.HTML(drawings.stages, elem_id="tokens-stages")
    with words.make(gr.Accordion, {"label": "tokens.table"}, open=False, elem_id="tokens-table-box"):
        table = gr.HTML(drawings.table, elem_id="tokens-table")
    train = _train(words) if "train" in page.tab_ids else None
    with words.make(gr.Accordion, {"label": "glossary.title"}, open=False, elem_id="tokens-glossary-box"):
        words.make(gr.HTML, {"value": render_glossary}, elem_id="tokens-glossary")
    return Components(text, pair, controls, Pictures(strip, compared, stages, table), what, train)


def _what(words: LocalizedComponents) -> gr.Button:
    """Draw the line for who has not met BERT."""
    with gr.Row(elem_classes="bd-line"):
        words.make(gr.HTML, {"value": lambda lang: root(caption(translate(lang, "tokens.what")))}, min_width=0)
        return words.make(gr.Button, {"value": "tokens.what_button"}, size="sm", elem_id="tokens-what", min_width=0)


def _text(words: LocalizedComponents) -> gr.Textbox:
    # One line at first, which grows to eight while somebody types.
    return words.make(
        gr.Textbox,
        {"label": "tokens.text", "placeholder": "tokens.text_placeholder"},
        value=SAMPLES["en"],
        lines=1,
        max_lines=8,
        container=False,
        elem_id="tokens-text",
        elem_classes="bd-write",
    )


def _pair(words: LocalizedComponents) -> gr.Textbox:
    return words.make(
        gr.Textbox,
        {"label": "tokens.pair", "placeholder": "tokens.pair_placeholder"},
        lines=1,
        max_lines=8,
        container=False,
        visible=False,
        elem_id="tokens-pair",
        elem_classes="bd-write",
    )


def _controls(words: LocalizedComponents, choices: CheckpointChoices) -> Controls:
    with gr.Row(elem_classes="bd-controls"):
        # Custom values: any id of the Hub may be typed.
        checkpoint = words.make(
            gr.Dropdown,
            {"label": "tokens.checkpoint", "choices": choices.main},
            value=BUNDLED,
            allow_custom_value=True,
            elem_id="tokens-checkpoint",
            scale=3,
            min_width=220,
        )
        compare = words.make(
            gr.Dropdown,
            {"label": "tokens.compare", "choices": choices.compared},
            value="",
            allow_custom_value=True,
            elem_id="tokens-compare",
            scale=3,
            min_width=220,
        )
        return Controls(checkpoint, compare, _max_length(words), _add_pair(words))


def _max_length(words: LocalizedComponents) -> gr.Number:
    # 512 are the positions of the bundled model; `Callbacks.choose` sets those of another checkpoint.
    return words.make(
        gr.Number,
        {"label": "tokens.max_length"},
        value=512,
        minimum=2,
        maximum=512,
        precision=0,
        elem_id="tokens-length",
        scale=1,
        min_width=120,
    )


def _add_pair(words: LocalizedComponents) -> gr.Button:
    return words.make(
        gr.Button, {"value": "tokens.add_pair"}, size="md", elem_id="tokens-add-pair", scale=0, min_width=180
    )


def _train(words: LocalizedComponents) -> gr.Button:
    return words.make(gr.Button, {"value": "tokens.train"}, variant="primary", elem_id="tokens-train", scale=0)
