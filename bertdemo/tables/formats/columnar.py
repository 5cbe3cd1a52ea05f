"""Parquet: the sizes in its metadata are checked first, then it is read in small batches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
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
    label_names = _label_names(file.schema_arrow.metadata or {}, names)
    lists = _lists(file, name)
    rows = _rows(file, name, label_names, [column in lists.single for column in names])
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


def _label_names(metadata: Mapping[bytes, bytes], names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return for each column the names of its label ids, which `datasets` writes for a ClassLabel; () for none."""
    try:
        features = json.loads(metadata[_FEATURES])["info"]["features"]
        labels = {name: feature.get("names") for name, feature in features.items() if feature["_type"] == "ClassLabel"}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return [()] * len(names)
    return [tuple(map(str, known)) if isinstance(known := labels.get(name), list) else () for name in names]


def _rows(
    file: Any, name: str, label_names: Sequence[tuple[str, ...]], single: Sequence[bool]
) -> Iterator[tuple[int, list[str | None]]]:
    """Yield (row counted from 1, cells)."""
    import pyarrow as pa

    number = 0
    try:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                items = (unwrapped(value) if alone else value for value, alone in zip(values, single, strict=True))
                yield number, [_cell(item, known) for item, known in zip(items, label_names, strict=True)]
    except (pa.ArrowException, *_UNREADABLE):
        raise FileBroken(file=name, kind="Parquet") from None


def _cell(value: Any, known: tuple[str, ...]) -> str | None:
    if known and isinstance(value, int) and 0 <= value < len(known):
        return without_surrogates(known[value])
    return json_cell(value)
