"""The usable rows of a table, as fingerprints, with access to their texts and row numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bertdemo.analysis.report.finding import EXAMPLES, ROWS_NAMED, Example
from bertdemo.dataset.fingerprints import Fingerprints, Flags, Numbers, first_set
from bertdemo.dataset.prepared import PreparedDataset
from bertdemo.tables.arrow_columns import cells_at
from bertdemo.tables.table import Table


@dataclass(frozen=True)
class Rows:
    """The usable rows, which have an input and a target. A position is an index into these rows."""

    table: Table
    columns: Mapping[str, str]
    everything: Fingerprints
    """Of all rows of the table."""
    fingerprints: Fingerprints
    """Of the usable rows."""
    index: Numbers
    """Position -> row of the table."""

    @classmethod
    def of_dataset(cls, prepared: PreparedDataset) -> Rows:
        """Return the usable rows of a dataset that was prepared in this process."""
        cleaned, usable = prepared.facts.cleaned, prepared.facts.usable
        return cls(prepared.table, cleaned.columns, cleaned.fingerprints, cleaned.fingerprints.at(usable), usable)

    @classmethod
    def of(cls, table: Table, columns: Mapping[str, str], fingerprints: Fingerprints) -> Rows:
        """Return the rows in which every column is filled."""
        usable = fingerprints.usable
        return cls(table, columns, fingerprints, fingerprints.at(usable), np.flatnonzero(usable))

    def __len__(self) -> int:
        return len(self.index)

    def counts(self) -> tuple[tuple[str, int], ...]:
        """Return (label, rows), most frequent first."""
        counts = np.bincount(self.fingerprints.labels, minlength=len(self.fingerprints.names)).tolist()
        present = [(name, count) for name, count in zip(self.fingerprints.names, counts, strict=True) if count]
        return tuple(sorted(present, key=lambda item: (-item[1], item[0])))

    def cells(self, slot: str, positions: Sequence[int]) -> list[str]:
        """Return the cells of a slot (text, pair or label) at these positions, trimmed."""
        rows = self.index[list(positions)].tolist()
        return [(cell or "").strip() for cell in cells_at(self.table.columns[self.columns[slot]], rows)]

    def numbers(self, positions: Flags | Sequence[int]) -> tuple[int, ...]:
        """Return the row numbers in the file of the first 20 positions, given as flags or as a list."""
        first = first_set(positions, ROWS_NAMED) if isinstance(positions, np.ndarray) else positions[:ROWS_NAMED]
        return tuple(cells_at(self.table.row_numbers, self.index[list(first)].tolist()))

    def examples(self, flags: Flags, *, copies: bool = True) -> tuple[Example, ...]:
        """Return the first three different texts at the flagged positions, with `copies` all rows that share them."""
        rows_of_text: dict[int, list[int]] = {}
        for position in np.flatnonzero(flags).tolist():
            key = int(self.fingerprints.keys[position])
            if key not in rows_of_text:
                same = np.flatnonzero(self.fingerprints.keys == key)[:ROWS_NAMED].tolist() if copies else [position]
                rows_of_text[key] = same
                if len(rows_of_text) == EXAMPLES:
                    break
        return tuple(self._example(rows) for rows in rows_of_text.values())

    def _example(self, positions: Sequence[int]) -> Example:
        names = self.fingerprints.names
        labels = dict.fromkeys(names[code] for code in self.fingerprints.labels[list(positions)].tolist())
        return Example(self.cells("text", positions[:1])[0], self.numbers(positions), tuple(labels))
