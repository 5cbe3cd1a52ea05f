"""How the file is read: what was decided of its encoding, delimiter, header, sheet and part, and each to be corrected.

Nothing is asked of who has an ordinary file; a guess opens the box by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block

from bertdemo.i18n.translation import plural, thousands, translate
from bertdemo.tables.parse_options import (
    DELIMITERS,
    ENCODINGS,
    GLUED,
    LABEL_FIRST,
    NONE,
    QUOTES,
    DetectedFormat,
    ParseOptions,
)
from bertdemo.tables.table import Table
from bertdemo.ui.fine_tune.dataset_state import DataView
from bertdemo.ui.html.primitives import caption, root
from bertdemo.ui.page import Page
from bertdemo.ui.updates import Updates

# Choice that leaves an option to the detection.
_DECIDE = "decide"
# Lines of a file that can be named as its header.
_HEADER_LINES = 10
_PARTS = ("encoding", "delimiter", "quote", "header", "sheet", "split")
# Kind of file -> the options that it has.
_OF_KIND: Mapping[str, Sequence[str]] = {
    "delimited": ("encoding", "delimiter", "quote", "header"),
    "lines": ("encoding", "delimiter", "quote", "header"),
    "json": ("encoding",),
    "jsonl": ("encoding",),
    "conll": ("encoding",),
    "squad": ("encoding",),
    "xlsx": ("header",),
    "parquet": (),
}
# Delimiter -> the end of its locale key.
_MARKS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", NONE: "none", LABEL_FIRST: "label", GLUED: "glued"}


@dataclass(frozen=True)
class Components:
    """What was decided in words, and each option to be corrected, by its name in ParseOptions."""

    said: gr.HTML
    options: Mapping[str, gr.Dropdown]


def layout(page: Page) -> Components:
    """Draw the options; each is visible where the kind of file has it."""
    make = page.words.make
    options: dict[str, gr.Dropdown] = {}
    said = gr.HTML("", elem_id="train-reading-said")
    with gr.Row():
        for name in _PARTS:
            options[name] = make(
                gr.Dropdown,
                {"label": f"reading.{name}", "choices": _choices(name)},
                value=_DECIDE,
                visible=False,
                elem_id=f"train-reading-{name}",
                min_width=130,
            )
    return Components(said, options)


def updates_of(parts: Components, view: DataView, lang: str) -> Updates:
    """Return updates of what was decided, and of each list."""
    if view.source.sample:
        return {parts.said: "", **{box: gr.update(visible=False) for box in parts.options.values()}}
    if view.table is None:  # the report shows the error; other parse options may fix it
        detected, description = DetectedFormat(kind="delimited"), ""
        lists: Mapping[str, Sequence[str]] = {}
    else:
        detected, description = view.table.detected, root(caption(describe(view.table, lang)))
        lists = {"sheet": detected.sheets, "split": detected.splits}
    boxes: Updates = {
        parts.options[name]: _list(name, detected, lists.get(name, ()), view.source.options) for name in _PARTS
    }
    return {parts.said: description, **boxes}


def options_of(parts: Components, values: Mapping[Block, Any]) -> ParseOptions:
    """Return what was chosen in the lists."""
    chosen = {name: values[box] for name, box in parts.options.items()}
    return ParseOptions.from_fields({name: value or "" for name, value in chosen.items() if value != _DECIDE})


def describe(table: Table, lang: str) -> str:
    """Say in one line how the file was read."""
    detected = table.detected
    parts = [translate(lang, f"reading.kind.{detected.kind}")] if detected.kind else []
    if detected.encoding:
        name = translate(lang, f"reading.encodings.{detected.encoding}")
        parts.append(name if detected.encoding_sure else translate(lang, "reading.guess", name=name))
    if detected.delimiter:
        parts.append(_mark(detected.delimiter, lang))
    if detected.kind in {"delimited", "xlsx"}:
        line = detected.header_line
        parts.append(
            translate(lang, "reading.header_line", n=thousands(line))
            if line
            else translate(lang, "reading.headers.none")
        )
    for name, chosen, others in (
        ("sheet", detected.sheet, detected.sheets),
        ("split", detected.split, detected.splits),
    ):
        if len(others) > 1:
            parts.append(translate(lang, f"reading.chosen_{name}", name=chosen, n=len(others)))
    return " · ".join([*parts, plural(lang, "data.rows", table.rows)])


def _list(name: str, detected: DetectedFormat, others: Sequence[str], options: ParseOptions) -> object:
    """Return the update of one list: shown where this kind of file has that to choose."""
    value = getattr(options, name) or _DECIDE
    if name in {"sheet", "split"}:
        if value != _DECIDE and not others:
            return gr.skip()  # the chosen option cannot be read: the others must stay available
        chosen = value if value != _DECIDE else getattr(detected, name)
        return gr.update(choices=list(others), value=chosen or None, visible=len(others) > 1)
    return gr.update(value=value, visible=name in _OF_KIND.get(detected.kind, ()) or value != _DECIDE)


def _choices(name: str) -> Callable[[str], object]:
    """Return what a list offers, as a function of the language."""
    known: dict[str, Sequence[str]] = {
        "encoding": tuple(ENCODINGS),
        "delimiter": (*DELIMITERS, NONE, LABEL_FIRST, GLUED),
        "quote": (*QUOTES, NONE),
        "header": (NONE, *map(str, range(1, _HEADER_LINES + 1))),
    }

    def choices(lang: str) -> list[tuple[str, str]]:
        named = [(_named(name, it, lang), it) for it in known.get(name, ())]  # sheets and parts are the file's own
        return [(translate(lang, "reading.decide"), _DECIDE), *named]

    return choices


def _named(name: str, value: str, lang: str) -> str:
    if name == "encoding":
        return translate(lang, f"reading.encodings.{value}")
    if name == "delimiter":
        return _mark(value, lang)
    if name == "quote":
        return translate(lang, "reading.quotes.none") if value == NONE else value
    return translate(lang, "reading.headers.none") if value == NONE else translate(lang, "reading.header_line", n=value)


def _mark(sign: str, lang: str) -> str:
    return translate(lang, f"reading.marks.{_MARKS[sign]}") if sign in _MARKS else sign
