"""Exports of annotation tools whose objects are no rows yet: each object becomes one row, or is left out.

Where spans are a plain list beside the text, nothing is to be done here: the task reads them in any notation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bertdemo.tables.annotations.spans import RawSpan, spans_of
from bertdemo.tables.parse_options import Note, Occurrences

Item = Mapping[str, Any]
# Objects that decide which tool wrote a file.
SAMPLED = 1000
_VERDICTS = frozenset({"accept", "reject", "ignore"})
_SPAN_TYPES = ("labels", "hypertextlabels")


@dataclass(frozen=True)
class Export:
    """How the objects of one tool become rows."""

    tool: str
    row: Callable[[Item], Item | None]
    """Returns the row of an object; None where its annotation was not accepted."""
    several: Callable[[Item], bool] = lambda item: False
    """Whether an object has the annotations of several people, of which the first is read."""


class Rows:
    """The rows of an export, and what was left out of it once they have been read."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self._left_out, self._several = Occurrences(), Occurrences()

    def of(self, items: Iterable[tuple[int, Item]]) -> Iterator[tuple[int, Item]]:
        """Yield (number, row)."""
        for number, item in items:
            row = self._export.row(item) if item else item
            if row is None:
                self._left_out.add(number)
                continue
            if self._export.several(item):
                self._several.add(number)
            yield number, row

    def notes(self) -> list[Note]:
        """Return what was left out."""
        return [*self._left_out.notes("annotations_left_out"), *self._several.notes("annotations_several")]


def recognized(items: Sequence[Item]) -> Export | None:
    """Return the tool that wrote these objects; None where they are rows as they are."""
    filled = [item for item in items if item]
    if not filled:
        return None
    if all(map(_is_task, filled)):
        return _label_studio(filled)
    if any("answer" in item for item in filled) and all(map(_is_judged, filled)):
        with_spans = any("spans" in item for item in filled)
        return Export("Prodigy", lambda item: _accepted(item, with_spans))
    nested = {key for item in filled for key, value in item.items() if isinstance(value, Mapping) and value}
    by_label = [key for key in sorted(nested) if _are_spans_by_label([(item.get(key), item) for item in filled])]
    return Export("CLUENER", lambda item: _with_span_lists(item, by_label)) if by_label else None


# --- Label Studio ----------------------------------------------------------------------------------------------


def _is_task(item: Item) -> bool:
    return isinstance(item.get("data"), Mapping) and any(
        isinstance(item.get(key), list) and all(isinstance(annotation, Mapping) for annotation in item[key])
        for key in ("annotations", "completions")
    )


def _label_studio(items: Sequence[Item]) -> Export:
    regions = [region for item in items for region in _regions(item) or []]
    with_spans = any(map(_marks_span, regions))
    return Export("Label Studio", lambda item: _task_row(item, with_spans), lambda item: len(_finished(item)) > 1)


def _annotations(item: Item) -> list[Item]:
    lists = [value for key in ("annotations", "completions") if isinstance(value := item.get(key), list)]
    return [annotation for value in lists for annotation in value if isinstance(annotation, Mapping)]


def _finished(item: Item) -> list[Item]:
    """Return the annotations that were not cancelled, one that a reviewer accepted first."""
    finished = [
        annotation
        for annotation in _annotations(item)
        if isinstance(annotation.get("result"), list) and not annotation.get("was_cancelled")
    ]
    return sorted(finished, key=lambda annotation: not annotation.get("ground_truth"))


def _regions(item: Item) -> list[Item] | None:
    """Return the regions of the annotation that is read, None where there is none."""
    finished = _finished(item)
    if not finished:
        return None
    regions = (region for region in finished[0]["result"] if isinstance(region, Mapping))
    return [region for region in regions if isinstance(region.get("value"), Mapping)]


def _task_row(item: Item, with_spans: bool) -> Item | None:
    if not _is_task(item):  # beyond the objects that decided
        return item
    regions = _regions(item)
    if regions is None:
        # Canceled by every annotator; a task without annotations keeps its row, without a label.
        return None if _annotations(item) else dict(item["data"])
    row: dict[str, Any] = dict(item["data"])
    if with_spans:
        row[_unused(row, "entities")] = [region["value"] for region in regions if _marks_span(region)]
    for region in regions:
        value = _choice(region["value"])
        if value is not None:
            row[_unused(item["data"], str(region.get("from_name") or "label"))] = value
    return row


def _marks_span(region: Item) -> bool:
    return any(key in region["value"] for key in _SPAN_TYPES)


def _unused(row: Item, name: str) -> str:
    return name if name not in row else f"{name} (annotation)"


def _choice(value: Item) -> object:
    """Return the labels of the whole text, or its rating; None for a region of another kind."""
    if isinstance(value.get("choices"), list):
        return value["choices"]
    if isinstance(value.get("taxonomy"), list):
        return [" / ".join(map(str, path)) for path in value["taxonomy"] if isinstance(path, list)]
    return value.get("rating", value.get("number"))


# --- Prodigy ---------------------------------------------------------------------------------------------------


def _is_judged(item: Item) -> bool:
    """Return whether an object has an annotator's verdict (accept, reject, ignore), not an answer to a question."""
    marks = ("_task_hash", "_input_hash", "spans", "options", "_view_id")
    return str(item.get("answer", "accept")) in _VERDICTS and any(mark in item for mark in marks)


def _accepted(item: Item, with_spans: bool) -> Item | None:
    """Return the row of an accepted object; in a file of spans one without any has no entity."""
    if item.get("answer", "accept") != "accept":
        return None
    chosen = isinstance(item.get("options"), list) and isinstance(item.get("accept"), list)
    dropped = {"answer", "options", "accept"} if chosen else {"answer"}
    row = {key: value for key, value in item.items() if key not in dropped}
    if with_spans:
        row.setdefault("spans", [])
    return {**row, "label": item["accept"]} if chosen else row


# --- spans by label --------------------------------------------------------------------------------------------


def _are_spans_by_label(values: Sequence[tuple[object, Item]]) -> bool:
    """Return whether values are {label: {text: [[start, end], …]}} or {label: [[start, end], …]}, in their items."""
    objects = [(value, item) for value, item in values if value is not None]
    rows = [(spans_of(value) if isinstance(value, Mapping) else None, item) for value, item in objects]
    return any(spans for spans, _ in rows) and all(spans is not None and _fit(spans, item) for spans, item in rows)


def _fit(spans: Sequence[RawSpan], item: Item) -> bool:
    """Return whether spans are in a text of their object, which coordinates in a picture are not."""
    longest = max((len(value) for value in item.values() if isinstance(value, str)), default=0)
    return all(0 <= span.start <= span.end <= longest for span in spans)


def _with_span_lists(item: Item, keys: Sequence[str]) -> Item:
    """Return an object with lists in place of spans by label: their names would become columns."""
    row = dict(item)
    for key in keys:
        spans = spans_of(item.get(key)) if key in item else None
        if spans is not None:
            row[key] = [[span.start, span.end, span.label, *([span.text] if span.text else [])] for span in spans]
    return row


# --- spaCy -----------------------------------------------------------------------------------------------------


def are_pairs(items: Sequence[object]) -> bool:
    """Return whether items are [text, {"entities": […], "cats": {…}}], as people keep training data for spaCy."""
    pairs = [item for item in items if item is not None]
    return bool(pairs) and all(
        isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], Mapping)
        for item in pairs
    )


def row_of_pair(pair: Sequence[Any]) -> Item:
    """Return the row of such an item; categories above one half are its labels."""
    text, marks = pair
    row = {"text": text, **{key: value for key, value in marks.items() if key not in {"cats", "links"}}}
    if isinstance(marks.get("cats"), Mapping):
        row["label"] = [name for name, value in marks["cats"].items() if _is_likely(value)]
    return row


def _is_likely(value: object) -> bool:
    return isinstance(value, int | float) and value > 0.5


def sentences_of(items: Sequence[Item]) -> list[Item] | None:
    """Return one row per sentence of a spaCy 2 document (paragraphs, sentences, tokens); None for other objects."""
    rows: list[Item] = []
    for item in items:
        paragraphs = item.get("paragraphs")
        for paragraph in paragraphs if isinstance(paragraphs, list) else [None]:
            sentences = paragraph.get("sentences") if isinstance(paragraph, Mapping) else None
            if not isinstance(sentences, list):
                return None
            rows += [_tagged(sentence) for sentence in sentences if isinstance(sentence, Mapping)]
    return rows or None


def _tagged(sentence: Item) -> Item:
    tokens = [token for token in sentence.get("tokens") or [] if isinstance(token, Mapping)]
    return {
        "tokens": [str(token.get("orth", token.get("text", ""))) for token in tokens],
        "tags": [str(token.get("ner") or "O") for token in tokens],
    }
