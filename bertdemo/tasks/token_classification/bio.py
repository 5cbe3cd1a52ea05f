"""Words with tags as people write them: BIO and its relatives in lists, or spans of characters; and back again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bertdemo.tables.table import Table

OUTSIDE = "O"
_HAN = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_WORD = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|\\w+(?:['’.-]\\w+)*|[^\\w\\s]")
_TAG = re.compile(r"([BIESLUM])[-_](.+)", re.DOTALL)

_NO_TAGS = frozenset({OUTSIDE, "o", "", "_", "-"})
"""What people write at a word that is outside of everything."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Sentence:
    """One row: its text, the characters of each word, and a BIO tag a word."""

    text: str
    words: tuple[Span, ...]
    tags: tuple[str, ...]
    fixed: int = 0
    """Tags that were put right: an I- without its B-."""
    strange: tuple[str, ...] = ()
    """Tags that are of no known kind; they were read as O."""


@dataclass(frozen=True)
class Fault:
    """Why a row cannot be used: `tags_of_other_length`, `spans_outside`, `spans_overlapping`, …"""

    code: str


def sentences(table: Table, columns: Mapping[str, str]) -> list[Sentence | Fault | None]:
    """Return what stands in each row; None where a cell is empty."""
    cells = zip(table.columns[columns["tokens"]], table.columns[columns["tags"]], strict=True)
    return [parsed(words, tags) if words and words.strip() and tags and tags.strip() else None for words, tags in cells]


def parsed(words: str, tags: str) -> Sentence | Fault:
    """Return one row: words as a JSON list or parted by spaces with as many tags, or a text with spans."""
    given = _list(tags)
    if given is not None and all(isinstance(item, dict) for item in given) and (given or not _list(words)):
        return _from_spans(words, given)
    tokens = _texts(_list(words)) if _list(words) is not None else words.split()
    named = _texts(given) if given is not None else tags.split()
    if len(tokens) != len(named):
        return Fault("tags_of_other_length")
    text, places = joined(tokens)
    fixed, wrong = as_bio(named)
    strange = tuple(tag for tag in named if tag.strip() not in _NO_TAGS and not _TAG.fullmatch(tag.strip()))
    return Sentence(text, places, fixed, wrong, strange)


def joined(tokens: Sequence[str]) -> tuple[str, tuple[Span, ...]]:
    """Return the words as one text and where each stands in it: with a space between, but not beside Chinese."""
    text, places = "", []
    for token in tokens:
        bare = text and not _HAN.match(text[-1]) and token and not _HAN.match(token[0])
        text += " " if bare else ""
        places.append((len(text), len(text) + len(token)))
        text += token
    return text, tuple(places)


def words_of(text: str) -> tuple[Span, ...]:
    """Return the words of a text that nobody has divided: a Chinese character and a mark are words of their own."""
    return tuple(match.span() for match in _WORD.finditer(text))


def as_bio(tags: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Return BIO tags for BIO, IOB1, BIOES or BILOU, and how many I- had no beginning."""
    found: list[str] = []
    wrong = 0
    kind, before = "", "O"
    for tag in tags:
        match = _TAG.fullmatch(tag.strip())
        if match is None:
            found.append(OUTSIDE)
            kind, before = "", OUTSIDE
            continue
        place, name = match.group(1), match.group(2).strip()
        goes_on = place in "IEM" or (place == "L")
        begins = not (goes_on and kind == name and before not in "ESLU")
        wrong += begins and place in "IEML" and not (place == "I" and kind != name and before == "I")
        found.append(f"{'B' if begins else 'I'}-{name}")
        kind, before = name, place
    return tuple(found), wrong


def entities(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return (kind, first word, word after the last) of BIO tags; an I- of another kind begins an entity too."""
    from seqeval.metrics.sequence_labeling import get_entities

    return [(kind, first, last + 1) for kind, first, last in get_entities(list(tags))]


def _from_spans(text: str, spans: Sequence[Mapping[str, Any]]) -> Sentence | Fault:
    """Tag the words that a span covers: {start, end, label}, offsets in code points."""
    words = words_of(text)
    tags = [OUTSIDE] * len(words)
    for span in spans:
        start, end = span.get("start"), span.get("end")
        label = span.get("label", span.get("entity", span.get("tag")))
        if not (isinstance(start, int) and isinstance(end, int) and isinstance(label, str) and label):
            return Fault("spans_malformed")
        inside = [at for at, (a, b) in enumerate(words) if a < end and b > start]
        if not 0 <= start < end <= len(text) or not inside:
            return Fault("spans_outside")
        if any(tags[at] != OUTSIDE for at in inside):
            return Fault("spans_overlapping")
        for place, at in enumerate(inside):
            tags[at] = f"{'I' if place else 'B'}-{label}"
    return Sentence(text, words, tuple(tags))


def _list(cell: str) -> list[Any] | None:
    if not cell.lstrip().startswith("["):
        return None
    try:
        value = json.loads(cell)
    except ValueError:
        return None
    return value if isinstance(value, list) else None


def _texts(values: list[Any] | None) -> list[str]:
    return [str(value) for value in values or []]
