"""Lists of marked spans under the keys of many tools, as one kind of value: start, end, label, stated text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from bertdemo.tables.annotations.locate import same_text, words_of

_STARTS = ("start", "start_offset", "startOffset", "begin", "begin_offset", "start_char", "startIndex", "from")
_ENDS = ("end", "end_offset", "endOffset", "stop", "finish", "end_char", "endIndex", "to")
_LABELS = (
    "label", "labels", "entity", "tag", "type", "entityLabel", "entity_type", "entity_label", "entity_group",
    "category", "hypertextlabels", "class", "className", "tag_name",
)  # fmt: skip
# A `value` is not among them: in chatbot data it is a synonym and need not occur in the text.
_TEXTS = ("text", "word", "surface", "mention")

# In Chinese nearly every end is that of a word both ways: a few broken spans of no length must not decide.
_MARGIN = 1.01


@dataclass(frozen=True)
class RawSpan:
    """A span as a file states it; whether `end` is the last character or the one after it, the whole file shows."""

    start: int
    end: int
    label: str
    text: str = ""
    """What the file says is there; "" where it says nothing."""


def spans_of(value: object) -> list[RawSpan] | None:
    """Return the spans in a parsed JSON value, None where it is something else or any of them is incomplete."""
    spans: list[RawSpan] = []
    for item in _flat(value):
        spans_of_item = _spans(item)
        if not spans_of_item:
            return None
        spans += spans_of_item
    return list(dict.fromkeys(spans)) if isinstance(value, list | dict) else None


def ends_inclusive(rows: Iterable[tuple[str, Sequence[RawSpan]]]) -> bool:
    """Return whether ends are the last character of their spans, as the spans of all (text, spans) together show."""
    votes = {False: 0, True: 0}
    for text, spans in rows:
        words = words_of(text) if spans else ()
        borders = {end for _, end in words}
        for span in spans:
            for inclusive in (False, True):
                votes[inclusive] += _fits(text, span, span.end + inclusive, borders)
    return votes[True] > _MARGIN * votes[False]


def token_ends_inclusive(rows: Iterable[tuple[int, Sequence[RawSpan]]]) -> bool:
    """Return the same of spans that count tokens, for all (number of tokens, spans): a span of one token shows it."""
    spans = [(count, span) for count, spans in rows for span in spans]
    return any(span.start == span.end for _, span in spans) and not any(span.end == count for count, span in spans)


def _fits(text: str, span: RawSpan, end: int, borders: set[int]) -> int:
    """Return how much speaks for an end: a stated text more than the end of a word."""
    if not 0 <= span.start < end <= len(text):
        return 0
    if span.text:
        return 2 * same_text(text[span.start : end], span.text)
    # Next to a character that is a whole word, every end is a word boundary, so it tells nothing.
    return int(end in borders)


def _flat(value: object) -> Iterator[object]:
    """Yield the items of a list, and of {label: {text: [[start, end]]}} and its relatives."""
    if isinstance(value, Mapping):
        inner = value.get("entities", value.get("spans"))
        if isinstance(inner, list):
            yield from inner
            return
        for label, places in value.items():
            yield from _by_label(str(label), places)
    elif isinstance(value, list):
        yield from value


def _by_label(label: str, places: object) -> Iterator[object]:
    if isinstance(places, Mapping):
        for text, offsets in places.items():
            pairs = offsets if isinstance(offsets, list) and offsets else [None]
            for pair in pairs:
                yield [*pair, label, text] if _is_pair(pair) else None
        return
    for pair in places if isinstance(places, list) and places else [None]:
        yield [*pair, label] if _is_pair(pair) else {"label": label, **pair} if isinstance(pair, Mapping) else None


def _is_pair(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_offset, value))


def _is_offset(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _spans(item: object) -> list[RawSpan]:
    """Return the spans of one item; several where it has several labels or places."""
    if isinstance(item, Mapping):
        return _from_object(item)
    if isinstance(item, list | tuple) and 3 <= len(item) <= 4:
        first, second, third, *text = item
        if isinstance(first, str):  # the label comes first
            first, second, third = second, third, first
        if _is_offset(first) and _is_offset(second) and isinstance(third, str) and third:
            return [RawSpan(first, second, third, text[0] if text and isinstance(text[0], str) else "")]
    return []


def _from_object(item: Mapping[str, Any]) -> list[RawSpan]:
    if isinstance(item.get("value"), Mapping):  # a region of Label Studio
        return _from_object(item["value"])
    labels = _labels(_first(item, _LABELS))
    places = item["points"] if isinstance(item.get("points"), list) else [item]
    spans = []
    for place in places:
        start, end = (_first(place, keys) if isinstance(place, Mapping) else None for keys in (_STARTS, _ENDS))
        if not (_is_offset(start) and _is_offset(end)) or not labels:
            return []
        text = _first(place, _TEXTS)
        spans += [RawSpan(start, end, label, text if isinstance(text, str) else "") for label in labels]
    return spans


def _first(item: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((item[key] for key in keys if item.get(key) is not None), None)


def _labels(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [label for label in values if isinstance(label, str) and label]
