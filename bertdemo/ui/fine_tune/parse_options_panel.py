"""How the file is read: what was decided of its encoding, delimiter, header, sheet and part, and each to be corrected.

Nothing is asked of who has an ordinary file; a guess opens the box by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from bertdemo.errors import BertDemoError
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
from bertdemo.ui.fine_tune.dataset_state import ChosenData, Source
from bertdemo.ui.html.primitives import caption, root
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page
from bertdemo.ui.updates import QUIET

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


def build(page: Page) -> dict[str, Any]:
    """Draw the box; hidden until a file is there."""
    make = page.words.make
    parts: dict[str, Any] = {}
    with make(gr.Accordion, {"label": "reading.title"}, open=False, visible=False, elem_id="train-reading") as box:
        parts["said"] = gr.HTML("", elem_id="train-reading-said")
        for pair in (_PARTS[:2], _PARTS[2:4], _PARTS[4:]):
            with gr.Row():
                for name in pair:
                    parts[name] = make(
                        gr.Dropdown,
                        {"label": f"reading.{name}", "choices": _choices(name)},
                        value=_DECIDE,
                        visible=False,
                        elem_id=f"train-reading-{name}",
                        min_width=130,
                    )
    parts["box"] = box
    return parts


def wire(
    page: Page,
    parts: Mapping[str, Any],
    source: gr.State,
    report: gr.HTML,
    who: Sequence[Any],
    dataset_outputs: Sequence[Any],
) -> None:
    """Connect it: a correction reads the file again, another file shows what was decided for it."""
    data = ChosenData(page.services)
    places = [parts[name] for name in ("box", "said", *_PARTS)]

    def tell(source: Source | None, lang: str) -> tuple[Any, ...]:
        return _told(data, source, lang)

    def read_again(
        source: Source | None,
        encoding: str,
        delimiter: str,
        quote: str,
        header: str,
        sheet: str,
        split: str,
        checkpoint: str,
        key: str,
        lang: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        chosen = (encoding, delimiter, quote, header, sheet, split)
        if source is None:
            return (None, *data.nothing(lang))
        fields = {name: value or "" for name, value in zip(_PARTS, chosen, strict=True) if value != _DECIDE}
        # Cleaning and relabeling belonged to other rows, so they are dropped.
        corrected = replace(source, options=ParseOptions.from_fields(fields), cleaning=(), changed=())
        return (corrected, *data.shown(corrected, None, checkpoint, key, lang, progress))

    source.change(guarded(tell, on_error=lambda _: (gr.skip(),) * len(places)), [source, page.lang], places, **QUIET)
    for name in _PARTS:
        parts[name].input(
            guarded(read_again),
            [source, *(parts[part] for part in _PARTS), *who],
            [source, *dataset_outputs],
            show_progress_on=report,
            api_visibility="private",
        )
    page.on_language(lambda lang, source: {parts["said"]: _told(data, source, lang)[1]}, [source], [parts["said"]])


def _told(data: ChosenData, source: Source | None, lang: str) -> tuple[Any, ...]:
    """Return updates: the box, what was decided, then each list."""
    if source is None or source.sample:
        return (gr.update(visible=False), *(gr.skip(),) * (1 + len(_PARTS)))
    try:
        table = data.read(source)
    except BertDemoError:  # the report shows the error; other parse options may fix it
        detected, description = DetectedFormat(kind="delimited"), ""
        lists = {}
    else:
        detected, description = table.detected, root(caption(describe(table, lang)))
        lists = {"sheet": detected.sheets, "split": detected.splits}
    updates = [_list(name, detected, lists.get(name, ()), source.options) for name in _PARTS]
    # A guessed encoding may be wrong, so the box opens by itself.
    opens = {"open": True} if not detected.encoding_sure else {}
    return gr.update(visible=True, **opens), description, *updates


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


def _list(name: str, detected: DetectedFormat, others: Sequence[str], options: ParseOptions) -> Any:
    """Return the update of one list: shown where this kind of file has that to choose."""
    value = getattr(options, name) or _DECIDE
    if name in {"sheet", "split"}:
        if value != _DECIDE and not others:
            return gr.skip()  # the one that was chosen cannot be read: the others must stay in reach
        chosen = value if value != _DECIDE else getattr(detected, name)
        return gr.update(choices=list(others), value=chosen or None, visible=len(others) > 1)
    return gr.update(value=value, visible=name in _OF_KIND.get(detected.kind, ()) or value != _DECIDE)


def _choices(name: str) -> Any:
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
