"""Columns over Arrow data, and the Parquet file that keeps a table: a million rows cost the reader little.

A Parquet file is mapped into memory and decoded one group of rows at a time; a few decoded groups are kept.
"""

from __future__ import annotations

import bisect
import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, overload

from bertdemo.tables.parse_options import DetectedFormat, Note

BATCH_ROWS = 32_768
BATCH_CHARS = 8_000_000
"""A group of rows ends at whichever of the two comes first."""
_KEPT_BYTES = 64 * 1024 * 1024
_META = b"bertdemo.table"

T = TypeVar("T", str | None, int)


class Groups(Protocol):
    """Rows in groups, each column of a group an Arrow array."""

    @property
    def starts(self) -> Sequence[int]:
        """First row of each group, then the number of all rows."""
        ...

    def load(self, group: int, name: str) -> Any:
        """Return a column of one group as an Arrow array."""
        ...


class Column(Sequence[T], Generic[T]):
    """One column, decoded where it is looked at. In order it is fast; for scattered rows use `take`."""

    def __init__(self, groups: Groups, name: str) -> None:
        self._groups, self._name = groups, name

    def __len__(self) -> int:
        return self._groups.starts[-1]

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            return tuple(self.take(range(*index.indices(len(self)))))
        row = index + len(self) if index < 0 else index
        if not 0 <= row < len(self):
            raise IndexError(index)
        group = bisect.bisect_right(self._groups.starts, row) - 1
        value: T = self._groups.load(group, self._name)[row - self._groups.starts[group]].as_py()
        return value

    def __iter__(self) -> Iterator[T]:
        for group in range(len(self._groups.starts) - 1):
            cells = self._groups.load(group, self._name)
            for start in range(0, len(cells), 4096):
                yield from cells.slice(start, 4096).to_pylist()

    def take(self, rows: Sequence[int]) -> list[T]:
        """Return the cells of `rows`, in their order; each group of rows is decoded once."""
        starts = self._groups.starts
        found: dict[int, list[int]] = {}
        for place, row in enumerate(rows):
            found.setdefault(bisect.bisect_right(starts, row) - 1, []).append(place)
        values: list[Any] = [None] * len(rows)
        for group in sorted(found):
            wanted = [rows[place] - starts[group] for place in found[group]]
            cells = self._groups.load(group, self._name).take(wanted).to_pylist()
            for place, cell in zip(found[group], cells, strict=True):
                values[place] = cell
        return values

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


class Chosen(Sequence[T], Generic[T]):
    """Some rows of a column, in its order; nothing is copied."""

    def __init__(self, cells: Sequence[T], rows: Any) -> None:
        """Take an ascending array of row indices."""
        self._cells: Sequence[T] = cells
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            return tuple(self.take(range(*index.indices(len(self)))))
        cell: T = self._cells[int(self._rows[index])]
        return cell

    def __iter__(self) -> Iterator[T]:
        wanted = iter(self._rows.tolist())
        following = next(wanted, -1)
        for row, cell in enumerate(self._cells):
            if row == following:
                yield cell
                following = next(wanted, -1)

    def take(self, rows: Sequence[int]) -> list[T]:
        """Return the cells of `rows`, in their order."""
        return taken(self._cells, [int(self._rows[row]) for row in rows])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


class Held:
    """Groups of rows that stay in memory as Arrow arrays; filled by a builder."""

    def __init__(self) -> None:
        self.starts: list[int] = [0]
        self._groups: list[Mapping[str, Any]] = []

    def add(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Take one more group; all columns are of one length."""
        batch = {name: array(cells) for name, cells in columns.items()}
        self._groups.append(batch)
        self.starts.append(self.starts[-1] + len(next(iter(batch.values()))))

    def load(self, group: int, name: str) -> Any:
        """Return a column of one group."""
        return self._groups[group][name]


class Mapped:
    """The groups of a Parquet file; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self._file = pq.ParquetFile(path, memory_map=True)
        sizes = [self._file.metadata.row_group(i).num_rows for i in range(self._file.metadata.num_row_groups)]
        self.starts = [0]
        for size in sizes:
            self.starts.append(self.starts[-1] + size)
        self.names: list[str] = list(self._file.schema_arrow.names)
        self.meta: Mapping[bytes, bytes] = self._file.metadata.metadata or {}
        self._kept: OrderedDict[tuple[int, str], Any] = OrderedDict()
        self._bytes = 0
        self._guard = threading.Lock()

    def load(self, group: int, name: str) -> Any:
        """Return a column of one group, decoded now or a moment ago."""
        key = (group, name)
        with self._guard:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            # "a" also brings "a.b", which does no harm: the column is taken by its whole name.
            cells = self._file.read_row_group(group, columns=[name], use_threads=False).column(name).combine_chunks()
            self._kept[key] = cells
            self._bytes += cells.nbytes
            while self._bytes > _KEPT_BYTES and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
            return cells


class Writer:
    """Write a table to Parquet, group by group; `finish` adds what is known only then."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._numbers = numbers_name(columns)
        schema = pa.schema([*((name, pa.string()) for name in columns), (self._numbers, pa.int64())])
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", compression_level=1, write_statistics=False)
        self._schema = schema

    def add(self, columns: Mapping[str, Sequence[str | None]], numbers: Sequence[int]) -> None:
        """Write one group of rows."""
        import pyarrow as pa

        cells = [*(array(values) for values in columns.values()), pa.array(numbers, pa.int64())]
        self._writer.write_batch(pa.record_batch(cells, schema=self._schema))

    def finish(self, name: str, notes: Sequence[Note], detected: DetectedFormat) -> None:
        """Write what the table says about itself, and close the file."""
        said = {
            "version": 1,
            "name": name,
            "numbers": self._numbers,
            "notes": [{"code": note.code, "values": dict(note.values)} for note in notes],
            "reading": detected.to_fields(),
        }
        self._writer.add_key_value_metadata({_META: json.dumps(said)})
        self._writer.close()

    def close(self) -> None:
        """Close the file, finished or not."""
        self._writer.close()


def taken(cells: Sequence[Any], rows: Sequence[int]) -> list[Any]:
    """Return the cells of `rows`, in their order, from a column of any kind."""
    return cells.take(rows) if isinstance(cells, Column | Chosen) else [cells[row] for row in rows]


def cells_at(cells: Sequence[str | None], rows: Sequence[int]) -> list[str | None]:
    """Return the cells of `rows`, in their order, from a column of texts."""
    return taken(cells, rows)


def array(cells: Sequence[Any]) -> Any:
    """Return numbers or texts as an Arrow array."""
    import pyarrow as pa

    return pa.array(cells, pa.int64() if cells and isinstance(cells[0], int) else pa.string())


def numbers_name(columns: Sequence[str]) -> str:
    """Return a name for the row numbers that no column has."""
    name, again = "row", 2
    while name in columns:
        name, again = f"row ({again})", again + 1
    return name


def told(meta: Mapping[bytes, bytes]) -> tuple[str, str, tuple[Note, ...], DetectedFormat] | None:
    """Return (name, column of the row numbers, notes, reading) from a file's metadata; None for a file not ours."""
    if _META not in meta:
        return None
    said = json.loads(meta[_META])
    notes = tuple(Note(item["code"], item["values"]) for item in said["notes"])
    return said["name"], said["numbers"], notes, DetectedFormat.from_fields(said["reading"])
