"""A table of one word per row becomes one of one sentence per row: tokens and tags as lists.

Sentences are told by a column that names them, in each row or only in the first of a sentence, or by blank rows.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import mean

from bertdemo.errors import SentencesUnmarked
from bertdemo.tables.annotations.schemes import TAG, is_outside, own_outside
from bertdemo.tables.formats import Grid
from bertdemo.tables.parse_options import Note, Occurrences, listed

Row = tuple[int, list[str | None]]

# Rows that decide.
_PEEKED = 500
# Fewer rows are no proof of anything.
_FEWEST = 6
# So many of the cells must fit: a few may be broken.
_NEARLY_ALL = 0.95
_TAG_NAMES = frozenset({"tag", "tags", "ner", "ner_tag", "ner_tags", "label", "labels", "entity", "iob", "bio", "标签"})
_TOKEN_NAMES = frozenset({"word", "words", "token", "tokens", "text", "form", "char", "character", "词", "字"})
_SENTENCE = re.compile(r"sent|句|^sid$|doc|para|^text_?id$|^example|^group", re.IGNORECASE)
# A column beside it that is neither: its sentences would be shorter than this, or there would be only one.
_SHORTEST = 1.5


@dataclass(frozen=True)
class _Layout:
    """Which columns of such a table are which; without a `sentence` blank rows divide it."""

    token: int
    tag: int
    sentence: tuple[int, ...]
    filled_once: bool = False
    """Whether the sentence is named in its first row only."""


def grouped(grid: Grid, file: str) -> Grid:
    """Return the grid with its rows joined to sentences where each is one word with a tag, else the grid as it is.

    Raises SentencesUnmarked where nothing tells the sentences apart.
    """
    if len(grid.header) < 2:
        return grid
    rows = iter(grid.rows)
    peeked = list(itertools.islice(rows, _PEEKED))
    everything = itertools.chain(peeked, rows)
    columns = _token_and_tag(grid.header, [cells for _, cells in peeked if any(cells)])
    if columns is None:
        return replace(grid, rows=_closing(everything, grid))
    layout = _layout(grid.header, peeked, *columns)
    if layout is None:
        raise SentencesUnmarked(file=file, token=grid.header[columns[0]], tag=grid.header[columns[1]])
    return _by_sentence(grid, layout, everything)


def _closing(rows: Iterator[Row], grid: Grid) -> Iterator[Row]:
    """Yield the rows; closing this closes the file behind them."""
    try:
        yield from rows
    finally:
        close = getattr(grid.rows, "close", None)
        if close is not None:
            close()


def _by_sentence(grid: Grid, layout: _Layout, rows: Iterator[Row]) -> Grid:
    header, untagged = grid.header, Occurrences()
    used = {layout.token, layout.tag, *layout.sentence}
    others = [name for at, name in enumerate(header) if at not in used]
    notes = [*grid.notes, Note("token_rows", {"token": header[layout.token], "tag": header[layout.tag]})]
    if others:
        notes.append(Note("token_columns_left_out", {"count": len(others), "columns": listed(others)}))
    names = [*(header[at] for at in layout.sentence), "tokens", "tags"]
    sentences = _closing(_sentences(rows, layout, untagged), grid)
    later = grid.later
    return replace(
        grid, header=names, rows=sentences, notes=notes, later=lambda: [*later(), *untagged.notes("untagged_tokens")]
    )


def _sentences(rows: Iterator[Row], layout: _Layout, untagged: Occurrences) -> Iterator[Row]:
    """Yield (number of its first row, cells) per sentence."""
    tokens: list[str] = []
    tags: list[str] = []
    start, name = 0, [""] * len(layout.sentence)

    def sentence() -> Row:
        return start, [*name, json.dumps(tokens, ensure_ascii=False), json.dumps(tags, ensure_ascii=False)]

    for number, cells in rows:
        word, tag = _cell(cells, layout.token), _cell(cells, layout.tag)
        own = [_cell(cells, at) for at in layout.sentence]
        begins = any(own) and (layout.filled_once or own != name)
        if tokens and (begins or (not word and not tag)):
            yield sentence()
            tokens, tags = [], []
        name = own if any(own) else name
        if not word:
            continue
        start = start if tokens else number
        if not tag:
            untagged.add(number)
        tokens.append(word)
        tags.append(tag or "O")
    if tokens:
        yield sentence()


def _cell(cells: Sequence[str | None], at: int | None) -> str:
    return (cells[at] or "").strip() if at is not None and at < len(cells) else ""


def _token_and_tag(header: Sequence[str], rows: Sequence[list[str | None]]) -> tuple[int, int] | None:
    """Return the columns of the words and of their tags; None for a table of another kind."""
    if len(rows) < _FEWEST:
        return None
    columns = [[_cell(row, at) for row in rows] for at in range(len(header))]
    names = [name.strip().casefold() for name in header]
    tags = [at for at, cells in enumerate(columns) if _are_tags(cells)]
    if not tags:
        return None
    # Of several columns, the one named for tags, else the last: entities come after parts of speech and chunks.
    tag = max(tags, key=lambda at: (names[at] in _TAG_NAMES, at))
    words = [at for at, cells in enumerate(columns) if at not in tags and _are_words(cells)]
    if not words:
        return None
    named = next((at for at in words if names[at] in _TOKEN_NAMES), None)
    return (max(words, key=lambda at: len(set(columns[at]))) if named is None else named), tag


def _are_tags(cells: Sequence[str]) -> bool:
    """Return whether cells are single tags, of entities and of words outside of them, which many leave empty."""
    counts = Counter(cells)
    outside = own_outside(counts)
    inside = sum(count for tag, count in counts.items() if TAG.fullmatch(tag) and " " not in tag)
    none = sum(count for tag, count in counts.items() if is_outside(tag, outside))
    return inside > 0 and none > 0 and inside + none >= _NEARLY_ALL * len(cells)


def _are_words(cells: Sequence[str]) -> bool:
    """Return whether cells are words: filled, without spaces, and not all of them numbers."""
    words = sum(bool(cell) and len(cell.split()) == 1 for cell in cells)
    numbers = sum(cell.replace(".", "").isdigit() for cell in cells)
    return words >= _NEARLY_ALL * len(cells) and numbers * 2 < len(cells)


def _layout(header: Sequence[str], rows: Sequence[Row], token: int, tag: int) -> _Layout | None:
    """Return what tells sentences apart: columns that are called so, else blank rows, else any column that does it."""
    blank = any(not any(map(_filled, cells)) for _, cells in rows[1:-1])
    filled = [cells for _, cells in rows if any(map(_filled, cells))]
    others = [at for at in range(len(header)) if at not in (token, tag)]
    # A number of the sentence may begin again in each document, so that both count.
    named = tuple(at for at in others if _SENTENCE.search(header[at].strip()))
    for sentence in [named] if named else [] if blank else [(at,) for at in others]:
        lengths, once = _runs([[_cell(cells, at) for at in sentence] for cells in filled], again=bool(named))
        if len(lengths) > 1 and mean(lengths) >= _SHORTEST:
            return _Layout(token, tag, sentence, once)
    return _Layout(token, tag, ()) if blank else None


def _filled(cell: str | None) -> bool:
    return bool(cell and cell.strip())


def _runs(cells: Sequence[list[str]], *, again: bool) -> tuple[list[int], bool]:
    """Return the lengths of the sentences that columns name, and whether they name each in its first row only.

    ([], …) for columns that do not; the same name must not come back, unless `again`.
    """
    if not cells or not any(cells[0]):
        return [], False
    once = sum(any(cell) for cell in cells) < _NEARLY_ALL * len(cells)
    begins = [any(cell) if once else at == 0 or cell != cells[at - 1] for at, cell in enumerate(cells)]
    starts = [at for at, begin in enumerate(begins) if begin]
    distinct = again or len({tuple(cells[at]) for at in starts}) == len(starts)
    lengths = [end - start for start, end in itertools.pairwise([*starts, len(cells)])]
    return (lengths if distinct else []), once
