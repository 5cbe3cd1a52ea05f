"""From the cells of a label column to labels: cells that mean "no value" are empty, 1.0 and 1 are one label."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from bertdemo.tables.table import Table
from bertdemo.tasks.reading.no_value import means_no_value, verdicts
from bertdemo.tasks.reading.quantities import whole_numbers

# As many rows as a person looks up by hand.
_NUMBERS_NAMED = 20


@dataclass(frozen=True)
class LabelCells:
    """What was decided on the cells of a label column, as they are in the file."""

    missing: Mapping[str, int] = field(default_factory=dict)
    """Cells that are no label -> rows."""
    doubtful: Mapping[str, int] = field(default_factory=dict)
    """Cells that may mean "no value" and are labels because they have as many rows as another one -> rows."""
    respelled: Mapping[str, str] = field(default_factory=dict)
    """Cells of numbers -> the label that they are: 1.0 -> 1."""
    numbers: tuple[int, ...] = ()
    """The numbers in the file of the first 20 rows without a label."""

    @property
    def changes(self) -> bool:
        """Whether a cell becomes another label, or none."""
        return bool(self.missing or self.respelled)


AS_THEY_ARE = LabelCells()


def decide(counts: Mapping[str, int]) -> LabelCells:
    """Return what the cells of a label column are; `counts` are the rows of each cell."""
    decided = verdicts(counts)
    missing = {cell: counts[cell] for cell, verdict in decided.items() if verdict == "missing"}
    doubtful = {cell: counts[cell] for cell, verdict in decided.items() if verdict == "doubtful"}
    return LabelCells(missing, doubtful, whole_numbers(counts.keys() - missing.keys()))


def as_labels(table: Table, column: str, cells: LabelCells) -> tuple[Table, LabelCells]:
    """Return the training table with its cells as labels, and the decision with the rows that have none."""
    new = {**dict.fromkeys(cells.missing), **cells.respelled}
    pairs = zip(table.row_numbers, table.columns[column], strict=True)
    numbers = [number for number, cell in pairs if (cell or "").strip() in cells.missing][:_NUMBERS_NAMED]
    return _with_cells(table, column, new), replace(cells, numbers=tuple(numbers))


def as_labels_of(table: Table, column: str, labels: Collection[str]) -> Table:
    """Return a validation or test table with its cells as the labels of the training table.

    A cell that is one of them stays; so does one that is neither, which is reported as an unknown label.
    """
    distinct = {(cell or "").strip() for cell in table.columns.get(column, ())} - {"", *labels}
    new: dict[str, str | None] = {cell: None for cell in distinct if means_no_value(cell)}
    new |= {cell: number for cell, number in whole_numbers(distinct | set(labels)).items() if number in labels}
    for cell in distinct - new.keys():  # 1 in the file where the training data have 1.0
        written = (label for label, number in whole_numbers([*labels, cell]).items() if number == cell)
        if (label := next(written, None)) is not None:
            new[cell] = label
    return _with_cells(table, column, new)


def _with_cells(table: Table, column: str, new: Mapping[str, str | None]) -> Table:
    if not new:
        return table
    # Each distinct cell is one object, however many rows there are.
    interned: dict[str | None, str | None] = {}
    cells = []
    for cell in table.columns[column]:
        if cell not in interned:
            name = (cell or "").strip()
            interned[cell] = new.get(name, cell)
        cells.append(interned[cell])
    return replace(table, columns={**table.columns, column: tuple(cells)})
