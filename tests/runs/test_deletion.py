"""A deletion can be undone for ten seconds; afterwards the run is gone, whoever is still looking."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from bertdemo.errors import RunAlive, RunUnknown
from bertdemo.processes import hold
from bertdemo.runs.deletion import UNDO_SECONDS
from bertdemo.runs.registry import Registry
from tests.runs.support import FakeLauncher, StubCatalogue, ask, created, eventually, started
from tests.runs.test_dispatch import Make


@pytest.fixture
def tiny() -> None:
    """No checkpoint is needed here."""


def age(registry: Registry, run_id: str, seconds: float) -> None:
    """Let a deletion be so many seconds old."""
    then = time.time() - seconds
    os.utime(registry.folder(run_id) / "deleted", (then, then))


def test_a_hidden_run_is_nowhere_and_comes_back_as_it_was(registry: Registry, data: Path) -> None:
    run_id = created(registry, data)
    registry.hide(run_id, "")
    assert registry.ids("") == [] and registry.due() == []
    for call in (registry.read, registry.summary, registry.request, registry.evaluation, registry.hide):
        with pytest.raises(RunUnknown):
            call(run_id, "")
    registry.restore(run_id, "")
    assert registry.ids("") == [run_id] and registry.read(run_id, "").state == "queued"


def test_undo_ends_before_removal_begins(registry: Registry, data: Path) -> None:
    run_id = created(registry, data)
    registry.hide(run_id, "")
    age(registry, run_id, UNDO_SECONDS + 0.5)
    with pytest.raises(RunUnknown):
        registry.restore(run_id, "")
    assert registry.due() == []
    age(registry, run_id, UNDO_SECONDS + 5)
    assert registry.due() == [run_id]


def test_another_owner_can_neither_hide_nor_restore(registry: Registry, data: Path) -> None:
    run_id = created(registry, data, owner="mine")
    with pytest.raises(RunUnknown):
        registry.hide(run_id, "yours")
    registry.hide(run_id, "mine")
    with pytest.raises(RunUnknown):
        registry.restore(run_id, "yours")
    registry.restore(run_id, "mine")


def test_a_run_that_trains_is_not_hidden(registry: Registry, data: Path) -> None:
    run_id = created(registry, data)
    registry.append(run_id, started(seq=2))
    with hold(registry.folder(run_id) / "lock"), pytest.raises(RunAlive):
        registry.hide(run_id, "")


def test_a_server_that_starts_later_removes_what_was_deleted_and_its_checkpoint(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path
) -> None:
    gone, kept = created(registry, data), created(registry, data)
    for run_id in (gone, kept):
        (registry.folder(run_id) / "cancel").touch()
    registry.hide(gone, "")
    age(registry, gone, 3600)
    registry.hide(kept, "")
    catalogue = StubCatalogue()
    catalogue.trained = {gone, kept}
    make(launcher, catalogue=catalogue)
    eventually(lambda: catalogue.trained == {kept})
    assert not registry.folder(gone).exists() and registry.folder(kept).exists()


def test_a_waiting_run_that_is_deleted_never_starts_and_is_restored_as_stopped(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path
) -> None:
    server = make(launcher)
    first, second = (server.admission.start(ask(data), "") for _ in range(2))
    eventually(lambda: launcher.ids == [first])
    server.dispatcher.hide(second, "")
    assert registry.ids("") == [first]
    registry.restore(second, "")
    assert registry.read(second, "").state == "cancelled"
