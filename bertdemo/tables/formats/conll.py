"""CoNLL: a token and its tag on each line, a blank line between sentences. One row per sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from bertdemo.errors import NoTags
from bertdemo.tables.formats import Grid
from bertdemo.tables.formats.encoding import TextFile
from bertdemo.tables.formats.header import Row
from bertdemo.tables.parse_options import DetectedFormat, Occurrences

ENDINGS = (".conll", ".conllu", ".bio", ".iob", ".iob2")
# Outside, or a prefix of one of the tagging schemes (BIO, BIOES, BILOU, BMES) with the kind of entity.
_TAG = re.compile(r"O|[BIESLUM][-_]\S+")
# So many of the lines must fit: a few may be broken.
_NEARLY_ALL = 0.95
# A tag further to the right is not looked for: CoNLL-2003 has it in column 4, CoNLL-U data in column 10.
_COLUMNS = 12
_DOCUMENT_START = "-DOCSTART-"


def is_conll(lines: Sequence[str]) -> bool:
    """Return whether lines are tokens with tags, and there are blank lines between sentences."""
    return _tag_columns(lines) is not None and any(not line.strip() for line in lines[1:-1])


def read_conll(text: TextFile, name: str, sample: Sequence[str]) -> Grid:
    """Return the grid: tokens and tags as JSON lists of one length. Raises NoTags."""
    columns = _tag_columns(sample)
    if columns is None:
        raise NoTags(file=name)
    token, tag, separator = columns
    untagged = Occurrences()
    detected = DetectedFormat(
        kind="conll", encoding=text.encoding, encoding_sure=text.sure, delimiter=separator or " ", quote="none"
    )
    rows = _sentences(text, token, tag, separator, untagged)
    return Grid(["tokens", "tags"], rows, detected, " ", text.notes, later=lambda: untagged.notes("untagged_tokens"))


def _cells(line: str, separator: str | None) -> list[str]:
    return [cell.strip() for cell in line.rstrip("\r\n").split(separator)] if separator else line.split()


def _skipped(line: str) -> bool:
    return line.startswith((_DOCUMENT_START, "# "))


def _tag_columns(lines: Sequence[str]) -> tuple[int, int, str | None] | None:
    """Return (column of the token, of the tag, separator or None for white space), or None for another format.

    Of several columns of tags the last is taken: names come after parts of speech and chunks.
    """
    filled = [line for line in lines if line.strip() and not _skipped(line)]
    if not filled:
        return None
    separator = "\t" if sum("\t" in line for line in filled) * 2 > len(filled) else None
    rows = [_cells(line, separator) for line in filled]
    # CoNLL-U numbers the tokens in its first column.
    numbered = sum(row[0].isdigit() for row in rows) >= _NEARLY_ALL * len(rows)
    for tag in reversed(range(1, min(_COLUMNS, max(map(len, rows))))):
        tags = [row[tag] for row in rows if len(row) > tag]
        fitting = sum(bool(_TAG.fullmatch(value)) for value in tags) >= _NEARLY_ALL * len(rows)
        if fitting and any(value != "O" for value in tags):
            return (1 if numbered and tag > 1 else 0), tag, separator
    return None


def _sentences(text: TextFile, token: int, tag: int, separator: str | None, untagged: Occurrences) -> Iterator[Row]:
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
            yield start, [_as_json(tokens), _as_json(tags)]
            tokens, tags, start = [], [], 0
    if tokens:
        yield start, [_as_json(tokens), _as_json(tags)]


def _as_json(items: list[str]) -> str:
    return json.dumps(items, ensure_ascii=False)
