"""Which rows train, which choose the epoch, which are kept for the last measurement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bertdemo.data.tables import Table

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


def folded(text: str) -> str:
    """Return what two texts have in common that differ in case and white space only."""
    return " ".join(text.split()).casefold()


def split(
    labels: Sequence[str],
    *,
    seed: int,
    validation_file: bool = False,
    test_file: bool = False,
    texts: Sequence[str] = (),
) -> Split:
    """Split the positions 0..len(labels)-1 so that every part has the labels in about the same shares.

    With a validation file of their own all rows train. With a test file only, nothing more is held out for the
    test. Otherwise 80/10/10 from TEST_FROM rows on, 80/20/0 below. A label of one row trains (unless all are), a
    label of a few rows has at least one in training. Where `texts` are given, one a row, the copies of a text
    (see `folded`) are all in one part: what is learnt by heart must not be asked. The same input gives the same
    split.
    """
    everything = tuple(range(len(labels)))
    if validation_file:
        return Split(everything, (), ())
    large = len(labels) >= TEST_FROM
    train, validation = _held_out(everything, labels, 0.1 if large else 0.2, seed)
    if large and not test_file:
        # A ninth of the nine tenths that are left is a tenth of all.
        train, test = _held_out(train, labels, 1 / 9, seed + 1)
        return _together(Split(train, validation, test), texts)
    return _together(Split(train, validation, ()), texts)


def _together(parts: Split, texts: Sequence[str]) -> Split:
    """Move every copy of a text to the first part that has one; leave all as it is where nothing would be held out."""
    if not texts:
        return parts
    home: dict[str, int] = {}
    placed: list[list[int]] = [[], [], []]
    moved = 0
    for part, rows in enumerate((parts.train, parts.validation, parts.test)):
        for row in rows:
            at = home.setdefault(folded(texts[row]), part)
            placed[at].append(row)
            moved += at != part
    if not placed[1] or (parts.test and not placed[2]):
        return parts
    train, validation, test = (tuple(sorted(rows)) for rows in placed)
    return replace(parts, train=train, validation=validation, test=test, moved=moved)


def _held_out(
    positions: tuple[int, ...], labels: Sequence[str], share: float, seed: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return (kept, held out), both ascending. Each label gives its share; the largest remainders round up."""
    import numpy as np

    groups: dict[str, list[int]] = {}
    for position in positions:
        groups.setdefault(labels[position], []).append(position)
    quotas = _quotas(Counter({label: len(rows) for label, rows in groups.items()}), share)
    rng = np.random.default_rng(seed % 2**32)
    out: set[int] = set()
    if len(positions) > 1 and not any(quotas.values()):
        # Every label is alone: the shares cannot be kept, but a run without validation could not be judged at all.
        out.update(
            positions[index] for index in rng.permutation(len(positions))[: max(1, round(len(positions) * share))]
        )
    for label in sorted(groups):
        order = rng.permutation(len(groups[label]))
        out.update(groups[label][index] for index in order[: quotas[label]])
    return tuple(p for p in positions if p not in out), tuple(p for p in positions if p in out)


def _quotas(counts: Mapping[str, int], share: float) -> dict[str, int]:
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
