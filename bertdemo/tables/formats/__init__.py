"""One module per file format: each turns a path into a `Grid`, which `table_files` turns into a Table."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from bertdemo.tables.parse_options import DetectedFormat, Note


@dataclass(frozen=True)
class Grid:
    """A header and the rows below it, read lazily: iterating may raise a TableError that names its line."""

    header: list[str]
    """As in the file: names may be empty or repeated. No header at all means that the file is empty."""
    rows: Iterable[tuple[int, list[str | None]]]
    """(line or row of the file, cells); rows may be shorter or longer than the header."""
    detected: DetectedFormat
    separator: str = ","
    """Joins the pieces of a row that has more cells than there are columns."""
    notes: Sequence[Note] = ()
    later: Callable[[], Sequence[Note]] = tuple
    """Returns the notes that are known only when all rows have been read."""
    surplus: int | None = -1
    """The column to which the pieces of a longer row are joined; None: cells beyond the last column are left out."""


def as_text(value: object) -> str | None:
    """Return a cell as a person writes it: 5 for 5.0, dates as ISO 8601, lists and objects as JSON, None as None."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _number(value: float) -> str | None:
    if math.isnan(value):
        return None
    # 15 digits, as a spreadsheet shows a number: 0.3 for 0.30000000000000004.
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else format(value, ".15g")


def without_surrogates(text: str) -> str:
    """Replace unpaired surrogates, which JSON can escape and UTF-8 cannot encode, by U+FFFD."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def size_text(size: int) -> str:
    """Return a number of bytes with a binary unit: "30.0 MiB"."""
    for unit, factor in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"


def json_cell(value: object) -> str | None:
    """Return a JSON value as the text of a cell."""
    text = as_text(value)
    return None if text is None else without_surrogates(text)
