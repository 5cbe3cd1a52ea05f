"""Whose run starts next: addresses take turns, and at each address its owners, so that who asks for many runs waits.

The next run is that of the address whose last run started the longest ago, then of the owner there of whom that is
true, then the one that has waited longest. So somebody who comes late starts after the run that trains now, however
many runs one stranger has queued under however many owner keys.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Addresses and owners that are remembered. Forgetting one only gives it a turn as if it were new.
_REMEMBERED = 1_000


@dataclass(frozen=True)
class Waiting:
    """A run that waits, and for whom."""

    run_id: str
    owner: str
    address: str = ""
    """"" where it is not known; then the owner takes turns with the addresses."""

    @property
    def groups(self) -> tuple[str, str]:
        """What takes turns with its like: the address, and the owner."""
        return f"address {self.address}" if self.address else f"owner {self.owner}", f"owner {self.owner}"


class Turns:
    """Remembers who had a run started last; a restart of the server forgets it."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, int] = OrderedDict()
        self._count = itertools.count(1)

    def started(self, run: Waiting) -> None:
        """Take note that a run has started."""
        turn = next(self._count)
        for group in run.groups:
            self._last[group] = turn
            self._last.move_to_end(group)
        while len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)

    def order(self, waiting: Sequence[Waiting]) -> list[Waiting]:
        """Return the runs, which come in the order of their coming, in the order in which they start."""
        if len({run.owner for run in waiting}) < 2:
            return list(waiting)
        return _in_turn(waiting, self._last)


def _in_turn(waiting: Sequence[Waiting], last: Mapping[str, int]) -> list[Waiting]:
    """Start one run after the other, each as whose turn it is then."""
    last, rest, ordered = dict(last), list(waiting), list[Waiting]()
    latest = max(last.values(), default=0)
    while rest:
        run = min(rest, key=lambda it: [last.get(group, 0) for group in it.groups])  # of equals the first
        rest.remove(run)
        ordered.append(run)
        latest += 1
        last.update(dict.fromkeys(run.groups, latest))
    return ordered
