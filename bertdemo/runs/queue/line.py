"""The line of runs that wait or train: who came from where, how many there may be, and how long one waits.

Addresses and times are kept in memory only: a restart of the server forgets from which address a run came, and how long
runs took.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bertdemo.errors import AddressQueueFull, BertDemoError, ServerQueueFull
from bertdemo.runs import events as ev
from bertdemo.runs.queue.turns import Turns, Waiting
from bertdemo.runs.registry import Registry, RunView
from bertdemo.runs.status import status_of
from bertdemo.settings import Limits
from bertdemo.slots import visitor

# Runs whose time is averaged: enough for one odd run not to decide, and few enough to follow what is trained now.
_AVERAGED = 10


@dataclass(frozen=True)
class Place:
    """Where a queued run is in the line of its device."""

    ahead: int = 0
    """Runs that end before it starts, the one that trains included."""
    seconds: float | None = None
    """How long until it starts; None where no estimate is known."""

    @property
    def minutes(self) -> int | None:
        """The same in whole minutes, at least one: no estimate is better than that."""
        return None if self.seconds is None else max(1, math.ceil(self.seconds / 60))


NEXT = Place()


class Line:
    """See the module. Any thread may call it; it reads run folders, so nobody calls it while others wait for a lock."""

    def __init__(self, limits: Limits, registry: Registry) -> None:
        self._limits = limits
        self._registry = registry
        self._turns = Turns()
        self._addresses: dict[str, str] = {}
        self._reserved: Counter[str] = Counter()
        self._seconds: deque[float] = deque(maxlen=_AVERAGED)
        self._guard = threading.Lock()

    @contextlib.contextmanager
    def place(self, under_way: Callable[[], Collection[str]]) -> Iterator[None]:
        """Keep a place for the run that the block writes and queues; `under_way` are those that wait or train.

        Raises ServerQueueFull or AddressQueueFull where there are too many, with the time until one ends.
        """
        address = visitor().address
        run_ids = under_way()
        wait = self._wait(1, self._seconds_left(run_ids))
        with self._guard:
            self._reserve(under_way(), address, 0 if wait is None else max(1, round(wait)))
        try:
            yield
        finally:
            with self._guard:
                self._reserved[address] -= 1

    def _reserve(self, run_ids: Collection[str], address: str, wait: int) -> None:
        self._addresses = {run_id: self._addresses[run_id] for run_id in run_ids if run_id in self._addresses}
        self._reserved = +self._reserved  # without those that are zero
        count = len(run_ids) + self._reserved.total()
        if count >= self._limits.queued_runs_total:
            raise ServerQueueFull(waiting=count, wait_seconds=wait)
        count = Counter(self._addresses.values())[address] + self._reserved[address]
        if address and count >= self._limits.queued_runs_per_address:
            raise AddressQueueFull(waiting=count, wait_seconds=wait)
        self._reserved[address] += 1

    def came(self, run_id: str) -> None:
        """Take note from which address a run was queued."""
        with self._guard:
            self._addresses[run_id] = visitor().address

    def started(self, run_id: str) -> None:
        """Take note that a run has started: the next turn is somebody else's."""
        run = self._waiting(run_id)
        with self._guard:
            self._turns.started(run)

    def ended(self, run_id: str) -> None:
        """Take note of how long a run had its device, from which the wait of others is estimated."""
        view = self._summary(run_id)
        launched = [event.at for event in view.events if isinstance(event, ev.Launched)] if view else []
        if view and launched:
            with self._guard:
                self._seconds.append(max(0.0, view.events[-1].at - launched[-1]))

    def in_turn(self, queue: Sequence[str]) -> list[str]:
        """Return the queued runs in the order in which they start."""
        waiting = [self._waiting(run_id) for run_id in queue]
        with self._guard:
            return [run.run_id for run in self._turns.order(waiting)]

    def place_of(
        self, view: RunView, queue: Sequence[str], running: Mapping[str, str], slot: Callable[[str], str]
    ) -> Place:
        """Return the place of a queued run; `running` is slot to run id, `slot` returns that of a device."""
        ordered = self.in_turn(queue)
        if view.run_id not in ordered:
            return NEXT
        mine = slot(view.request.config.device)
        before = [other for run_id in ordered[: ordered.index(view.run_id)] if (other := self._summary(run_id))]
        trains = [run_id for device, run_id in running.items() if device == mine]
        ahead = len(trains) + sum(slot(other.request.config.device) == mine for other in before)
        return Place(ahead, self._wait(ahead, self._seconds_left(trains)))

    def _wait(self, ahead: int, left: float | None) -> float | None:
        """Return the seconds until so many runs have ended, of which the first still needs `left`; None: unknown."""
        with self._guard:
            mean = sum(self._seconds) / len(self._seconds) if self._seconds else None
        first = mean if left is None else left
        if ahead == 0:
            return 0.0
        if first is None or (ahead > 1 and mean is None):
            return None
        return first + (ahead - 1) * (mean or 0.0)

    def _seconds_left(self, run_ids: Collection[str]) -> float | None:
        """Return when the first of these runs ends, None where none says so."""
        views = [view for run_id in run_ids if (view := self._summary(run_id)) and view.state == "running"]
        known = [left for view in views if (left := status_of(view).seconds_left) is not None]
        return min(known, default=None)

    def _waiting(self, run_id: str) -> Waiting:
        with self._guard:
            address = self._addresses.get(run_id, "")
        return Waiting(run_id, self._registry.owner_of(run_id), address)

    def _summary(self, run_id: str) -> RunView | None:
        try:
            return self._registry.summary(run_id, None)
        except BertDemoError:  # deleted just now
            return None
