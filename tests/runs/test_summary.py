"""A list of runs reads the ends of their events, and nothing of a run that has ended stays in memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bertdemo.processes import hold
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry, append_event
from bertdemo.runs.status import status_of
from bertdemo.settings import Settings
from tests.runs.support import created, started, step

STEPS = 2_000
METRICS = {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6}}


@pytest.fixture
def tiny() -> None:
    """No checkpoint is needed here."""


@pytest.fixture
def own_settings(home: Path) -> Settings:
    settings = Settings.from_env({"BERTDEMO_HOME": str(home)})
    settings.runs.mkdir()
    return settings


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of all texts of events that were read."""
    lengths: list[int] = []
    parse: Callable[[str], list[ev.RunEvent]] = ev.parse
    monkeypatch.setattr(ev, "parse", lambda text: (lengths.append(len(text)), parse(text))[1])
    return lengths


def _end(seq: int) -> ev.RunEvent:
    return ev.Finished(
        seq, 1, time.time(), checkpoint="c", metrics=METRICS, evaluated_on="test", rows=7, seconds=3600.0
    )


def _long(registry: Registry, data: Path, *ends: Any, head: tuple[ev.RunEvent, ...] = (), steps: int = STEPS) -> str:
    """Return a run of many Steps, with what comes before and after them."""
    run_id = created(registry, data)
    folder = registry.folder(run_id)
    for event in (ev.Launched(2, 1, 1.0), *head, started()):
        append_event(folder, event)
    lines = [ev.to_line(step(4 + at, step=at + 1, steps=steps, epoch=2 * at / steps)) for at in range(steps)]
    with (folder / "events.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(lines)
    for end in ends:
        append_event(folder, end)
    return run_id


def test_a_list_of_ended_runs_reads_their_ends_only_and_keeps_no_event(
    registry: Registry, data: Path, parsed: list[int]
) -> None:
    runs = [_long(registry, data, _end(STEPS + 4)), _long(registry, data)]  # finished, interrupted
    size = (registry.folder(runs[0]) / "events.jsonl").stat().st_size
    parsed.clear()  # making the second run counted the first
    for _ in range(3):
        states = [status_of(registry.summary(run, "")) for run in runs]
    assert [status.state for status in states] == ["finished", "interrupted"]
    assert (states[0].metrics, states[0].seconds, states[0].seq) == (METRICS, 3600.0, STEPS + 4)
    assert size > 300_000
    assert sum(parsed) <= 3 * len(runs) * 8192
    assert not registry._logs


def test_an_ended_run_that_was_read_whole_is_not_kept(registry: Registry, data: Path) -> None:
    run = _long(registry, data)
    with hold(registry.folder(run) / "lock"):
        assert len(registry.read(run, "").events) == STEPS + 3
        assert list(registry._logs) == [run]
    append_event(registry.folder(run), _end(STEPS + 4))
    assert len(registry.read(run, "").events) == STEPS + 4
    assert not registry._logs


def test_of_runs_that_train_only_a_few_are_kept(registry: Registry, data: Path) -> None:
    runs = [created(registry, data) for _ in range(12)]
    for run in runs:
        registry.read(run, "")
    assert list(registry._logs) == runs[-8:]


def test_the_run_that_trains_is_read_forward_in_a_list_too(registry: Registry, data: Path, parsed: list[int]) -> None:
    run = _long(registry, data)
    with hold(registry.folder(run) / "lock"):
        assert status_of(registry.summary(run, "")).state == "running"
        parsed.clear()
        append_event(registry.folder(run), ev.Phase(STEPS + 4, 1, 2.0, name="testing", progress=0.5))
        for _ in range(4):
            status = status_of(registry.summary(run, ""))
        assert (status.phase, status.step) == ("testing", STEPS)
        assert sum(parsed) < 5 * 8192


@pytest.mark.parametrize(
    "events",
    [
        [ev.Phase(3, 1, 1.0, name="fetching", progress=0.5)] * 200,  # Started is neither at the front nor at the end
        [ev.Failed(3, 1, 1.0, message="error.x", values={"text": "x" * 20_000})],  # one line is longer than the end
    ],
    ids=["a long download", "a long last line"],
)
def test_where_the_ends_do_not_tell_the_state_all_is_read(
    registry: Registry, data: Path, events: list[ev.RunEvent]
) -> None:
    last = () if isinstance(events[0], ev.Phase) else events
    run = _long(registry, data, *last, head=() if last else tuple(events))
    assert registry.summary(run, "").state == registry.read(run, "").state == ("failed" if last else "interrupted")
    assert len(registry.summary(run, "").events) == len(registry.read(run, "").events)


def test_a_summary_and_the_whole_agree_wherever_a_file_is_cut(registry: Registry, data: Path) -> None:
    run = _long(registry, data, _end(44), steps=40)
    path = registry.folder(run) / "events.jsonl"
    whole = path.read_bytes()
    for cut in range(0, len(whole), 97):
        path.write_bytes(whole[: len(whole) - cut])
        views = [registry.summary(run, ""), registry.read(run, "")]
        assert views[0].state == views[1].state
        assert views[0].seq == views[1].seq
