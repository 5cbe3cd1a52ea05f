"""Which rows train, which choose the epoch, which are kept for the last measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.dataset.grouped_split import deal
from bertdemo.tables.fold_text import fold_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

ROWS_NAMED = 20
TEST_FROM = 1000
"""From so many usable rows on, a tenth is kept for the test and a tenth for validation; below, a fifth validates."""
SEED = 42
"""Seed of every split unless a person chooses another: runs, seeds and settings are then compared on the same rows."""


@dataclass(frozen=True)
class Split:
    """Three sets of positions in the sequence of labels that was split, each in ascending order."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    copies: int = 0
    """Rows that share their text with another row: all rows of one text are in one part."""
    copy_rows: tuple[int, ...] = ()
    """The first 20 of them."""

    def sizes(self) -> dict[str, int]:
        """Return {part: rows}."""
        return {"train": len(self.train), "validation": len(self.validation), "test": len(self.test)}


def split(
    labels: Sequence[str],
    *,
    seed: int = SEED,
    validation_file: bool = False,
    test_file: bool = False,
    texts: Sequence[str] = (),
    keys: Sequence[int] | Any = (),
) -> Split:
    """Split the positions 0..len(labels)-1 so that every part has the labels in about the same shares.

    With a validation file of their own all rows train. With a test file only, nothing more is held out for the
    test. Otherwise 80/10/10 from TEST_FROM rows on, 80/20/0 below. A label of one row trains (unless all are), a
    label of a few rows has at least one in training. `labels` are the strata; they may all be "".

    Where `texts` are given, one per row, all copies of a text (see `fold_text`) are in one part, so that no text is
    in both training and evaluation; `keys`, numbers that are equal for copies, say the same for many rows. The
    shares then hold to within the size of the largest group of copies. Rows that are all one text all train: nothing
    can be held out of them. The same input gives the same split.
    """
    import numpy as np

    count = len(labels)
    if validation_file:
        return Split(tuple(range(count)), (), ())
    names = {label: code for code, label in enumerate(sorted(set(labels)))}
    codes = np.fromiter((names[label] for label in labels), dtype=np.int64, count=count)
    large = count >= TEST_FROM
    shared = np.asarray(keys if len(keys) else [hash(fold_text(text)) for text in texts], dtype=np.int64)
    _, group, sizes = np.unique(shared, return_inverse=True, return_counts=True)
    if int(sizes.max(initial=0)) < 2:
        return _split(_without_copies(codes, large=large, test=large and not test_file, seed=seed))
    shares = (0.8 if not test_file else 0.9, 0.1, 0.1 if not test_file else 0.0) if large else (0.8, 0.2, 0.0)
    part = deal(codes, group.reshape(-1), shares, seed)
    copies = np.flatnonzero(sizes[group.reshape(-1)] > 1)
    return _split([np.flatnonzero(part == place) for place in range(3)], copies)


def _split(parts: Sequence[Numbers], copies: Numbers | None = None) -> Split:
    train, validation, test = (tuple(part.tolist()) for part in parts)
    if copies is None:
        return Split(train, validation, test)
    return Split(train, validation, test, len(copies), tuple(copies[:ROWS_NAMED].tolist()))


def _without_copies(codes: Numbers, *, large: bool, test: bool, seed: int) -> list[Numbers]:
    """Return the three parts where no two rows have the same text."""
    import numpy as np

    everything = np.arange(len(codes))
    train, validation = _held_out(everything, codes, 0.1 if large else 0.2, seed)
    if not test:
        return [train, validation, everything[:0]]
    # A ninth of the nine tenths that are left is a tenth of all.
    train, last = _held_out(train, codes, 1 / 9, seed + 1)
    return [train, validation, last]


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
