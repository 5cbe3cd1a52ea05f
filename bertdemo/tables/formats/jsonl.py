"""JSON Lines: one object per line, its keys are the columns."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping

from bertdemo.errors import LineBroken
from bertdemo.tables.formats import Grid
from bertdemo.tables.formats.encoding import TextFile
from bertdemo.tables.formats.objects import keys_of, names_of, rows_of
from bertdemo.tables.parse_options import DetectedFormat


def read_jsonl(text: TextFile, name: str, column_limit: int) -> Grid:
    """Return the grid of a JSONL file; its columns are the keys of all objects, in order of first appearance.

    The file is parsed twice, for its keys and for its rows, rather than held in memory. Raises LineBroken.
    """
    keys = keys_of((item for _, item in _objects(text, name)), name, column_limit)
    detected = DetectedFormat(kind="jsonl", encoding=text.encoding, encoding_sure=text.sure)
    notes = (*text.notes, *keys.lists.notes())
    return Grid(
        names_of(keys.names),
        rows_of(_objects(text, name), keys),
        detected,
        notes=notes,
    )


def is_jsonl(text: TextFile) -> bool:
    """Return whether the first two lines that are not blank are one object each."""
    filled = itertools.islice((line for line in text.lines() if line.strip()), 2)
    try:
        return [isinstance(json.loads(line), dict) for line in filled] == [True, True]
    except (ValueError, RecursionError):
        return False


def _objects(text: TextFile, name: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Yield (line, object), an empty one for a blank line. Raises LineBroken."""
    for number, line in enumerate(text.lines(), start=1):
        if not line.strip():
            yield number, {}
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError):
            raise LineBroken(file=name, line=number) from None
        if not isinstance(item, dict):
            raise LineBroken(file=name, line=number)
        yield number, item
