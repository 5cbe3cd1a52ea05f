"""JSON Lines: one object a line, its keys are the columns."""

from __future__ import annotations

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
    return Grid(names_of(keys.names), rows_of(_objects(text, name), keys), detected, notes=notes)


def is_jsonl(text: TextFile) -> bool:
    """Return whether the first line that is not blank is a whole object, and another one follows."""
    found = 0
    for line in text.lines():
        if line.strip():
            try:
                if not isinstance(json.loads(line), dict):
                    return False
            except (ValueError, RecursionError):
                return False
            found += 1
            if found == 2:
                return True
    return False


def _objects(text: TextFile, name: str) -> Iterator[tuple[int, Mapping[str, object]]]:
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
