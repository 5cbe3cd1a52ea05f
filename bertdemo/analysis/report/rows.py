"""The rows of a table that can be used, as numbers, with a way back to their texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bertdemo.analysis.report.finding import EXAMPLES, ROWS_NAMED, Example
from bertdemo.dataset.fingerprints import Fingerprints, Flags, Numbers, first
from bertdemo.tables.arrow_columns import cells_at, taken
from bertdemo.tables.table import Table


@dataclass(frozen=True)
class Rows:
    """The usable rows: each has a text and a label. A position counts these rows from 0."""

    table: Table
    columns: Mapping[str, str]
    everything: Fingerprints
    """Of all rows of the table."""
    fingerprints: Fingerprints
    """Of the usable rows."""
    index: Numbers
    """Position -> row of the table."""

    @classmethod
    def of(cls, table: Table, columns: Mapping[str, str], fingerprints: Fingerprints) -> Rows:
        """Return the rows in which every column is filled."""
        usable = fingerprints.usable
        return cls(table, columns, fingerprints, fingerprints.at(usable), np.flatnonzero(usable))

    def __len__(self) -> int:
        return len(self.index)

    def labels(self) -> list[str]:
        """Return the label of each row."""
        names = self.fingerprints.names
        return [names[code] for code in self.fingerprints.labels.tolist()]

    def counts(self) -> tuple[tuple[str, int], ...]:
        """Return (label, rows), most frequent first."""
        found = np.bincount(self.fingerprints.labels, minlength=len(self.fingerprints.names)).tolist()
        present = [(name, count) for name, count in zip(self.fingerprints.names, found, strict=True) if count]
        return tuple(sorted(present, key=lambda item: (-item[1], item[0])))

    def cells(self, role: str, positions: Sequence[int]) -> list[str]:
        """Return what stands in the column of a role, trimmed."""
        rows = [int(self.index[position]) for position in positions]
        return [(cell or "").strip() for cell in cells_at(self.table.columns[self.columns[role]], rows)]

    def numbers(self, found: Flags | Sequence[int]) -> tuple[int, ...]:
        """Return where the first 20 of these positions stand in the file."""
        places = first(found, ROWS_NAMED) if isinstance(found, np.ndarray) else list(found)[:ROWS_NAMED]
        return tuple(taken(self.table.row_numbers, [int(self.index[place]) for place in places]))

    def examples(self, found: Flags, *, copies: bool = True) -> tuple[Example, ...]:
        """Return the first three texts among these positions, with all rows that share the text unless told not to."""
        made: list[Example] = []
        seen: set[int] = set()
        for place in np.flatnonzero(found):
            key = int(self.fingerprints.keys[place])
            if key in seen:
                continue
            seen.add(key)
            rows = np.flatnonzero(self.fingerprints.keys == key)[:ROWS_NAMED].tolist() if copies else [int(place)]
            names = dict.fromkeys(self.fingerprints.names[self.fingerprints.labels[row]] for row in rows)
            made.append(Example(self.cells("text", [rows[0]])[0], self.numbers(rows), tuple(names)))
            if len(made) == EXAMPLES:
                break
        return tuple(made)
