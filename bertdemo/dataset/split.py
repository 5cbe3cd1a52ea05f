"""Which rows train, which choose the epoch, which are kept for the last measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.tables.fold_text import fold_text
from bertdemo.tables.table import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

_MOVED_NAMED = 20
TEST_FROM = 1000
"""From so many usable rows on, a tenth is kept for the test and a tenth for validation; below, a fifth validates."""


@dataclass(frozen=True)
class Split:
    """Three sets of positions in the sequence of labels that was split, each in ascending order."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    moved: int = 0
    """Rows that changed their part, because the same text stood in an earlier one (training first)."""
    moved_rows: tuple[int, ...] = ()
    """The first 20 of them."""

    def sizes(self) -> dict[str, int]:
        """Return {part: rows}."""
        return {"train": len(self.train), "validation": len(self.validation), "test": len(self.test)}


def usable_rows(table: Table, columns: Mapping[str, str]) -> tuple[int, ...]:
    """Return the indices of the rows in which every column of `columns` holds more than white space."""
    wanted = [table.columns[name] for name in columns.values()]
    return tuple(
        index
        for index, cells in enumerate(zip(*wanted, strict=True))
        if all(cell is not None and not cell.isspace() and cell for cell in cells)
    )


def split(
    labels: Sequence[str],
    *,
    seed: int,
    validation_file: bool = False,
    test_file: bool = False,
    texts: Sequence[str] = (),
    keys: Sequence[int] | Any = (),
) -> Split:
    """Split the positions 0..len(labels)-1 so that every part has the labels in about the same shares.

    With a validation file of their own all rows train. With a test file only, nothing more is held out for the
    test. Otherwise 80/10/10 from TEST_FROM rows on, 80/20/0 below. A label of one row trains (unless all are), a
    label of a few rows has at least one in training. Where `texts` are given, one a row, the copies of a text
    (see `fold_text`) are all in one part: what is learnt by heart must not be asked; `keys`, numbers that are equal for
    copies, say the same for many rows. The same input gives the same split.
    """
    import numpy as np

    everything = np.arange(len(labels))
    if validation_file:
        return Split(tuple(everything.tolist()), (), ())
    large = len(labels) >= TEST_FROM
    names = {label: code for code, label in enumerate(sorted(set(labels)))}
    codes = np.fromiter((names[label] for label in labels), dtype=np.int64, count=len(labels))
    train, validation = _held_out(everything, codes, 0.1 if large else 0.2, seed)
    test = everything[:0]
    if large and not test_file:
        # A ninth of the nine tenths that are left is a tenth of all.
        train, test = _held_out(train, codes, 1 / 9, seed + 1)
    parts = [train, validation, test]
    if len(texts) or len(keys):
        shared = keys if len(keys) else [hash(fold_text(text)) for text in texts]
        return _together(parts, np.asarray(shared, dtype=np.int64))
    return _split(parts)


def _split(parts: Sequence[Numbers], moved: Sequence[int] = ()) -> Split:
    train, validation, test = (tuple(part.tolist()) for part in parts)
    return Split(train, validation, test, len(moved), tuple(int(row) for row in moved[:_MOVED_NAMED]))


def _together(parts: Sequence[Numbers], keys: Numbers) -> Split:
    """Move every copy of a text to the first part that has one; leave all as it is where nothing would be held out."""
    import numpy as np

    before = np.zeros(len(keys), dtype=np.int64)
    for part, rows in enumerate(parts):
        before[rows] = part
    _, group = np.unique(keys, return_inverse=True)
    home = np.full(int(group.max(initial=-1)) + 1, len(parts), dtype=np.int64)
    np.minimum.at(home, group.reshape(-1), before)
    after = home[group.reshape(-1)]
    placed = [np.flatnonzero(after == part) for part in range(len(parts))]
    if not len(placed[1]) or (len(parts[2]) and not len(placed[2])):
        return _split(parts)
    return _split(placed, np.flatnonzero(after != before).tolist())


def _held_out(positions: Numbers, codes: Numbers, share: float, seed: int) -> tuple[Numbers, Numbers]:
    """Return (kept, held out), both ascending. Each label gives its share; the largest remainders round up.

    `codes` are the labels of all positions, numbered in the order of their names.
    """
    import numpy as np

    own = codes[positions]
    by_label = positions[np.argsort(own, kind="stable")]
    present, counts = np.unique(own, return_counts=True)
    quotas = _quotas({int(code): int(count) for code, count in zip(present, counts, strict=True)}, share)
    rng = np.random.default_rng(seed % 2**32)
    out = np.zeros(len(codes), dtype=np.bool_)
    if len(positions) > 1 and not any(quotas.values()):
        # Every label is alone: the shares cannot be kept, but a run without validation could not be judged at all.
        out[positions[rng.permutation(len(positions))[: max(1, round(len(positions) * share))]]] = True
    start = 0
    for code, count in zip(present.tolist(), counts.tolist(), strict=True):
        rows = by_label[start : start + count]
        out[rows[rng.permutation(count)[: quotas[code]]]] = True
        start += count
    held = out[positions]
    return positions[~held], positions[held]


def _quotas(counts: Mapping[int, int], share: float) -> dict[int, int]:
    """Rows that each label holds out: whole parts first, then one more by remainder until the total is reached."""
    exact = {label: count * share for label, count in counts.items()}
    quotas = {label: min(int(exact[label] + 1e-9), counts[label] - 1) for label in counts}
    missing = max(1, round(sum(counts.values()) * share)) - sum(quotas.values())
    by_remainder = sorted(counts, key=lambda label: (quotas[label] - exact[label], label))
    while missing > 0:
        free = [label for label in by_remainder if quotas[label] < counts[label] - 1]
        if not free:
            break
        for label in free[:missing]:
            quotas[label] += 1
        missing -= min(missing, len(free))
    return quotas
