"""Dealing whole groups of copies to training, validation and test, so that no text is on both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

_BULK = 50
"""So many alike groups are dealt by count, all but the last few of them: a million rows in about a second."""
_NOTHING = 1e-9
"""Stands for a share of no rows, which nothing can be divided by."""


def deal(codes: Numbers, group: Numbers, shares: Sequence[float], seed: int) -> Numbers:
    """Return the part (0 trains, 1 validates, 2 is the test) of each row, equal for the rows of a group.

    `codes` (n,) are the strata of the rows, `group` (n,) their groups, both numbered from 0; `shares` has one entry
    per part. Groups are dealt largest first, each to the part that is then furthest below its share of rows and
    strata: the choice that leaves the smallest sum of squared differences from the shares, each divided by its share.
    """
    import numpy as np

    groups = int(group.max(initial=-1)) + 1
    dealt = _dealt(codes, group, groups, shares, seed)
    sizes = np.bincount(group, minlength=groups)
    # Where each stratum is one group, all of them train; then the strata cannot be kept, but the rows can.
    if sizes[dealt == 1].sum() < 0.5 * shares[1] * len(codes):
        dealt = _dealt(np.zeros_like(codes), group, groups, shares, seed)
    for part in (1, 2):
        training = np.flatnonzero(dealt == 0)
        if shares[part] and not (dealt == part).any() and len(training) > 1:
            # A run without held-out rows could not be judged at all.
            dealt[training[np.argmin(sizes[training])]] = part
    parts: Numbers = dealt[group]
    return parts


def _dealt(codes: Numbers, group: Numbers, groups: int, shares: Sequence[float], seed: int) -> Numbers:
    """Return the part of each group. Groups of one size and the same strata are alike, and dealt together."""
    import numpy as np

    rows = np.argsort(group, kind="stable")  # row numbers, group by group
    by_group = codes[rows]
    sizes = np.bincount(group, minlength=groups)
    starts = np.cumsum(sizes) - sizes
    # One random number per stratum: their sum over a group tells its strata, whatever their order in it is.
    marks = np.random.default_rng(0).integers(2**63, size=int(codes.max(initial=0)) + 1, dtype=np.uint64)
    strata = np.add.reduceat(marks[by_group], starts)
    shuffled = np.random.default_rng(seed % 2**32).permutation(groups)
    order = np.lexsort((shuffled, strata, -sizes))
    new = np.flatnonzero((np.diff(sizes[order], prepend=-1) != 0) | np.append(True, np.diff(strata[order]) != 0))
    dealer, dealt = _Dealer(np.bincount(codes).tolist(), shares), np.zeros(groups, dtype=np.int64)
    for start, end in zip(new.tolist(), [*new[1:].tolist(), groups], strict=True):
        first = starts[order[start]]
        of_group = Counter(by_group[first : first + sizes[order[start]]].tolist())
        dealt[order[start:end]] = dealer.alike(of_group, end - start)
    return dealt


class _Dealer:
    """Knows what each part still lacks of its rows and of its strata."""

    def __init__(self, totals: Sequence[int], shares: Sequence[float]) -> None:
        """Take the rows of each stratum, and the share of each part."""
        self._parts = [part for part, share in enumerate(shares) if share]
        # At least one row: a stratum of three rows would otherwise shift the parts' sizes as much as one of hundreds.
        self._share = [[max(1.0, total * share) for share in shares] for total in totals]
        self._lacking = [[total * share for share in shares] for total in totals]
        self._share_of_all = [sum(totals) * share for share in shares]
        self._lacking_of_all = list(self._share_of_all)
        self._in_training: set[int] = set()

    def alike(self, strata: Mapping[int, int], count: int) -> list[int]:
        """Return the parts of `count` groups, each of so many rows per stratum: of many, most by count."""
        parts: list[int] = []
        if count >= _BULK:
            lacking = self._shares_lacking(strata)
            for part in self._parts:
                most = max(0, int(count * lacking[part]) - 1)
                parts += [part] * most
                self._take(part, strata, most)
        return [*parts, *(self._one(strata) for _ in range(count - len(parts)))]

    def _one(self, strata: Mapping[int, int]) -> int:
        """Return the part of one group; the first group of a stratum trains, or it would never be learned."""
        size = sum(strata.values())
        best, best_gain = 0, float("-inf")
        for part in self._parts if self._in_training.issuperset(strata) else [0]:
            gain = (2 * self._lacking_of_all[part] - size) / self._share_of_all[part]
            for stratum, rows in strata.items():
                gain += (2 * self._lacking[stratum][part] - rows) / self._share[stratum][part] * rows / size
            if gain > best_gain:
                best, best_gain = part, gain
        self._take(best, strata, 1)
        return best

    def _shares_lacking(self, strata: Mapping[int, int]) -> list[float]:
        """Return the share of each part in what its strata still lack; 1 in all."""
        shares = [0.0] * len(self._share_of_all)
        size = sum(strata.values())
        for stratum, rows in strata.items():
            lacking = [max(0.0, left) for left in self._lacking[stratum]]
            for part in self._parts:
                shares[part] += rows / size * lacking[part] / max(_NOTHING, sum(lacking))
        return shares

    def _take(self, part: int, strata: Mapping[int, int], groups: int) -> None:
        if part == 0 and groups:
            self._in_training.update(strata)
        for stratum, rows in strata.items():
            self._lacking[stratum][part] -= rows * groups
            self._lacking_of_all[part] -= rows * groups
