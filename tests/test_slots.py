"""Slots for computing: never more than there are, none lost, and in turns between visitors."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

import pytest

from bertdemo.errors import ServerBusy
from bertdemo.slots import SERVER, Slots, Visitor, visited_by


def wait(slots: Slots, who: Visitor, work: Callable[[Callable[[], None]], None]) -> threading.Thread:
    """Start a thread that works in a slot, and return it when it waits for one."""

    def run() -> None:
        with visited_by(who), slots.hold() as give_way:
            work(give_way)

    thread, before = threading.Thread(target=run), slots.waiting
    thread.start()
    while slots.waiting == before:
        time.sleep(0.001)
    return thread


def join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()


def test_who_waits_too_long_is_refused_with_its_place_and_slots_are_free_again_whatever_happens() -> None:
    slots = Slots(1, wait_seconds=0.05)
    with slots.hold(), pytest.raises(ServerBusy) as caught, slots.hold():
        raise AssertionError
    assert caught.value.values == {"place": 1, "seconds": 0}
    with pytest.raises(ValueError, match="ours"), slots.hold():
        raise ValueError("ours")
    with slots.hold():
        assert slots.waiting == 0


def test_a_caller_with_a_slot_lets_those_who_wait_go_first_in_their_order() -> None:
    slots, order = Slots(1, wait_seconds=60), list[str]()
    with slots.hold() as give_way:
        give_way()  # nobody waits
        threads = [wait(slots, SERVER, lambda _, name=name: order.append(name)) for name in ("first", "second")]  # type: ignore[misc]
        order.append("long")
        give_way()
        order.append("long again")
    join(threads)
    assert order == ["long", "first", "second", "long again"]


def test_slots_are_never_held_by_more_than_their_number_nor_lost() -> None:
    slots, holders, most = Slots(2, wait_seconds=60), list[int](), list[int]()

    def work(number: int) -> None:
        with visited_by(Visitor(f"1.1.1.{number % 3}", str(number))), slots.hold() as give_way:
            for _ in range(50):
                holders.append(number)
                most.append(len(holders))
                holders.remove(number)
                give_way()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    join(threads)
    assert len(most) == 8 * 50
    assert max(most) <= 2
    with slots.hold(), slots.hold():
        assert slots.waiting == 0
    assert not slots._held and not slots._last_turns


def turns_of(*visitors: Visitor, batches: int = 3) -> list[str]:
    """Return whose batches are computed one after the other, where all come while the slot is held."""
    slots, order = Slots(1, wait_seconds=60), list[str]()

    def work_for(who: Visitor) -> Callable[[Callable[[], None]], None]:
        def work(give_way: Callable[[], None]) -> None:
            for number in range(batches):
                order.append(who.name)
                if number < batches - 1:
                    give_way()

        return work

    with slots.hold():
        threads = [wait(slots, who, work_for(who)) for who in visitors]
    join(threads)
    return order


STRANGER, OTHER = Visitor("1.1.1.1", "stranger"), Visitor("2.2.2.2", "other")


def test_two_requests_of_one_visitor_take_turns_as_one() -> None:
    order = turns_of(STRANGER, STRANGER, OTHER)
    assert order[:6] == ["stranger", "other"] * 3
    assert order[6:] == ["stranger"] * 3


def test_visitors_behind_one_address_take_turns_as_one_and_among_themselves() -> None:
    twin = Visitor("1.1.1.1", "twin")
    order = turns_of(STRANGER, twin, OTHER)
    assert order[1::2][:3] == ["other"] * 3
    assert [name for name in order if name != "other"] == ["stranger", "twin"] * 3


def test_a_visitor_without_an_address_takes_turns_with_addresses() -> None:
    assert turns_of(Visitor("", "session"), OTHER)[:4] == ["session", "other", "session", "other"]


def test_one_address_never_holds_the_last_slot() -> None:
    slots = Slots(2, wait_seconds=0.05, per_address=1)
    with contextlib.ExitStack() as stack:
        stack.enter_context(visited_by(STRANGER))
        stack.enter_context(slots.hold())
        with pytest.raises(ServerBusy), slots.hold():
            raise AssertionError
        with visited_by(OTHER), slots.hold():
            pass
        with visited_by(SERVER), slots.hold():  # its own work has no share
            pass
