"""One module for each kind of file: each turns a path into a `Grid`, and `data.tables` turns that into a Table."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time

from bertdemo.tables.parse_options import DetectedFormat, Note


def _nothing() -> Sequence[Note]:
    return ()


@dataclass(frozen=True)
class Grid:
    """A header and the rows below it, read lazily: iterating may raise a TableError that names its line."""

    header: list[str]
    """As in the file: names may be empty or come twice. No header at all means that the file is empty."""
    rows: Iterable[tuple[int, list[str | None]]]
    """(where the row stands in the file, its cells); rows may be shorter or longer than the header."""
    detected: DetectedFormat
    separator: str = ","
    """Stands between the cells that overflow the last column."""
    notes: Sequence[Note] = ()
    later: Callable[[], Sequence[Note]] = field(default=_nothing)
    """Returns what is known only when all rows were read."""


def as_text(value: object) -> str | None:
    """Return a cell as a person sees it: 5 and not 5.0, dates as ISO 8601, lists and objects as JSON, None as None."""
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
    # 15 digits is what a spreadsheet shows: 0.3, and not 0.30000000000000004.
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else format(value, ".15g")


def without_surrogates(text: str) -> str:
    """Replace unpaired surrogates, which JSON can spell and UTF-8 cannot hold, by U+FFFD."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def size_text(size: int) -> str:
    """Return a number of bytes for people: "30.0 MiB"."""
    for unit, factor in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"


def json_cell(value: object) -> str | None:
    """Return what stands in a cell for a value of JSON."""
    text = as_text(value)
    return None if text is None else without_surrogates(text)
