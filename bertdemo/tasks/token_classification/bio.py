"""Words with tags as people write them: BIO and its relatives in lists, or spans of characters; and back again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.tables.annotations.locate import HAN, Span, located, same_text, words_of
from bertdemo.tables.annotations.printed_lists import printed_list
from bertdemo.tables.annotations.schemes import (
    OUTSIDE,
    inside_begins,
    is_known,
    is_outside,
    own_outside,
    parts,
)
from bertdemo.tables.annotations.spans import RawSpan, ends_inclusive, spans_of, token_ends_inclusive

if TYPE_CHECKING:
    from bertdemo.tables.table import Table

__all__ = ["OUTSIDE", "Span", "words_of"]  # callers get these from here too


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
    moved: int = 0
    """Spans whose stated text is not at their offsets, but elsewhere in the text."""
    inside: tuple[str, ...] = ()
    """Spans that begin or end inside a word; the whole word was tagged."""


@dataclass(frozen=True)
class Fault:
    """Why a row cannot be used: `tags_of_other_length`, or `spans_` and what is wrong with them."""

    code: str


@dataclass(frozen=True)
class Style:
    """What all rows together show of how they were annotated."""

    outside: str = ""
    """The file's own word for O, "" for the usual ones."""
    inside_begins: bool = False
    """Whether an I- begins an entity too, as in IOB1 and IO."""
    inclusive: bool = False
    """Whether the end of a span is its last character (or token)."""
    token_spans: bool = False
    """Whether spans count tokens, so that an empty list means that there is no entity."""


ParsedRow = Sentence | Fault | None
"""None where a cell is empty."""


@dataclass(frozen=True)
class _Cells:
    """The two cells of one row, parsed as far as they can be alone."""

    text: str
    tokens: list[str] | None
    """None for a text without given words."""
    tags: list[str] | None
    """None for spans."""
    spans: list[RawSpan] | None
    """None for tags, or malformed spans."""


def sentences(table: Table, columns: Mapping[str, str]) -> list[ParsedRow]:
    """Return each row of the table, parsed."""
    rows = _rows(table, columns)
    style = _style([row for row in rows if row is not None])
    return [_sentence(row, style) if row is not None else None for row in rows]


def style_of(table: Table, columns: Mapping[str, str]) -> Style:
    """Return what all rows of the table show of how they were annotated."""
    return _style([row for row in _rows(table, columns) if row is not None])


def _rows(table: Table, columns: Mapping[str, str]) -> list[_Cells | None]:
    cells = zip(table.columns[columns["tokens"]], table.columns[columns["tags"]], strict=True)
    return [_cells(words, tags) if words and words.strip() and tags and tags.strip() else None for words, tags in cells]


def parsed(words: str, tags: str, style: Style | None = None) -> Sentence | Fault:
    """Return one row: words as a list or separated by spaces with as many tags, or a text or words with spans."""
    row = _cells(words, tags)
    return _sentence(row, style or _style([row], alone=True))


def _cells(words: str, tags: str) -> _Cells:
    tag_list, word_list = _list(tags), printed_list(words)
    tokens = [str(item) for item in word_list] if word_list is not None else None
    are_spans = isinstance(tag_list, dict) or (
        tag_list is not None
        and all(isinstance(item, dict | list) for item in tag_list)
        and bool(tag_list or not word_list)
    )
    if are_spans:
        return _Cells(words, tokens, None, spans_of(tag_list))
    names = [str(item) for item in tag_list] if isinstance(tag_list, list) else tags.split()
    return _Cells(words, words.split() if tokens is None else tokens, names, None)


def _style(rows: Sequence[_Cells], *, alone: bool = False) -> Style:
    """Return the style of rows; one row alone says nothing about its tags."""
    tagged = [row.tags for row in rows if row.tags is not None]
    in_text = [(row.text, row.spans) for row in rows if row.spans and row.tokens is None]
    in_tokens = [(len(row.tokens), row.spans) for row in rows if row.spans and row.tokens is not None]
    return Style(
        outside="" if alone else own_outside(Counter(tag for tags in tagged for tag in tags)),
        inside_begins=not alone and inside_begins(tagged),
        inclusive=ends_inclusive(in_text) or token_ends_inclusive(in_tokens),
        token_spans=bool(in_tokens),
    )


def _sentence(row: _Cells, style: Style) -> Sentence | Fault:
    if row.tags is None:
        if row.spans is None:
            return Fault("spans_malformed")
        if row.tokens is not None:
            return _from_token_spans(row.tokens, row.spans, style.inclusive)
        return _from_spans(row.text, row.spans, style.inclusive)
    tokens = row.tokens or []
    if style.token_spans and not row.tags:
        return _from_token_spans(tokens, (), style.inclusive)
    if len(tokens) != len(row.tags):
        return Fault("tags_of_other_length")
    text, words = joined(tokens)
    bio_tags, fixed = as_bio([OUTSIDE if is_outside(tag, style.outside) else tag for tag in row.tags])
    strange = tuple(tag for tag in row.tags if not is_known(tag, style.outside))
    return Sentence(text, words, bio_tags, 0 if style.inside_begins else fixed, strange)


def joined(tokens: Sequence[str]) -> tuple[str, tuple[Span, ...]]:
    """Return the words as one text, and the span of each in it: separated by spaces, except beside Chinese."""
    text, spans = "", []
    for token in tokens:
        spaced = text and not HAN.match(text[-1]) and token and not HAN.match(token[0])
        text += " " if spaced else ""
        spans.append((len(text), len(text) + len(token)))
        text += token
    return text, tuple(spans)


def as_bio(tags: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Return BIO tags for tags of any known scheme, and how many I- had no beginning."""
    bio_tags: list[str] = []
    fixed = 0
    kind, previous = "", OUTSIDE  # of the tag before: its entity type and its prefix
    for tag in tags:
        prefix, name = parts(tag)
        if not prefix:
            bio_tags.append(OUTSIDE)
            kind, previous = "", OUTSIDE
            continue
        # An entity continues after B, I or M of the same type; E, S, L, U and W have ended it.
        begins = prefix not in "IEML" or kind != name or previous in "ESLUW"
        # In IOB1 an I of another type after an I is how an entity begins, so that is not counted as a mistake.
        fixed += begins and prefix in "IEML" and not (prefix == "I" and kind != name and previous == "I")
        bio_tags.append(f"{'B' if begins else 'I'}-{name}")
        kind, previous = name, prefix
    return tuple(bio_tags), fixed


def entities(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return (type, first word, word after the last) of BIO tags; an I- of another type begins an entity too."""
    from seqeval.metrics.sequence_labeling import get_entities

    return [(kind, first, last + 1) for kind, first, last in get_entities(list(tags))]


def _from_spans(text: str, spans: Sequence[RawSpan], inclusive: bool) -> Sentence | Fault:
    """Tag the words that each span covers; offsets are code points."""
    words = words_of(text)
    covered: list[tuple[str, list[int]]] = []
    moved, inside = 0, []
    for span in spans:
        place = _place(text, span, span.end + inclusive)
        if isinstance(place, Fault):
            return place
        start, end = place
        moved += start != span.start
        # A span that cuts a word tags the whole word: the model tags words.
        at = [index for index, (first, after) in enumerate(words) if first < end and after > start]
        if not at:
            return Fault("spans_outside")
        cut = text[start:end].strip()
        if (words[at[0]][0] < start) or (words[at[-1]][1] > end):
            inside.append(cut)
        covered.append((span.label, at))
    tags = _tagged(len(words), covered)
    return tags if isinstance(tags, Fault) else Sentence(text, words, tags, moved=moved, inside=tuple(inside))


def _place(text: str, span: RawSpan, end: int) -> Span | Fault:
    """Return where a span is: at its offsets, or where its stated text is nearest to them."""
    fits = 0 <= span.start < end <= len(text)
    if fits and (not span.text or same_text(text[span.start : end], span.text)):
        return span.start, end
    if not span.text:
        return Fault("spans_outside")
    return located(text, span.text, span.start) or Fault("spans_elsewhere" if fits else "spans_outside")


def _from_token_spans(tokens: Sequence[str], spans: Sequence[RawSpan], inclusive: bool) -> Sentence | Fault:
    """Tag the tokens that each span covers; offsets count tokens."""
    text, words = joined(tokens)
    if any(not 0 <= span.start < span.end + inclusive <= len(tokens) for span in spans):
        return Fault("spans_outside")
    covered = [(span.label, range(span.start, span.end + inclusive)) for span in spans]
    tags = _tagged(len(words), covered)
    return tags if isinstance(tags, Fault) else Sentence(text, words, tags)


def _tagged(count: int, covered: Sequence[tuple[str, Sequence[int]]]) -> tuple[str, ...] | Fault:
    """Return one BIO tag per word, for labels with the words that they cover."""
    tags = [OUTSIDE] * count
    for label, at in covered:
        if any(tags[index] != OUTSIDE for index in at):
            return Fault("spans_overlapping")
        for position, index in enumerate(at):
            tags[index] = f"{'I' if position else 'B'}-{label}"
    return tuple(tags)


def spans_in_cell(cell: str) -> list[RawSpan] | None:
    """Return the spans in a cell, None where it contains something else."""
    value = _list(cell)
    return spans_of(value) if value is not None else None


def _list(cell: str) -> list[Any] | dict[str, Any] | None:
    """Return the list in a cell of tags or spans; the object where labels are keys."""
    if not cell.lstrip().startswith("{"):
        return printed_list(cell)
    wrapped = printed_list(f"[{cell}]")
    return wrapped[0] if wrapped and isinstance(wrapped[0], dict) else None
