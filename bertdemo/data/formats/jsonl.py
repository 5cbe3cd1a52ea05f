"""JSON Lines: one object a line, its keys are the columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from bertdemo.data.formats import Grid, as_text, without_surrogates
from bertdemo.data.formats.encoding import encoding_of
from bertdemo.errors import LineBroken, TooManyColumns


def read_jsonl(path: Path, name: str, column_limit: int) -> Grid:
    """Return the grid of a JSONL file; its columns are the keys of all objects, in order of first appearance.

    The file is parsed twice, for its keys and for its rows, rather than held in memory. Raises LineBroken.
    """
    encoding = encoding_of(path, name)
    keys: dict[str, None] = {}
    for _, item in _objects(path, name, encoding):
        keys.update(dict.fromkeys(item))
        if len(keys) > column_limit:
            raise TooManyColumns(file=name, columns=len(keys), limit=column_limit)
    rows = ((number, [_cell(item.get(key)) for key in keys]) for number, item in _objects(path, name, encoding))
    return Grid([without_surrogates(key) for key in keys], rows)


def _objects(path: Path, name: str, encoding: str) -> Iterator[tuple[int, dict[str, object]]]:
    with path.open(encoding=encoding) as file:
        for number, line in enumerate(file, start=1):
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


def _cell(value: object) -> str | None:
    text = as_text(value)
    return None if text is None else without_surrogates(text)
