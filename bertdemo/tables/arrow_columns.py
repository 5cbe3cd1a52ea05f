"""Columns over Arrow data, and the Parquet file that keeps a table, so that a million rows need little memory.

A Parquet file is mapped into memory and decoded one row group at a time; the last few decoded columns are kept.
"""

from __future__ import annotations

import bisect
import itertools
import json
import threading
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

from bertdemo.tables.parse_options import DetectedFormat, Note

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A row group ends at whichever of the two comes first: many short cells, or a few long ones.
BATCH_ROWS = 32_768
BATCH_CHARS = 8_000_000
# Decoded columns per open file: a handful of full row groups, whatever the size of the file.
_DECODED_BYTES = 64 * 1024 * 1024
# Key in the metadata of a Parquet file of ours.
_META = b"bertdemo.table"

T = TypeVar("T", str | None, int)
C = TypeVar("C")


class RowGroups(Protocol):
    """Rows in groups, each column of a group an Arrow array."""

    @property
    def starts(self) -> Sequence[int]:
        """First row of each group, then the number of all rows."""
        ...

    def load(self, group: int, name: str) -> Any:
        """Return a column of one group as an Arrow array."""
        ...


class LazyCells(Sequence[T], Generic[T]):
    """A column whose cells are decoded when they are read. Iterating is fast; for scattered rows use `take`."""

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
        return self._cell(row)

    @abstractmethod
    def _cell(self, row: int) -> T:
        """Return the cell of one row; for several `take` is faster."""

    @abstractmethod
    def take(self, rows: Sequence[int]) -> list[T]:
        """Return the cells of `rows`, in their order."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


class Column(LazyCells[T]):
    """One column of row groups."""

    def __init__(self, groups: RowGroups, name: str) -> None:
        self._groups, self._name = groups, name

    def __len__(self) -> int:
        return self._groups.starts[-1]

    def __iter__(self) -> Iterator[T]:
        for group in range(len(self._groups.starts) - 1):
            cells = self._groups.load(group, self._name)
            # A slice at a time: Python strings of a whole group would take many times the memory of the Arrow array.
            for start in range(0, len(cells), 4096):
                yield from cells.slice(start, 4096).to_pylist()

    def _cell(self, row: int) -> T:
        group = bisect.bisect_right(self._groups.starts, row) - 1
        cell: T = self._groups.load(group, self._name)[row - self._groups.starts[group]].as_py()
        return cell

    def take(self, rows: Sequence[int]) -> list[T]:
        """Return the cells of `rows`, in their order; each row group is decoded once."""
        starts = self._groups.starts
        positions_by_group: dict[int, list[int]] = {}
        for position, row in enumerate(rows):
            positions_by_group.setdefault(bisect.bisect_right(starts, row) - 1, []).append(position)
        values: list[Any] = [None] * len(rows)
        for group, positions in sorted(positions_by_group.items()):
            indices = [rows[position] - starts[group] for position in positions]
            cells = self._groups.load(group, self._name).take(indices).to_pylist()
            for position, cell in zip(positions, cells, strict=True):
                values[position] = cell
        return values


class SelectedCells(LazyCells[T]):
    """Some rows of a column, in its order; nothing is copied."""

    def __init__(self, cells: Sequence[T], rows: NDArray[np.int64]) -> None:
        """Take an ascending array of row indices."""
        self._cells: Sequence[T] = cells
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[T]:
        selected = iter(self._rows.tolist())
        following = next(selected, -1)
        for row, cell in enumerate(self._cells):
            if row == following:
                yield cell
                following = next(selected, -1)

    def _cell(self, row: int) -> T:
        cell: T = self._cells[int(self._rows[row])]
        return cell

    def take(self, rows: Sequence[int]) -> list[T]:
        """Return the cells of `rows`, in their order."""
        return cells_at(self._cells, [int(self._rows[row]) for row in rows])


class InMemoryGroups:
    """Row groups that stay in memory as Arrow arrays; filled by a builder."""

    def __init__(self) -> None:
        self.starts: list[int] = [0]
        self._groups: list[Mapping[str, Any]] = []

    def add(self, columns: Mapping[str, Sequence[str | None] | Sequence[int]]) -> None:
        """Take one more group; all columns have the same length."""
        group = {name: _arrow_array(cells) for name, cells in columns.items()}
        self._groups.append(group)
        self.starts.append(self.starts[-1] + len(next(iter(group.values()))))

    def load(self, group: int, name: str) -> Any:
        """Return a column of one group."""
        return self._groups[group][name]


class ParquetGroups:
    """The row groups of a Parquet file; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self._file = pq.ParquetFile(path, memory_map=True)
        metadata = self._file.metadata
        sizes = (metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
        self.starts = list(itertools.accumulate(sizes, initial=0))
        self.names: list[str] = list(self._file.schema_arrow.names)
        self.meta: Mapping[bytes, bytes] = metadata.metadata or {}
        self._decoded: OrderedDict[tuple[int, str], Any] = OrderedDict()
        self._bytes = 0
        self._guard = threading.Lock()

    def load(self, group: int, name: str) -> Any:
        """Return a column of one group, decoded now or a moment ago."""
        key = (group, name)
        with self._guard:
            if key in self._decoded:
                self._decoded.move_to_end(key)
                return self._decoded[key]
            # "a" also reads "a.b", which does no harm: the column is picked by its whole name.
            cells = self._file.read_row_group(group, columns=[name], use_threads=False).column(name).combine_chunks()
            self._decoded[key] = cells
            self._bytes += cells.nbytes
            while self._bytes > _DECODED_BYTES and len(self._decoded) > 1:
                self._bytes -= self._decoded.popitem(last=False)[1].nbytes
            return cells


class ParquetTableWriter:
    """Write a table to Parquet, group by group; `finish` adds what is known only at the end.

    The file is created with the first group, whose columns are those of the table.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._numbers = ""
        self._writer: Any = None

    def add(self, columns: Mapping[str, Sequence[str | None]], numbers: Sequence[int]) -> None:
        """Write one group of rows: cells by column, and the line of the file for each row."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._writer is None:
            self._numbers = row_number_column(list(columns))
            schema = pa.schema([*((name, pa.string()) for name in columns), (self._numbers, pa.int64())])
            # Level 1: the file is temporary or beside an upload, and is written while a person waits.
            self._writer = pq.ParquetWriter(
                self._path, schema, compression="zstd", compression_level=1, write_statistics=False
            )
        cells = [*map(_arrow_array, columns.values()), pa.array(numbers, pa.int64())]
        self._writer.write_batch(pa.record_batch(cells, schema=self._writer.schema))

    def finish(self, name: str, notes: Sequence[Note], detected: DetectedFormat) -> None:
        """Write the table's name, notes and detected format, and close the file."""
        if self._writer is not None:
            meta = {
                "version": 1,
                "name": name,
                "numbers": self._numbers,
                "notes": [{"code": note.code, "values": dict(note.values)} for note in notes],
                "reading": asdict(detected),
            }
            self._writer.add_key_value_metadata({_META: json.dumps(meta)})
            self.close()

    def close(self) -> None:
        """Close the file if there is one, finished or not."""
        if self._writer is not None:
            self._writer.close()


@dataclass(frozen=True)
class TableMetadata:
    """What a Parquet file of ours says about its table."""

    name: str
    numbers: str
    """Name of the column with the row numbers."""
    notes: tuple[Note, ...]
    detected: DetectedFormat


def read_metadata(meta: Mapping[bytes, bytes]) -> TableMetadata | None:
    """Return what `ParquetTableWriter.finish` wrote; None for a file that is not ours."""
    if _META not in meta:
        return None
    fields = json.loads(meta[_META])
    notes = tuple(Note(note["code"], note["values"]) for note in fields["notes"])
    return TableMetadata(fields["name"], fields["numbers"], notes, DetectedFormat(**fields["reading"]))


def cells_at(cells: Sequence[C], rows: Sequence[int]) -> list[C]:
    """Return the cells of `rows`, in their order, from a column of any kind."""
    return cells.take(rows) if isinstance(cells, LazyCells) else [cells[row] for row in rows]


def row_number_column(columns: Sequence[str]) -> str:
    """Return a name for the column of row numbers that no other column has."""
    name, suffix = "row", 2
    while name in columns:
        name, suffix = f"row ({suffix})", suffix + 1
    return name


def _arrow_array(cells: Sequence[str | None] | Sequence[int]) -> Any:
    """Return numbers or texts as an Arrow array."""
    import pyarrow as pa

    return pa.array(cells, pa.int64() if cells and isinstance(cells[0], int) else pa.string())
