"""JSON Lines: one object per line, its keys are the columns."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence

from bertdemo.errors import LineBroken
from bertdemo.tables.annotations.exports import SAMPLED, Item, Rows, recognized
from bertdemo.tables.formats import Grid
from bertdemo.tables.formats.encoding import TextFile
from bertdemo.tables.formats.objects import keys_of, names_of, rows_of
from bertdemo.tables.parse_options import DetectedFormat, Note


def read_jsonl(text: TextFile, name: str, column_limit: int) -> Grid:
    """Return the grid of a JSONL file; its columns are the keys of all objects, in order of first appearance.

    The file is parsed several times, for its keys and for its rows, rather than held in memory. Raises LineBroken.
    """
    detected = DetectedFormat(kind="jsonl", encoding=text.encoding, encoding_sure=text.sure)
    return grid_of_objects(lambda: _objects(text, name), name, column_limit, detected, text.notes)


def grid_of_objects(
    objects: Callable[[], Iterable[tuple[int, Item]]],
    name: str,
    column_limit: int,
    detected: DetectedFormat,
    notes: Sequence[Note],
) -> Grid:
    """Return the grid of (number, object), which `objects` yields anew at each call, one row per object.

    What an annotation tool exported becomes rows first. Raises TooManyColumns.
    """
    export = recognized([item for _, item in itertools.islice(objects(), SAMPLED)])
    if export is None:
        keys = keys_of((item for _, item in objects()), name, column_limit)
        return Grid(names_of(keys.names), rows_of(objects(), keys), detected, notes=(*notes, *keys.lists.notes()))
    rows = Rows(export)
    keys = keys_of((item for _, item in Rows(export).of(objects())), name, column_limit)
    note = Note("annotation_export", {"tool": export.tool})
    return Grid(
        names_of(keys.names),
        rows_of(rows.of(objects()), keys),
        detected,
        notes=(*notes, note, *keys.lists.notes()),
        later=rows.notes,
    )


def is_jsonl(text: TextFile) -> bool:
    """Return whether the first two lines that are not blank are one object each."""
    filled = itertools.islice((line for line in text.lines() if line.strip()), 2)
    try:
        return [isinstance(json.loads(line), dict) for line in filled] == [True, True]
    except (ValueError, RecursionError):
        return False


def _objects(text: TextFile, name: str) -> Iterator[tuple[int, Item]]:
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
