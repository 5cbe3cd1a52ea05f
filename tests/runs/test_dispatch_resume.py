"""An ended run that somebody resumes waits and is launched again as its next attempt, within the quotas."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from bertdemo.errors import QueueFull, RunFinished, RunGoesOn, RunUnknown
from bertdemo.runs import events as ev
from bertdemo.runs.liveness.process_files import note_exit
from bertdemo.runs.registry import Registry
from bertdemo.runs.status import status_of
from bertdemo.settings import Settings
from bertdemo.ui.html.runs import resume_words
from tests.runs.conftest import Make
from tests.runs.support import FakeLauncher, created, events_of, eventually, settings_with, started

KILLED = -9


def interrupted(registry: Registry, data: Path) -> str:
    """Return a run whose worker was killed."""
    run_id = created(registry, data)
    registry.append(run_id, ev.Launched(seq=2, attempt=1, at=1.0))
    registry.append(run_id, started())
    note_exit(registry.folder(run_id), KILLED)
    (registry.folder(run_id) / "cancel").touch()
    assert registry.read(run_id, "").state == "interrupted"
    return run_id


def test_a_resumed_run_is_launched_as_its_next_attempt_and_the_old_exit_code_is_gone(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path
) -> None:
    run_id = interrupted(registry, data)
    server = make(launcher)
    assert server.dispatcher.resume(run_id, "", not_exact=True) in {"queued", "starting"}
    eventually(lambda: launcher.ids == [run_id])
    queued, launched = events_of(registry.folder(run_id), ev.Queued)[-1], events_of(registry.folder(run_id))[-1]
    assert (queued.seq, queued.attempt, queued.not_exact) == (4, 2, True)
    assert (launched.kind, launched.seq, launched.attempt) == ("launched", 5, 2)
    view = registry.read(run_id, "")
    assert (view.state, view.exit_code, view.stopping) == ("starting", None, False)
    with pytest.raises(RunGoesOn):
        server.dispatcher.resume(run_id, "")


def test_a_run_that_another_server_resumes_is_found_although_it_had_ended(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path
) -> None:
    run_id = created(registry, data)
    registry.append(run_id, ev.Failed(seq=2, attempt=1, at=time.time(), message="error.disk_full"))
    first = make(launcher)
    eventually(lambda: run_id in first.dispatcher._ended)
    make(FakeLauncher(), begin=False).dispatcher.resume(run_id, "")
    eventually(lambda: launcher.ids == [run_id])


def test_a_finished_run_one_of_somebody_else_and_one_beyond_the_quota_are_refused(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path, home: Path, tiny: Path
) -> None:
    limits = replace(settings_with(home, tiny).limits, queued_runs=1)
    small: Settings = replace(settings_with(home, tiny), limits=limits)
    server = make(launcher, begin=False, settings=small)
    run_id = interrupted(registry, data)
    with pytest.raises(RunUnknown):
        server.dispatcher.resume(run_id, "another")
    created(registry, data)
    with pytest.raises(QueueFull):
        server.dispatcher.resume(run_id, "")
    assert registry.read(run_id, "").state == "interrupted"
    end = ev.Finished(seq=4, attempt=1, at=1.0, checkpoint="", metrics={}, evaluated_on="", rows=0, seconds=1)
    registry.append(run_id, end)
    with pytest.raises(RunFinished):
        server.dispatcher.resume(run_id, "")


def test_the_button_says_from_which_step_a_run_goes_on(registry: Registry, data: Path) -> None:
    status = status_of(registry.read(interrupted(registry, data), ""))
    assert resume_words(status, "en") == "Resume from the start"
    further = replace(status, resume_step=1200, steps=3000)
    assert resume_words(further, "en") == "Resume from step 1,200 of 3,000"
    assert "1,200" in resume_words(further, "zh")
