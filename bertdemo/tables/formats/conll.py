"""CoNLL: a token and its tag on each line, a blank line between sentences. A row is a sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from bertdemo.errors import NoTags
from bertdemo.tables.formats import Grid
from bertdemo.tables.formats.encoding import TextFile
from bertdemo.tables.formats.header import Row
from bertdemo.tables.parse_options import DetectedFormat, Places

ENDINGS = frozenset({".conll", ".conllu", ".bio", ".iob", ".iob2"})
_TAG = re.compile(r"O|[BIESLUM][-_]\S+")
_BREAK = "-DOCSTART-"


def is_conll(lines: Sequence[str]) -> bool:
    """Return whether lines are tokens with tags, and blank lines stand between sentences."""
    place = _tag_place(lines)
    return place is not None and any(not line.strip() for line in lines[1:-1])


def read_conll(text: TextFile, name: str, sample: Sequence[str]) -> Grid:
    """Return the grid: tokens and tags as JSON lists of one length. Raises NoTags."""
    place = _tag_place(sample)
    if place is None:
        raise NoTags(file=name)
    token, tag, separator = place
    untagged = Places()
    detected = DetectedFormat(
        kind="conll", encoding=text.encoding, encoding_sure=text.sure, delimiter=separator or " ", quote="none"
    )
    rows = _sentences(text, token, tag, separator, untagged)
    return Grid(["tokens", "tags"], rows, detected, " ", text.notes, later=lambda: untagged.notes("untagged_tokens"))


def _cells(line: str, separator: str | None) -> list[str]:
    return [cell.strip() for cell in line.rstrip("\r\n").split(separator)] if separator else line.split()


def _skipped(line: str) -> bool:
    return line.startswith((_BREAK, "# "))


def _tag_place(lines: Sequence[str]) -> tuple[int, int, str | None] | None:
    """Return (column of the token, of the tag, separator or None for white space), or None for another format."""
    filled = [line for line in lines if line.strip() and not _skipped(line)]
    if not filled:
        return None
    separator = "\t" if sum("\t" in line for line in filled) * 2 > len(filled) else None
    rows = [_cells(line, separator) for line in filled]
    found: tuple[int, int, str | None] | None = None
    for tag in range(1, min(12, max(map(len, rows)))):
        tags = [row[tag] for row in rows if len(row) > tag]
        plain = sum(bool(_TAG.fullmatch(value)) for value in tags) >= 0.95 * len(rows)
        if plain and any(value != "O" for value in tags):
            counted = sum(row[0].isdigit() for row in rows) >= 0.95 * len(rows)
            found = (1 if counted and tag > 1 else 0), tag, separator  # names stand behind parts of speech and chunks
    return found


def _sentences(text: TextFile, token: int, tag: int, separator: str | None, untagged: Places) -> Iterator[Row]:
    tokens: list[str] = []
    tags: list[str] = []
    start = 0
    for number, line in enumerate(text.lines(), start=1):
        if line.strip() and not _skipped(line):
            cells = _cells(line, separator)
            start = start or number
            tokens.append(cells[token] if len(cells) > token else cells[0])
            tagged = len(cells) > tag and bool(cells[tag])
            if not tagged:
                untagged.add(number)
            tags.append(cells[tag] if tagged else "O")
        elif tokens and not line.strip():
            yield start, [_listed(tokens), _listed(tags)]
            tokens, tags, start = [], [], 0
    if tokens:
        yield start, [_listed(tokens), _listed(tags)]


def _listed(items: list[str]) -> str:
    return json.dumps(items, ensure_ascii=False)
