"""Slots for computing, shared out between visitors in turns.

A request holds a slot for one batch of its work and then gives way. The next turn is that of the address that holds
the fewest slots and has computed the longest ago, then of the visitor at that address, then of the request that has
waited longest. So two requests of one visitor take turns as one, and so do all visitors behind one address.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field

from bertdemo.errors import ServerBusy

# Lets a caller who waits for a slot go first, and returns once there is a slot again.
GiveWay = Callable[[], None]
HoldSlot = Callable[[], contextlib.AbstractContextManager[GiveWay]]


@dataclass(frozen=True)
class Visitor:
    """Who a request came from, for taking turns only: neither field proves who somebody is."""

    address: str = ""
    """Network address; "" where it is not known."""
    name: str = ""
    """Which of the visitors at that address: the owner key, or the session of a page without one."""

    @property
    def groups(self) -> tuple[str, tuple[str, str]]:
        """What takes turns with its like: the address, or the visitor where it is not known, and the visitor."""
        return self.address or self.name, (self.address, self.name)


# The server's own work, such as that of a background thread: it takes turns as one, and no share limits it.
SERVER = Visitor()
# Passed by context, because every function between an endpoint and a slot would have to hand it on otherwise.
_VISITOR: ContextVar[Visitor] = ContextVar("visitor", default=SERVER)


def visitor() -> Visitor:
    """Return who the current request came from."""
    return _VISITOR.get()


@contextlib.contextmanager
def visited_by(who: Visitor) -> Iterator[None]:
    """Do what the block does for this visitor."""
    token = _VISITOR.set(who)
    try:
        yield
    finally:
        _VISITOR.reset(token)


def giving_way(progress: Callable[[float], None], give_way: GiveWay) -> Callable[[float], None]:
    """Return a callback that gives way after each call of `progress` but the last, where nothing is left to do."""

    def called(share: float) -> None:
        progress(share)
        if share < 1:
            give_way()

    return called


@dataclass(eq=False)
class _Ticket:
    """A request that waits; `turn` is set when it gets its slot."""

    visitor: Visitor
    turn: threading.Event = field(default_factory=threading.Event)


class Slots:
    """A limit on concurrent callers, from any thread; see the module for their order.

    With `per_address`, one address never holds more slots than that, so that another finds one free. A caller that
    waits too long gets ServerBusy.
    """

    def __init__(self, count: int, wait_seconds: float, per_address: int = 0) -> None:
        self._free = count
        self._wait_seconds = wait_seconds
        self._per_address = per_address or count
        self._waiting: list[_Ticket] = []  # in the order of their coming
        self._held: Counter[str | tuple[str, str]] = Counter()
        self._last_turns: dict[str | tuple[str, str], int] = {}
        self._turns = itertools.count(1)
        self._guard = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many callers wait."""
        return len(self._waiting)

    @contextlib.contextmanager
    def hold(self) -> Iterator[GiveWay]:
        """Hold a slot while the block runs; raises ServerBusy where none becomes free in time.

        Gives a function that hands the slot to whose turn it is, and returns once there is a slot for the rest of the
        block; where nobody waits, it does nothing.
        """
        ticket = _Ticket(visitor())
        with self._guard:
            self._waiting.append(ticket)
            self._hand_on()
        if not ticket.turn.wait(self._wait_seconds) and (place := self._leave(ticket)):
            raise ServerBusy(place=place, seconds=round(self._wait_seconds))
        current = [ticket]

        def give_way() -> None:
            current[0] = self._give_way(current[0])

        try:
            yield give_way
        finally:
            with self._guard:
                self._release(current[0].visitor)
                self._hand_on()

    def _give_way(self, ticket: _Ticket) -> _Ticket:
        """Hand on the slot of a caller, who then waits; return the ticket with which it has got one again."""
        with self._guard:
            if not self._waiting:
                return ticket
            again = _Ticket(ticket.visitor)
            self._waiting.append(again)
            self._release(ticket.visitor)
            self._hand_on()
        again.turn.wait()
        return again

    def _hand_on(self) -> None:
        """Give every free slot to the caller whose turn it is; needs the guard."""
        while self._free and (able := [ticket for ticket in self._waiting if self._may_hold(ticket.visitor)]):
            ticket = min(able, key=self._rank)  # of equals the first, who came first
            self._waiting.remove(ticket)
            self._free -= 1
            turn = next(self._turns)
            for group in ticket.visitor.groups:
                self._held[group] += 1
                self._last_turns[group] = turn
            ticket.turn.set()

    def _may_hold(self, who: Visitor) -> bool:
        return who == SERVER or self._held[who.groups[0]] < self._per_address

    def _rank(self, ticket: _Ticket) -> tuple[int, ...]:
        """Return what is smallest for the caller whose turn it is."""
        return tuple(
            number for group in ticket.visitor.groups for number in (self._held[group], self._last_turns.get(group, 0))
        )

    def _release(self, who: Visitor) -> None:
        """Take back a slot, and forget visitors who neither hold one nor wait; needs the guard."""
        self._free += 1
        self._held.subtract(who.groups)
        waiting = {group for ticket in self._waiting for group in ticket.visitor.groups}
        for group in who.groups:
            if not self._held[group]:
                del self._held[group]
                if group not in waiting:
                    self._last_turns.pop(group, None)

    def _leave(self, ticket: _Ticket) -> int:
        """Take back a ticket that waited too long; return its place in line, 0 where it has its turn now."""
        with self._guard:
            if ticket.turn.is_set():
                return 0
            rank = self._rank(ticket)
            self._waiting.remove(ticket)
            return 1 + sum(self._rank(other) <= rank for other in self._waiting)
