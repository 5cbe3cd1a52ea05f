"""Parquet: the sizes in its metadata are checked first, then it is read in small batches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bertdemo.errors import FileBroken, FileTooLarge, TooManyColumns, TooManyRows
from bertdemo.settings import Limits
from bertdemo.tables.formats import Grid, json_cell, size_text, without_surrogates
from bertdemo.tables.formats.objects import Lists, unwrapped
from bertdemo.tables.parse_options import DetectedFormat

# Rows that are Python objects at one time.
_BATCH_ROWS = 1024
# What pyarrow raises for a damaged file, and for a value or date that Python has no type for.
_UNREADABLE = (OSError, ValueError, OverflowError, TypeError)
# Metadata key under which `datasets` writes the features of a data set.
_FEATURES = b"huggingface"
# The id of a row without a label, as the test splits of competitions have it.
_UNLABELED = -1
# Levels of lists and objects in which class ids are named.
_DEPTH = 8
_Namer = Callable[[Any], Any]


def read_parquet(path: Path, name: str, limits: Limits) -> Grid:
    """Return the grid of a Parquet file. Raises FileBroken, FileTooLarge, TooManyRows, TooManyColumns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path, memory_map=False)
        names = list(file.schema_arrow.names)
    except (pa.ArrowException, OSError, ValueError, OverflowError):
        raise FileBroken(file=name, kind="Parquet") from None
    metadata = file.metadata
    if metadata.num_rows > limits.rows:
        raise TooManyRows(file=name, limit=limits.rows)
    if max(len(names), metadata.num_columns) > limits.columns:
        raise TooManyColumns(file=name, columns=max(len(names), metadata.num_columns), limit=limits.columns)
    size = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    if size > limits.unpacked_bytes:
        raise FileTooLarge(file=name, size=size_text(size), limit=size_text(limits.unpacked_bytes))
    namers = _namers(file.schema_arrow.metadata or {}, names)
    lists = _lists(file, name)
    rows = _rows(file, name, namers, [column in lists.single for column in names])
    return Grid(list(map(without_surrogates, names)), rows, DetectedFormat(kind="parquet"), notes=lists.notes())


def _lists(file: Any, name: str) -> Lists:
    """Read the columns of lists, and only these, to find those whose lists hold one item each."""
    import pyarrow as pa

    lists = Lists()
    schema = file.schema_arrow
    # A repeated name, or one with a dot in it, cannot be read by its name alone.
    by_name = [field for field in schema if "." not in field.name and schema.names.count(field.name) == 1]
    columns = [field.name for field in by_name if pa.types.is_list(field.type)]
    try:
        for column in columns:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=[column], use_threads=False):
                for value in batch.column(0).to_pylist():
                    lists.add(column, value)
    except (pa.ArrowException, *_UNREADABLE):
        raise FileBroken(file=name, kind="Parquet") from None
    return lists


def _namers(metadata: Mapping[bytes, bytes], names: Sequence[str]) -> list[_Namer | None]:
    """Return for each column what gives the class names for its ids, which `datasets` writes; None for no such column.

    A ClassLabel may be within lists and objects: the tags of tokens, a field of an answer.
    """
    try:
        features = json.loads(metadata[_FEATURES])["info"]["features"]
        return [_namer(features.get(name)) for name in names]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return [None] * len(names)


def _namer(feature: Any, depth: int = 0) -> _Namer | None:
    """Return the function that names the class ids in a value of this feature; None where it has none."""
    if depth > _DEPTH:
        return None
    if isinstance(feature, list):  # as older versions write a list
        return _of_items(_namer(feature[0], depth + 1)) if feature else None
    if not isinstance(feature, dict):
        return None
    kind = feature.get("_type")
    if kind == "ClassLabel":
        known = feature.get("names")
        return _of_ids(tuple(map(str, known))) if isinstance(known, list) else None
    if kind in {"List", "LargeList", "Sequence"}:
        return _of_items(_namer(feature.get("feature"), depth + 1))
    fields = {key: namer for key, item in feature.items() if (namer := _namer(item, depth + 1))} if not kind else {}
    return _of_fields(fields) if fields else None


def _of_ids(known: tuple[str, ...]) -> _Namer:
    def named(value: Any) -> Any:
        if not isinstance(value, int) or isinstance(value, bool):
            return value
        if 0 <= value < len(known):
            return known[value]
        return None if value == _UNLABELED else value

    return named


def _of_items(item: _Namer | None) -> _Namer | None:
    """Return the namer of a list, or of an object of lists, which a sequence of objects becomes."""
    if item is None:
        return None

    def named(value: Any) -> Any:
        return [item(each) for each in value] if isinstance(value, list) else item(value)

    return named


def _of_fields(fields: Mapping[str, _Namer]) -> _Namer:
    def named(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: _each(fields[key], item) if key in fields else item for key, item in value.items()}

    return named


def _each(namer: _Namer, value: Any) -> Any:
    return [namer(item) for item in value] if isinstance(value, list) else namer(value)


def _rows(
    file: Any, name: str, namers: Sequence[_Namer | None], single: Sequence[bool]
) -> Iterator[tuple[int, list[str | None]]]:
    """Yield (row counted from 1, cells)."""
    import pyarrow as pa

    number = 0
    try:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                items = zip(values, namers, single, strict=True)
                yield number, [_cell(value, namer, alone) for value, namer, alone in items]
    except (pa.ArrowException, *_UNREADABLE):
        raise FileBroken(file=name, kind="Parquet") from None


def _cell(value: Any, namer: _Namer | None, alone: bool) -> str | None:
    named = value if namer is None else namer(value)
    return json_cell(unwrapped(named) if alone else named)
