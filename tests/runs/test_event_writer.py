"""A disk that takes no event holds the events up and ends no training; what waited comes first, in its order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bertdemo import faults
from bertdemo.runs import events as ev
from bertdemo.runs.worker.reporting import event_writer, worker_log
from bertdemo.runs.worker.reporting.event_writer import EventWriter
from tests.runs.support import events_of, step


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    faults.arm("")


def warned(seq: int) -> ev.Warned:
    return ev.Warned(seq, 1, 1.0, message="warning.leaked", values={"rows": 1})


@pytest.mark.parametrize("action", ["full", "io"])
def test_events_wait_for_the_disk_and_come_in_their_order(
    action: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = EventWriter(tmp_path)
    writer.write(warned(1))
    faults.arm(f"event:1:{action}:on")
    for seq in (2, 3, 4):
        writer.write(step(seq, step=seq))
    assert writer.held_up
    assert [event.seq for event in events_of(tmp_path)] == [1]
    assert capsys.readouterr().err.count("could not be written") == 1
    faults.arm("")
    writer.write(warned(5))
    assert not writer.held_up
    assert [event.seq for event in events_of(tmp_path)] == [1, 2, 3, 4, 5]


def test_a_run_that_was_deleted_is_no_full_disk(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        EventWriter(tmp_path / "gone").write(warned(1))


def test_of_too_many_that_wait_steps_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_writer, "_MOST_WAITING", 3)
    writer = EventWriter(tmp_path)
    faults.arm("event:1:full:on")
    for event in (warned(1), step(2), step(3), warned(4), step(5), warned(6)):
        writer.write(event)
    faults.arm("")
    writer.flush()
    assert [event.seq for event in events_of(tmp_path)] == [1, 4, 6]


def test_a_log_that_has_grown_too_long_loses_its_older_part(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    with path.open("ab", buffering=0) as log:
        for number in range(100):
            log.write(f"line {number:03}\n".encode())
            worker_log.shorten(log.fileno(), most=500, kept=200)
    lines = path.read_text().splitlines()
    assert path.stat().st_size <= 500
    assert lines[-1] == "line 099"
    assert all(line.startswith("line ") and len(line) == 8 for line in lines)
    assert [int(line[5:]) for line in lines] == list(range(100 - len(lines), 100))
