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
# Kana and Chinese characters: a word of its own each, with no space around it.
_HAN = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_WORD = re.compile(_HAN.pattern + "|\\w+(?:['’.-]\\w+)*|[^\\w\\s]")
# The prefixes of BIO, IOB1, BIOES and BILOU, and M ("middle") of BMES, which Chinese data use.
_TAG = re.compile(r"([BIESLUM])[-_](.+)", re.DOTALL)
# What people write for a word outside of every entity.
_NO_TAGS = frozenset({OUTSIDE, "o", "", "_", "-"})

Span = tuple[int, int]


@dataclass(frozen=True)
class Sentence:
    """One row: its text, the (start, end) code points of each word, and one BIO tag per word."""

    text: str
    words: tuple[Span, ...]
    tags: tuple[str, ...]
    fixed: int = 0
    """Number of tags that were corrected: an I- without its B-."""
    strange: tuple[str, ...] = ()
    """Tags of no known scheme; they were read as O."""


@dataclass(frozen=True)
class Fault:
    """Why a row cannot be used: `tags_of_other_length`, `spans_malformed`, `spans_outside`, `spans_overlapping`."""

    code: str


ParsedRow = Sentence | Fault | None
"""None where a cell is empty."""


def sentences(table: Table, columns: Mapping[str, str]) -> list[ParsedRow]:
    """Return each row of the table, parsed."""
    cells = zip(table.columns[columns["tokens"]], table.columns[columns["tags"]], strict=True)
    return [parsed(words, tags) if words and words.strip() and tags and tags.strip() else None for words, tags in cells]


def parsed(words: str, tags: str) -> Sentence | Fault:
    """Return one row: words as a JSON list or separated by spaces with as many tags, or a text with spans."""
    tag_list, word_list = _list(tags), _list(words)
    if tag_list is not None and all(isinstance(item, dict) for item in tag_list) and (tag_list or not word_list):
        return _from_spans(words, tag_list)
    tokens = [str(item) for item in word_list] if word_list is not None else words.split()
    names = [str(item) for item in tag_list] if tag_list is not None else tags.split()
    if len(tokens) != len(names):
        return Fault("tags_of_other_length")
    text, spans = joined(tokens)
    bio_tags, fixed = as_bio(names)
    strange = tuple(name for name in names if name.strip() not in _NO_TAGS and not _TAG.fullmatch(name.strip()))
    return Sentence(text, spans, bio_tags, fixed, strange)


def joined(tokens: Sequence[str]) -> tuple[str, tuple[Span, ...]]:
    """Return the words as one text, and the span of each in it: separated by spaces, except beside Chinese."""
    text, spans = "", []
    for token in tokens:
        spaced = text and not _HAN.match(text[-1]) and token and not _HAN.match(token[0])
        text += " " if spaced else ""
        spans.append((len(text), len(text) + len(token)))
        text += token
    return text, tuple(spans)


def words_of(text: str) -> tuple[Span, ...]:
    """Return the words of a text without given words: Chinese characters and punctuation are words of their own."""
    return tuple(match.span() for match in _WORD.finditer(text))


def as_bio(tags: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Return BIO tags for tags in BIO, IOB1, BIOES or BILOU, and how many I- had no beginning."""
    bio_tags: list[str] = []
    fixed = 0
    kind, previous = "", OUTSIDE  # of the tag before: its entity type and its prefix
    for tag in tags:
        match = _TAG.fullmatch(tag.strip())
        if match is None:
            bio_tags.append(OUTSIDE)
            kind, previous = "", OUTSIDE
            continue
        prefix, name = match.group(1), match.group(2).strip()
        # An entity continues after B, I or M of the same type; E, S, L and U have ended it.
        begins = prefix not in "IEML" or kind != name or previous in "ESLU"
        # In IOB1 an I of another type after an I is how an entity begins, so that is not counted as a mistake.
        fixed += begins and prefix in "IEML" and not (prefix == "I" and kind != name and previous == "I")
        bio_tags.append(f"{'B' if begins else 'I'}-{name}")
        kind, previous = name, prefix
    return tuple(bio_tags), fixed


def entities(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return (type, first word, word after the last) of BIO tags; an I- of another type begins an entity too."""
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
        # A span that cuts a word tags the whole word: the model tags words.
        covered = [index for index, (first, after) in enumerate(words) if first < end and after > start]
        if not 0 <= start < end <= len(text) or not covered:
            return Fault("spans_outside")
        if any(tags[index] != OUTSIDE for index in covered):
            return Fault("spans_overlapping")
        for position, index in enumerate(covered):
            tags[index] = f"{'I' if position else 'B'}-{label}"
    return Sentence(text, words, tuple(tags))


def _list(cell: str) -> list[Any] | None:
    if not cell.lstrip().startswith("["):
        return None
    try:
        value = json.loads(cell)
    except ValueError:
        return None
    return value if isinstance(value, list) else None
