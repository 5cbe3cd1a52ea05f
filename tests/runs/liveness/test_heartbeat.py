"""A worker that does not answer is said not to respond, by a clock that never jumps, and one that goes on is not."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from bertdemo.processes import hold
from bertdemo.runs import events as ev
from bertdemo.runs.liveness import heartbeat
from bertdemo.runs.liveness.heartbeat import FILE, Beat, Heart, Pulses, patience
from bertdemo.runs.registry import Registry
from bertdemo.runs.status import status_of
from tests.runs.support import created, started, step


class Clock:
    """A clock that a test sets forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tiny() -> None:
    """No checkpoint is needed here."""


def beat(folder: Path, count: int, at_step: int = 0, phase: str = "training") -> None:
    content = {"count": count, "step": at_step, "phase": phase, "memory_bytes": 1}
    (folder / FILE).write_text(json.dumps(content), encoding="utf-8")


def test_a_worker_beats_with_what_it_does_and_takes_its_file_away(tmp_path: Path) -> None:
    heart, beats, seen = Heart(tmp_path, interval=0.001), [], threading.Event()
    write = heart._write

    def noted(one: Beat) -> None:
        write(one)
        beats.append(Beat.read(tmp_path))
        if len(beats) == 2:
            heart.note(step(1, step=7))
        elif len(beats) == 4:
            heart.note(ev.Phase(2, 1, 1.0, name="evaluating", progress=0.5))
        elif len(beats) == 6:
            seen.set()

    heart._write = noted  # type: ignore[method-assign]
    with heart.beating():
        assert seen.wait(60)
    told = [(one.count, one.step, one.phase) for one in beats[:6] if one]
    assert told == [(1, 0, ""), (2, 0, ""), (3, 7, "training"), (4, 7, "training"), (5, 7, "evaluating"),
                    (6, 7, "evaluating")]  # fmt: skip
    assert all(one and one.memory_bytes > 0 for one in beats)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_or_a_deleted_run_ends_no_heartbeat(tmp_path: Path) -> None:
    heart = Heart(tmp_path / "gone", interval=0.001)
    with heart.beating():
        pass
    assert not (tmp_path / "gone").exists()


def test_a_worker_that_stops_beating_is_silent_after_a_minute_and_responds_with_its_next_beat(
    tmp_path: Path, clock: Clock
) -> None:
    pulses = Pulses(clock)
    assert pulses.silent_seconds(tmp_path, []) == 0.0  # a worker of an earlier version has no heart
    beat(tmp_path, 1, phase="saving")
    assert pulses.silent_seconds(tmp_path, []) == 0.0
    for seconds, silent in ((59, 0.0), (2, 61.0), (1000, 1061.0)):
        clock.now += seconds
        assert pulses.silent_seconds(tmp_path, []) == silent
    beat(tmp_path, 2, phase="saving")
    assert pulses.silent_seconds(tmp_path, []) == 0.0


def test_one_that_beats_and_takes_no_step_does_not_respond_and_one_that_evaluates_for_long_does(
    tmp_path: Path, clock: Clock
) -> None:
    training, evaluating = Pulses(clock), Pulses(clock)
    for count in range(30):
        clock.now += 5
        beat(tmp_path, count, 3, "training")
        silent = training.silent_seconds(tmp_path, [])
        beat(tmp_path, count, 3, "evaluating")
        assert evaluating.silent_seconds(tmp_path, []) == 0.0
    assert silent == 145.0
    beat(tmp_path, 30, 4)
    assert training.silent_seconds(tmp_path, []) == 0.0


def test_slow_steps_are_waited_for_twenty_times_as_long() -> None:
    slow = [step(seq, step=seq) for seq in range(1, 9)]
    slow = [ev.Step(**{**vars(event), "at": 10.0 * event.seq}) for event in slow]
    assert patience(slow) == 200.0
    back = [ev.Step(**{**vars(event), "at": event.at - 3600 * (event.seq > 4)}) for event in slow]
    assert patience(back) == 200.0  # the clock was set back once
    assert patience(slow[:1]) == patience([]) == 60.0


def test_a_damaged_beat_is_none(tmp_path: Path) -> None:
    for content in (b"", b"{", b"[" * 10_000, b'{"count": "x"}', b"\xff"):
        (tmp_path / FILE).write_bytes(content)
        assert Beat.read(tmp_path) is None
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    assert Beat.read(tmp_path) is None


def test_the_run_says_that_it_does_not_respond_until_it_does(registry: Registry, data: Path, clock: Clock) -> None:
    registry._pulses = Pulses(clock)
    run_id = created(registry, data)
    folder = registry.folder(run_id)
    registry.append(run_id, started(seq=2))
    with hold(folder / "lock"):
        beat(folder, 1, phase="evaluating")
        assert not status_of(registry.read(run_id, "")).silent
        clock.now += 75
        status = status_of(registry.summary(run_id, ""))
        assert (status.state, status.silent) == ("running", True)
        assert status.message is not None
        assert (status.message.key, status.message.values) == ("run.not_responding", {"seconds": 70})
        beat(folder, 2, phase="evaluating")
        status = status_of(registry.read(run_id, ""))
        assert (status.state, status.silent, status.message) == ("running", False, None)
        clock.now += 75
        assert status_of(registry.read(run_id, "")).silent
    assert status_of(registry.read(run_id, "")).silent is False  # it has ended


def test_only_the_newest_runs_are_remembered(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "_REMEMBERED", 2)
    pulses = Pulses(clock)
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        beat(tmp_path / name, 1)
        pulses.silent_seconds(tmp_path / name, [])
    assert list(pulses._seen) == ["b", "c"]
