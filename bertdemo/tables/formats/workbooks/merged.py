"""Merged cells: a workbook keeps the value in the first cell of a range; here the rows below it get it too."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

# A sheet may claim any number of ranges; no one merges that many by hand.
_MOST = 100_000
_CHUNK = 1024 * 1024
# So much of a chunk is searched again with the next one: Excel allows 8,192 characters in a formula.
_OVERLAP = 10_000
# A formula that was never calculated: a program wrote it, and no spreadsheet has opened the file since.
# A cell of type "str" has a value, which is the empty text.
_UNCALCULATED = re.compile(
    rb'<(?:\w+:)?c\b(?![^>]*\bt="str")[^>]*><(?:\w+:)?f\b[^>]*>[^<]*</(?:\w+:)?f>'
    rb"(?:<(?:\w+:)?v ?/>|<(?:\w+:)?v></(?:\w+:)?v>)?</(?:\w+:)?c>"
)
_RANGE = re.compile(rb'<(?:\w+:)?mergeCell [^>]*?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')


@dataclass(frozen=True)
class Merge:
    """A range of merged cells, counted from 1."""

    top: int
    left: int
    bottom: int
    right: int


def scan(archive: zipfile.ZipFile, member: str) -> tuple[list[Merge], int]:
    """Return the merged ranges of a sheet, and how many of its formulas have no value.

    openpyxl tells neither where it reads row by row. The XML is searched and not parsed: text in it is escaped.

    Raises what zipfile raises for a damaged member.
    """
    ranges: set[tuple[bytes, ...]] = set()
    with archive.open(member) as file:
        rest, formulas = b"", 0
        while (chunk := file.read(_CHUNK)) and len(ranges) < _MOST:
            ranges.update(match.groups() for match in _RANGE.finditer(rest + chunk))
            # What ends in the part that was searched before is not counted again.
            formulas += sum(match.end() > len(rest) for match in _UNCALCULATED.finditer(rest + chunk))
            rest = chunk[-_OVERLAP:]
    corners = [(int(top), _column(left), int(bottom), _column(right)) for left, top, right, bottom in ranges]
    return [Merge(*corner) for corner in sorted(corners)], formulas


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def filled(
    rows: Iterable[tuple[int, Sequence[object]]], ranges: Sequence[Merge], lines: list[int]
) -> Iterator[tuple[int, Sequence[object]]]:
    """Yield the rows with the value of a merged range in its first column of each row.

    `lines` gets the row of each cell that is filled.
    A row without a value of its own stays blank: a range that is longer than the table makes no rows.
    """
    waiting = sorted((merge for merge in ranges if merge.bottom > merge.top), key=lambda merge: merge.top, reverse=True)
    active: dict[int, tuple[int, object]] = {}
    for number, row in rows:
        values = row
        active = {column: (bottom, value) for column, (bottom, value) in active.items() if bottom >= number}
        if active and any(value is not None for value in row):
            values = list(row)
            for column, (_, value) in active.items():
                if column < len(values) and values[column] is None:
                    values[column] = value
                    lines.append(number)
        while waiting and waiting[-1].top <= number:
            merge = waiting.pop()
            value = values[merge.left - 1] if merge.left <= len(values) else None
            if merge.top == number and value is not None:
                active[merge.left - 1] = merge.bottom, value
        yield number, values


def grouped_header(ranges: Sequence[Merge], row: int) -> bool:
    """Return whether cells of this row are merged across columns, as the names of groups are.

    Where the row below is merged in the same way, a wide column is made of several.
    """
    return bool(_across(ranges, row) - _across(ranges, row + 1))


def _across(ranges: Sequence[Merge], row: int) -> set[tuple[int, int]]:
    wide = (merge for merge in ranges if merge.right > merge.left)
    return {(merge.left, merge.right) for merge in wide if merge.top <= row <= merge.bottom}
