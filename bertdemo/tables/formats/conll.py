"""CoNLL: a token and its tag on each line, a blank line between sentences. One row per sentence.

Also CoNLL-U, whose last column may have names among other things (`NER=B-PER`), and tokens alone, to be predicted.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bertdemo.errors import FormatWebAnno, NoTags
from bertdemo.tables.annotations.schemes import TAG, is_known, is_outside, own_outside
from bertdemo.tables.formats import Grid
from bertdemo.tables.formats.encoding import TextFile
from bertdemo.tables.formats.header import Row
from bertdemo.tables.parse_options import DetectedFormat, Note, Occurrences

ENDINGS = (".conll", ".conllu", ".bio", ".iob", ".iob2", ".bmes", ".bioes", ".bilou")
# A named entity among the features in the last column of CoNLL-U.
_FEATURE = re.compile(r"(?:^|\|)(?:NER|NE|Entity|Tag)=([^|]+)", re.IGNORECASE)
_FEATURES = re.compile(r"[\w.]+=[^|]*(?:\|[\w.]+=[^|]*)*")
# A contraction or an omitted word of CoNLL-U, which is not a token.
_NO_TOKEN = re.compile(r"\d+[-.]\d+")
_WEBANNO = "#FORMAT=WebAnno TSV"
# What a column of tags is called where a file names its columns.
_NAMES = frozenset({"tag", "tags", "ner", "ner_tag", "ner_tags", "label", "labels", "entity", "iob", "bio"})
# So many of the lines must fit: a few may be broken.
_NEARLY_ALL = 0.95
# A tag further to the right is not looked for: CoNLL-2003 has it in column 4, CoNLL-U data in column 10.
_COLUMNS = 12
_DOCUMENT_START = "-DOCSTART-"


@dataclass(frozen=True)
class _Columns:
    """Where the token and its tag are."""

    token: int
    tag: int | None
    """None where there is no tag."""
    separator: str | None
    """None for white space."""
    inner: int | None = None
    """The tag of a name inside another one."""
    headed: bool = False
    """Whether the first line names the columns."""
    numbered: bool = False
    """Whether the first column numbers the tokens."""


def is_conll(lines: Sequence[str]) -> bool:
    """Return whether lines are tokens with tags, and there are blank lines between sentences.

    A table with a header and a delimiter is none: its reader knows the names of the columns.
    """
    columns = _columns(lines)
    if columns is None or (columns.headed and columns.separator):
        return False
    return any(not line.strip() for line in lines[1:-1])


def is_webanno(lines: Sequence[str]) -> bool:
    """Return whether a file says that it is a WebAnno TSV."""
    return bool(lines) and lines[0].startswith(_WEBANNO)


def read_conll(text: TextFile, name: str, sample: Sequence[str]) -> Grid:
    """Return the grid: tokens and tags as JSON lists of one length. Raises NoTags, FormatWebAnno."""
    if is_webanno(sample):
        raise FormatWebAnno(file=name)
    columns = _columns(sample) or _tokens_alone(sample)
    if columns is None:
        raise NoTags(file=name)
    detected = DetectedFormat(
        kind="conll",
        encoding=text.encoding,
        encoding_sure=text.sure,
        delimiter=columns.separator or " ",
        quote="none",
    )
    untagged, nested = Occurrences(), Occurrences()
    rows = _sentences(text, columns, untagged, nested)
    if columns.tag is None:
        return Grid(["tokens"], rows, detected, " ", [*text.notes, Note("tokens_only")])

    def later() -> list[Note]:
        return [*untagged.notes("untagged_tokens"), *nested.notes("nested_tags")]

    return Grid(["tokens", "tags"], rows, detected, " ", text.notes, later)


def _cells(line: str, separator: str | None) -> list[str]:
    return [cell.strip() for cell in line.rstrip("\r\n").split(separator)] if separator else line.split()


def _skipped(line: str) -> bool:
    return line.startswith((_DOCUMENT_START, "# "))


def _columns(lines: Sequence[str]) -> _Columns | None:
    """Return the columns, or None for another format.

    Of several columns of tags the last is taken: names come after parts of speech and chunks. Where the one before it
    has the same kinds of names, the last has the names inside of those.
    """
    filled = [line for line in lines if line.strip() and not _skipped(line)]
    if not filled:
        return None
    separator = "\t" if sum("\t" in line for line in filled) * 2 > len(filled) else None
    rows = [_cells(line, separator) for line in filled]
    headed = len(rows) > 1 and _names_columns(rows[0])
    rows = rows[headed:]
    # CoNLL-U numbers the tokens in its first column.
    numbers = sum(row[0].isdigit() or bool(_NO_TOKEN.fullmatch(row[0])) for row in rows)
    numbered = numbers >= _NEARLY_ALL * len(rows)
    columns = range(1, min(_COLUMNS, max(map(len, rows))))
    kinds = {at: tags for at in columns if (tags := _kinds(rows, at))}
    if not kinds:
        return None
    *_, tag = kinds
    outer = min(at for at in kinds if kinds[at] & kinds[tag])
    token = 1 if numbered and outer > 1 else 0
    return _Columns(token, outer, separator, tag if tag != outer else None, headed, numbered)


def _names_columns(cells: Sequence[str]) -> bool:
    """Return whether a line names the columns: one of them is called tags, and none is a tag."""
    return any(cell.casefold() in _NAMES for cell in cells) and not any(map(is_known, cells))


def _kinds(rows: Sequence[Sequence[str]], at: int) -> set[str]:
    """Return the kinds of entities in a column, empty where it is not a tag column."""
    tags = [_tag(row[at]) for row in rows if len(row) > at]
    counts = Counter(tags)
    outside = own_outside(counts)
    entities = {tag: match[2] for tag in counts if (match := TAG.fullmatch(tag))}
    fitting = sum(count for tag, count in counts.items() if tag and (tag in entities or is_outside(tag, outside)))
    return set(entities.values()) if fitting >= _NEARLY_ALL * len(rows) else set()


def _tag(cell: str) -> str:
    """Return the tag in a cell, also where it is one of several features."""
    if not _FEATURES.fullmatch(cell):
        return cell
    feature = _FEATURE.search(cell)
    return feature[1] if feature else "_"


def _tokens_alone(lines: Sequence[str]) -> _Columns | None:
    """Return the columns of tokens without tags: one word per line, and blank lines between sentences."""
    filled = [line for line in lines if line.strip() and not _skipped(line)]
    single = sum(len(line.split()) == 1 for line in filled) >= _NEARLY_ALL * len(filled)
    divided = any(not line.strip() for line in lines[1:-1])
    return _Columns(0, None, None) if filled and single and divided else None


def _sentences(text: TextFile, columns: _Columns, untagged: Occurrences, nested: Occurrences) -> Iterator[Row]:
    tokens: list[str] = []
    tags: list[str] = []
    start, headed = 0, columns.headed
    for number, line in enumerate(text.lines(), start=1):
        if line.strip() and not _skipped(line):
            cells = _cells(line, columns.separator)
            if headed or (columns.numbered and _NO_TOKEN.fullmatch(cells[0])):
                headed = False
                continue
            start = start or number
            tokens.append(cells[columns.token] if len(cells) > columns.token else cells[0])
            tag = _tag_at(cells, columns.tag)
            if not tag and columns.tag is not None:
                untagged.add(number)
            if TAG.fullmatch(_tag_at(cells, columns.inner)):
                nested.add(number)
            tags.append(tag or "O")
        elif tokens and not line.strip():
            yield start, _row(tokens, tags, columns)
            tokens, tags, start = [], [], 0
    if tokens:
        yield start, _row(tokens, tags, columns)


def _tag_at(cells: Sequence[str], at: int | None) -> str:
    return _tag(cells[at]) if at is not None and len(cells) > at else ""


def _row(tokens: list[str], tags: list[str], columns: _Columns) -> list[str | None]:
    return [_as_json(tokens)] if columns.tag is None else [_as_json(tokens), _as_json(tags)]


def _as_json(items: list[str]) -> str:
    return json.dumps(items, ensure_ascii=False)
