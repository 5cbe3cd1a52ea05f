"""The queue of runs: whose turn it is, how many may wait, and how long one waits. No run trains here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bertdemo.errors import AddressQueueFull, ServerQueueFull
from bertdemo.i18n.translation import message
from bertdemo.runs import events as ev
from bertdemo.runs.queue.line import NEXT, Line, Place
from bertdemo.runs.queue.turns import Turns, Waiting
from bertdemo.settings import PUBLIC_LIMITS, Limits
from bertdemo.slots import Visitor, visited_by


def test_owners_take_turns_in_the_order_of_their_coming() -> None:
    queue = [Waiting("a1", "a"), Waiting("a2", "a"), Waiting("a3", "a"), Waiting("b1", "b"), Waiting("c1", "c")]
    assert [run.run_id for run in Turns().order(queue)] == ["a1", "b1", "c1", "a2", "a3"]


def test_many_owners_behind_one_address_take_turns_as_one() -> None:
    crowd = [Waiting(f"s{number}", f"owner {number // 2}", "1.1.1.1") for number in range(120)]
    honest = Waiting("honest", "somebody", "2.2.2.2")
    turns = Turns()
    turns.started(crowd[0])
    assert turns.order([*crowd[1:], honest])[0] == honest
    turns.started(honest)
    # The next is the crowd's again: its first owner had a run already, so it is not theirs.
    assert turns.order([*crowd[1:], Waiting("again", "somebody", "2.2.2.2")])[0] == crowd[2]


def test_an_owner_without_a_known_address_takes_turns_with_addresses() -> None:
    queue = [Waiting("a1", "a", "1.1.1.1"), Waiting("a2", "b", "1.1.1.1"), Waiting("c1", "c"), Waiting("d1", "d")]
    assert [run.run_id for run in Turns().order(queue)] == ["a1", "c1", "d1", "a2"]


def test_who_had_a_run_started_last_comes_last() -> None:
    turns = Turns()
    for run in (Waiting("a0", "a"), Waiting("b0", "b")):
        turns.started(run)
    queue = [Waiting("b1", "b"), Waiting("a1", "a"), Waiting("c1", "c")]
    assert [run.run_id for run in turns.order(queue)] == ["c1", "a1", "b1"]


class Runs:
    """Stands for the registry: which run has which owner, and its events."""

    def __init__(self) -> None:
        self.owners: dict[str, str] = {}
        self.events: dict[str, tuple[ev.RunEvent, ...]] = {}

    def owner_of(self, run_id: str) -> str:
        return self.owners.get(run_id, "")

    def summary(self, run_id: str, owner: str | None) -> Any:
        config = SimpleNamespace(device="cpu")
        events = self.events.get(run_id, ())
        return SimpleNamespace(run_id=run_id, state="starting", events=events, request=SimpleNamespace(config=config))


class Queue:
    """A line with its queue, as the dispatcher keeps it."""

    def __init__(self, limits: Limits) -> None:
        self.runs = Runs()
        self.line = Line(limits, cast(Any, self.runs))
        self.waiting: list[str] = []

    def ask(self, run_id: str, owner: str, address: str = "") -> None:
        with visited_by(Visitor(address, owner)), self.line.place(lambda: list(self.waiting)):
            self.runs.owners[run_id] = owner
            self.line.came(run_id)
            self.waiting.append(run_id)

    def took(self, seconds: float) -> None:
        self.runs.events["ended"] = (
            ev.Launched(seq=1, attempt=1, at=100.0, warm=True),
            ev.Phase(seq=2, attempt=1, at=100.0 + seconds, name="saving", progress=1.0),
        )
        self.line.ended("ended")

    def place(self, run_id: str, running: dict[str, str] | None = None) -> Place:
        view = self.runs.summary(run_id, None)
        return self.line.place_of(view, self.waiting, running or {}, lambda device: device)


@pytest.fixture
def queue() -> Iterator[Queue]:
    yield Queue(replace(Limits(), queued_runs_total=6, queued_runs_per_address=3))


def test_sixty_owners_of_two_runs_each_are_bounded_and_a_late_visitor_starts_next() -> None:
    queue, refused = Queue(PUBLIC_LIMITS), list[AddressQueueFull | ServerQueueFull]()
    for number in range(60):
        for run in range(2):
            try:
                queue.ask(f"s{number}-{run}", f"owner {number}", "1.1.1.1")
            except (AddressQueueFull, ServerQueueFull) as error:
                refused.append(error)
    most = PUBLIC_LIMITS.queued_runs_per_address
    assert (len(queue.waiting), len(refused)) == (most, 120 - most)
    assert {error.values["waiting"] for error in refused} == {most}
    first, *_ = queue.line.in_turn(queue.waiting)
    queue.waiting.remove(first)
    queue.line.started(first)
    queue.ask("honest", "somebody", "2.2.2.2")
    assert queue.place("honest", {"cpu": first}).ahead == 1
    assert queue.line.in_turn(queue.waiting)[0] == "honest"


def test_all_visitors_together_are_bounded_and_the_refusal_says_how_long_it_lasts(queue: Queue) -> None:
    for number in range(6):
        queue.ask(f"r{number}", f"owner {number}", f"1.1.1.{number}")
    with pytest.raises(ServerQueueFull) as caught:
        queue.ask("more", "somebody", "2.2.2.2")
    assert caught.value.values == {"waiting": 6, "wait_seconds": 0}
    assert message("en", caught.value).endswith("The next place is free when one of them ends.")
    queue.took(90.0)
    with pytest.raises(ServerQueueFull) as caught:
        queue.ask("more", "somebody", "2.2.2.2")
    assert caught.value.values == {"waiting": 6, "wait_seconds": 90}
    assert message("en", caught.value).endswith("The next place is free in about 1 min 30 s.")
    assert "约 1 分 30 秒后" in message("zh", caught.value)
    queue.waiting.pop()
    queue.ask("more", "somebody", "2.2.2.2")


def test_one_address_is_bounded_and_others_are_not_and_a_place_is_given_back(queue: Queue) -> None:
    for number in range(3):
        queue.ask(f"r{number}", f"owner {number}", "1.1.1.1")
    with pytest.raises(AddressQueueFull):
        queue.ask("more", "owner 4", "1.1.1.1")
    queue.ask("other", "owner 5", "2.2.2.2")
    with pytest.raises(ZeroDivisionError), queue.line.place(lambda: queue.waiting):
        raise ZeroDivisionError
    assert not +queue.line._reserved
    queue.waiting.remove("r0")
    queue.ask("more", "owner 4", "1.1.1.1")


def test_runs_of_an_unknown_address_are_bounded_in_total_alone(queue: Queue) -> None:
    for number in range(6):
        queue.ask(f"r{number}", f"owner {number}")
    with contextlib.suppress(ServerQueueFull):
        queue.ask("more", "owner 7")
        raise AssertionError
    assert len(queue.waiting) == 6


def test_places_that_are_kept_count_before_their_runs_are_written(queue: Queue) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(queue.line.place(list))
        with pytest.raises(ServerQueueFull):
            queue.ask("more", "owner")
    queue.ask("more", "owner")


def test_the_wait_is_the_mean_time_of_the_runs_ahead(queue: Queue) -> None:
    for number in range(3):
        queue.ask(f"r{number}", f"owner {number}", f"1.1.1.{number}")
    assert [queue.place(run, {"cpu": "x"}) for run in queue.waiting] == [Place(1), Place(2), Place(3)]
    queue.took(100.0)
    queue.took(200.0)
    assert [queue.place(run, {"cpu": "x"}).seconds for run in queue.waiting] == [150.0, 300.0, 450.0]
    assert queue.place("r2", {"cpu": "x"}).minutes == 8
    assert [queue.place(run).ahead for run in queue.waiting] == [0, 1, 2]
    assert queue.place("unknown") == NEXT
    assert queue.place("r0", {"cuda:0": "x"}).ahead == 0  # another device trains
