"""Which attempt rank 0 works on after a start by the server, by torchrun, and by a person."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bertdemo.errors import DiskFull, OutOfMemory
from bertdemo.processes import hold
from bertdemo.runs import events as ev
from bertdemo.runs.event_log import append_event
from bertdemo.runs.worker.distributed import attempts
from tests.runs.support import events_of, started

_CANCELLED = ev.Cancelled(4, 1, 3.0, checkpoint="", evaluated=False, step=2)
_FINISHED = ev.Finished(4, 1, 3.0, checkpoint="x", metrics={}, evaluated_on="", rows=0, seconds=1.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run that waits."""
    append_event(tmp_path, ev.Queued(1, 1, 1.0))
    return tmp_path


def launched(folder: Path) -> list[tuple[int, int]]:
    return [(event.seq, event.attempt) for event in events_of(folder, ev.Launched)]


def test_a_run_that_waits_is_taken_and_no_longer_waits_for_the_server(folder: Path) -> None:
    assert attempts.begin(folder, restarted=False)
    assert launched(folder) == [(2, 1)]
    with hold(folder / "lock"):
        assert ev.state_of(events_of(folder), lock_held=True, exit_code=None, now=time.time()) == "starting"


def test_an_attempt_that_the_server_has_launched_is_left_as_it_is(folder: Path) -> None:
    append_event(folder, ev.Launched(2, 1, 1.0))
    assert attempts.begin(folder, restarted=False)
    assert attempts.begin(folder, restarted=True)  # lost before it had begun
    assert launched(folder) == [(2, 1)]


@pytest.mark.parametrize("restarted", [True, False])
def test_an_attempt_that_has_begun_is_followed_by_another(folder: Path, restarted: bool) -> None:
    append_event(folder, ev.Launched(2, 1, 1.0))
    append_event(folder, started(3))
    assert attempts.begin(folder, restarted=restarted)
    assert launched(folder) == [(2, 1), (4, 2)]


def test_a_stopped_run_goes_on_for_a_person_and_not_for_torchrun(folder: Path) -> None:
    append_event(folder, started(3))
    append_event(folder, _CANCELLED)
    (folder / "cancel").touch()
    assert not attempts.begin(folder, restarted=True)
    assert (folder / "cancel").exists()
    assert attempts.begin(folder, restarted=False)
    assert not (folder / "cancel").exists()
    assert launched(folder) == [(5, 2)]


def test_a_finished_run_is_finished_for_everybody(folder: Path) -> None:
    append_event(folder, _FINISHED)
    assert not attempts.begin(folder, restarted=False)
    assert not attempts.begin(folder, restarted=True)
    assert not launched(folder)


def test_the_error_of_another_rank_ends_the_attempt_when_torchrun_starts_again(folder: Path) -> None:
    append_event(folder, started(2))
    attempts.note_error(folder, OutOfMemory(device="CPU × 2", batch_size=8, smaller=4))
    assert not attempts.begin(folder, restarted=True)
    (failed,) = events_of(folder, ev.Failed)
    assert (failed.message, failed.attempt, failed.values["smaller"]) == ("error.out_of_memory", 1, 4)
    assert attempts.take_error(folder) is None
    attempts.fail(folder, DiskFull())  # it has its ending
    assert len(events_of(folder, ev.Failed)) == 1


def test_an_error_of_an_earlier_start_is_forgotten(folder: Path) -> None:
    attempts.note_error(folder, DiskFull())
    assert attempts.begin(folder, restarted=False)
    assert attempts.take_error(folder) is None
    (folder / "rank-error.json").write_text("{")
    assert attempts.take_error(folder) is None
