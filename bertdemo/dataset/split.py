"""The split into training, validation (which selects the epoch) and test set, stratified by label."""

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
# From so many rows on 10% are the test set and 10% validation; with fewer, a tenth is too small to measure on, so 20%
# are validation and there is no test set.
TEST_FROM = 1000
# Seed of every split unless a person chooses another, so that runs with other settings are compared on the same rows.
SEED = 42


@dataclass(frozen=True)
class Split:
    """Three sets of positions in the sequence of labels that was split, each ascending."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    copies: int = 0
    """Rows that share their text with another row: all rows of the same text are in the same part."""
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

    With a separate validation file all rows train. With only a test file, no test rows are held out. Otherwise
    80/10/10 from TEST_FROM rows on, 80/20/0 below. A label with a single row trains (unless all labels have one), and
    every label has at least one row in training. `labels` are the strata; they may all be "".

    With `texts`, one per row, all copies of a text (see `fold_text`) are in the same part, so that no text is in both
    training and evaluation; `keys`, integers that are equal for copies, do the same without the texts. The shares are
    then exact up to the size of the largest group of copies. If all rows have the same text, all of them train. The
    same input gives the same split.
    """
    import numpy as np
    import pandas as pd

    count = len(labels)
    if validation_file:
        return Split(tuple(range(count)), (), ())
    code_of = {label: code for code, label in enumerate(sorted(set(labels)))}
    codes = np.fromiter((code_of[label] for label in labels), dtype=np.int64, count=count)
    large = count >= TEST_FROM
    shared = np.asarray(keys if len(keys) else [hash(fold_text(text)) for text in texts], dtype=np.int64)
    group, _ = pd.factorize(shared)  # in order of appearance: hashes sort differently in every process
    sizes = np.bincount(group)
    if int(sizes.max(initial=0)) < 2:
        return _split(_without_copies(codes, large=large, test=large and not test_file, seed=seed))
    shares = (0.8 if not test_file else 0.9, 0.1, 0.1 if not test_file else 0.0) if large else (0.8, 0.2, 0.0)
    part = deal(codes, group, shares, seed)
    copies = np.flatnonzero(sizes[group] > 1)
    return _split([np.flatnonzero(part == place) for place in range(3)], copies)


def _split(parts: Sequence[Numbers], copies: Numbers | None = None) -> Split:
    train, validation, test = (tuple(part.tolist()) for part in parts)
    if copies is None:
        return Split(train, validation, test)
    return Split(train, validation, test, len(copies), tuple(copies[:ROWS_NAMED].tolist()))


def _without_copies(codes: Numbers, *, large: bool, test: bool, seed: int) -> list[Numbers]:
    """Return the positions of the three parts where no two rows have the same text."""
    import numpy as np

    everything = np.arange(len(codes))
    train, validation = _held_out(everything, codes, 0.1 if large else 0.2, seed)
    if not test:
        return [train, validation, everything[:0]]
    # A ninth of the remaining nine tenths is a tenth of all rows.
    train, last = _held_out(train, codes, 1 / 9, seed + 1)
    return [train, validation, last]


def _held_out(positions: Numbers, codes: Numbers, share: float, seed: int) -> tuple[Numbers, Numbers]:
    """Return (kept, held out), both ascending. Each label gives its share; the largest remainders round up.

    `codes` are the labels of all positions, (rows,), numbered in the order of their names.
    """
    import numpy as np

    labels = codes[positions]  # (positions,)
    by_label = positions[np.argsort(labels, kind="stable")]
    present, counts = np.unique(labels, return_counts=True)
    quotas = _quotas({int(code): int(count) for code, count in zip(present, counts, strict=True)}, share)
    rng = np.random.default_rng(seed % 2**32)
    out = np.zeros(len(codes), dtype=np.bool_)
    if len(positions) > 1 and not any(quotas.values()):
        # Every label has one row: the shares cannot be kept, but without validation rows nothing could be evaluated.
        out[positions[rng.permutation(len(positions))[: max(1, round(len(positions) * share))]]] = True
    start = 0
    for code, count in zip(present.tolist(), counts.tolist(), strict=True):
        rows = by_label[start : start + count]
        out[rows[rng.permutation(count)[: quotas[code]]]] = True
        start += count
    held = out[positions]
    return positions[~held], positions[held]


def _quotas(counts: Mapping[int, int], share: float) -> dict[int, int]:
    """Return the rows that each label holds out, by the largest-remainder method; one row of each stays in training."""
    exact = {label: count * share for label, count in counts.items()}
    # A product that is below a whole number by a rounding error counts as that number.
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
