"""What can be mended in a table before training, each by its name, counted, and undone by leaving the name out.

A mend never changes the file: it makes another table from the one that was read. The same table and the same names
give the same result, whatever order they were chosen in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from bertdemo.data import variants
from bertdemo.data.split import folded
from bertdemo.data.tables import Table
from bertdemo.run_config import RunRequest

Mend = Literal["merge_labels", "merge_slips", "drop_missing", "drop_duplicates", "drop_conflicts", "drop_rare"]
MENDS: tuple[Mend, ...] = (
    "merge_labels", "merge_slips", "drop_missing", "drop_duplicates", "drop_conflicts", "drop_rare",
)  # fmt: skip
"""In the order in which they are done: two ways of writing one label are no conflict once they are merged."""
_NONE: Mapping[str, str] = MappingProxyType({})
RARE_ROWS = 2
"""A label with fewer rows than this cannot be both learnt and asked."""


@dataclass(frozen=True)
class Done:
    """What one mend did: `rows` that went or changed, and the first few of their numbers in the file."""

    mend: Mend
    rows: int
    numbers: tuple[int, ...]


def apply(
    table: Table, columns: Mapping[str, str], mends: Sequence[str], relabels: Mapping[str, str] = _NONE
) -> tuple[Table, tuple[Done, ...]]:
    """Return the mended table and what each mend did; a name that is none is passed over.

    `relabels` come first: they are a person's word about single rows, see RunRequest.relabels.
    """
    table = relabel(table, columns, relabels)
    done: list[Done] = []
    for mend in MENDS:
        if mend in mends:
            table, changed = _DO[mend](table, columns)
            done.append(Done(mend, len(changed), tuple(changed[:20])))
    return table, tuple(done)


def relabel(table: Table, columns: Mapping[str, str], relabels: Mapping[str, str]) -> Table:
    """Return the table with other labels in some rows (number in the file -> label), without those that have ""."""
    if not relabels:
        return table
    to = {int(number): label for number, label in relabels.items()}
    name = columns["label"]
    cells = tuple(to.get(number) or cell for number, cell in zip(table.row_numbers, table.columns[name], strict=True))
    changed = replace(table, columns={**table.columns, name: cells})
    return _keep(changed, [to.get(number) != "" for number in table.row_numbers])[0]


def for_run(table: Table, request: RunRequest) -> Table:
    """Return the table that a run trains on."""
    return apply(table, request.columns, request.mends, request.relabels)[0]


def would_change(table: Table, columns: Mapping[str, str], mend: Mend) -> int:
    """Return how many rows a mend would change or take away."""
    return len(_DO[mend](table, columns)[1])


def _keep(table: Table, kept: Sequence[bool]) -> tuple[Table, list[int]]:
    gone = [number for number, keep in zip(table.row_numbers, kept, strict=True) if not keep]
    if not gone:
        return table, []

    def left(cells: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(cell for cell, keep in zip(cells, kept, strict=True) if keep)

    columns = {name: left(cells) for name, cells in table.columns.items()}
    return replace(table, columns=columns, row_numbers=left(table.row_numbers)), gone


def _cells(table: Table, columns: Mapping[str, str], role: str) -> list[str]:
    return [(cell or "").strip() for cell in table.columns[columns[role]]]


def _keys(table: Table, columns: Mapping[str, str]) -> list[str]:
    parts = [_cells(table, columns, role) for role in ("text", "pair") if role in columns]
    return ["\0".join(map(folded, row)) for row in zip(*parts, strict=True)]


def _merge(slips: bool) -> Callable[[Table, Mapping[str, str]], tuple[Table, list[int]]]:
    def merge(table: Table, columns: Mapping[str, str]) -> tuple[Table, list[int]]:
        labels = _cells(table, columns, "label")
        found = variants.find(Counter(label for label in labels if label))
        to = {one.written: one.label for one in found if one.slip == slips}
        changed = [number for number, label in zip(table.row_numbers, labels, strict=True) if label in to]
        if not changed:
            return table, []
        name = columns["label"]
        merged = tuple(to.get(label, cell) for label, cell in zip(labels, table.columns[name], strict=True))
        return replace(table, columns={**table.columns, name: merged}), changed

    return merge


def _drop_missing(table: Table, columns: Mapping[str, str]) -> tuple[Table, list[int]]:
    wanted = [_cells(table, columns, role) for role in columns]
    return _keep(table, [all(row) for row in zip(*wanted, strict=True)])


def _drop_duplicates(table: Table, columns: Mapping[str, str]) -> tuple[Table, list[int]]:
    """Keep the first of the rows that say the same and have the same label."""
    seen: set[tuple[str, str]] = set()
    kept = []
    for key, label in zip(_keys(table, columns), _cells(table, columns, "label"), strict=True):
        kept.append(not key.strip("\0") or (key, label) not in seen)
        seen.add((key, label))
    return _keep(table, kept)


def _drop_conflicts(table: Table, columns: Mapping[str, str]) -> tuple[Table, list[int]]:
    """Drop every row whose text has another label elsewhere: which of them is right the table does not say."""
    labels = _cells(table, columns, "label")
    keys = _keys(table, columns)
    given: dict[str, set[str]] = {}
    for key, label in zip(keys, labels, strict=True):
        if label:
            given.setdefault(key, set()).add(label)
    return _keep(table, [not key.strip("\0") or len(given.get(key, ())) < 2 for key in keys])


def _drop_rare(table: Table, columns: Mapping[str, str]) -> tuple[Table, list[int]]:
    labels = _cells(table, columns, "label")
    counts = Counter(label for label in labels if label)
    return _keep(table, [not label or counts[label] >= RARE_ROWS for label in labels])


_DO: Mapping[Mend, Callable[[Table, Mapping[str, str]], tuple[Table, list[int]]]] = {
    "merge_labels": _merge(slips=False),
    "merge_slips": _merge(slips=True),
    "drop_missing": _drop_missing,
    "drop_duplicates": _drop_duplicates,
    "drop_conflicts": _drop_conflicts,
    "drop_rare": _drop_rare,
}
