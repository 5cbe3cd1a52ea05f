"""Assigning whole groups of duplicates to training, validation and test, so that no text is in two of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

# From so many interchangeable groups on, all but the last few are dealt by count: a million rows in about a second.
_BULK = 50
# In place of zero, which nothing can be divided by.
_EPSILON = 1e-9


def deal(codes: Numbers, group: Numbers, shares: Sequence[float], seed: int) -> Numbers:
    """Return the part (0 training, 1 validation, 2 test) of each row, (rows,), equal for the rows of a group.

    `codes` (rows,) are the strata, `group` (rows,) the groups, both numbered from 0; `shares` has one entry per part.
    A greedy algorithm: groups are dealt largest first, each to the part that is then furthest below its share of rows
    and strata, which is the choice that leaves the smallest chi-squared distance (squared differences from the
    shares, each divided by its share). See docs/decisions/0011.
    """
    import numpy as np

    groups = int(group.max(initial=-1)) + 1
    dealt = _dealt(codes, group, groups, shares, seed)
    sizes = np.bincount(group, minlength=groups)
    # Where each stratum is one group, all of them train; the shares of strata cannot be kept, but those of rows can.
    if sizes[dealt == 1].sum() < 0.5 * shares[1] * len(codes):
        dealt = _dealt(np.zeros_like(codes), group, groups, shares, seed)
    for part in (1, 2):
        training = np.flatnonzero(dealt == 0)
        if shares[part] and not (dealt == part).any() and len(training) > 1:
            # Without held-out rows nothing could be evaluated: the smallest group moves.
            dealt[training[np.argmin(sizes[training])]] = part
    parts: Numbers = dealt[group]
    return parts


def _dealt(codes: Numbers, group: Numbers, groups: int, shares: Sequence[float], seed: int) -> Numbers:
    """Return the part of each group, (groups,). Groups with the same strata are interchangeable, and dealt together."""
    import numpy as np

    by_group = codes[np.argsort(group, kind="stable")]  # (rows,), group after group
    sizes = np.bincount(group, minlength=groups)
    starts = np.cumsum(sizes) - sizes
    # A random number per stratum: their sum over a group identifies its strata, whatever their order (Zobrist hashing).
    numbers = np.random.default_rng(0).integers(2**63, size=int(codes.max(initial=0)) + 1, dtype=np.uint64)
    strata = np.add.reduceat(numbers[by_group], starts)  # (groups,)
    shuffled = np.random.default_rng(seed % 2**32).permutation(groups)
    order = np.lexsort((shuffled, strata, -sizes))
    new = np.flatnonzero((np.diff(sizes[order], prepend=-1) != 0) | np.append(True, np.diff(strata[order]) != 0))
    dealer, dealt = _Dealer(np.bincount(codes).tolist(), shares), np.zeros(groups, dtype=np.int64)
    for start, end in zip(new.tolist(), [*new[1:].tolist(), groups], strict=True):
        first = starts[order[start]]
        of_group = Counter(by_group[first : first + sizes[order[start]]].tolist())
        dealt[order[start:end]] = dealer.deal_alike(of_group, end - start)
    return dealt


class _Dealer:
    """Keeps count of the rows, in all and of each stratum, that each part still lacks."""

    def __init__(self, totals: Sequence[int], shares: Sequence[float]) -> None:
        """Take the number of rows of each stratum, and the share of each part."""
        self._parts = [part for part, share in enumerate(shares) if share]
        # At least one row: a stratum of three rows would otherwise shift the parts' sizes as much as one of hundreds.
        self._share = [[max(1.0, total * share) for share in shares] for total in totals]
        self._lacking = [[total * share for share in shares] for total in totals]
        self._share_of_all = [sum(totals) * share for share in shares]
        self._lacking_of_all = list(self._share_of_all)
        self._in_training: set[int] = set()

    def deal_alike(self, strata: Mapping[int, int], count: int) -> list[int]:
        """Return the parts of `count` groups that all have these rows per stratum; most of many are dealt by count."""
        parts: list[int] = []
        if count >= _BULK:
            lacking = self._shares_lacking(strata)
            for part in self._parts:
                most = max(0, int(count * lacking[part]) - 1)
                parts += [part] * most
                self._take(part, strata, most)
        return [*parts, *(self._deal(strata) for _ in range(count - len(parts)))]

    def _deal(self, strata: Mapping[int, int]) -> int:
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
        """Return the share of each part in the rows that these strata still lack; they add up to 1."""
        shares = [0.0] * len(self._share_of_all)
        size = sum(strata.values())
        for stratum, rows in strata.items():
            lacking = [max(0.0, left) for left in self._lacking[stratum]]
            for part in self._parts:
                shares[part] += rows / size * lacking[part] / max(_EPSILON, sum(lacking))
        return shares

    def _take(self, part: int, strata: Mapping[int, int], groups: int) -> None:
        if part == 0 and groups:
            self._in_training.update(strata)
        for stratum, rows in strata.items():
            self._lacking[stratum][part] -= rows * groups
            self._lacking_of_all[part] -= rows * groups
