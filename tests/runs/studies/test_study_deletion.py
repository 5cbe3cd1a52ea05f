"""A deleted study takes its runs along, can be had back for ten seconds, and is nobody else's."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from bertdemo.errors import RunAlive, RunUnknown, StudyAlive, StudyUnknown
from bertdemo.processes import hold
from bertdemo.runs import events as ev
from bertdemo.runs.deletion import UNDO_SECONDS
from bertdemo.runs.event_log import append_event
from bertdemo.runs.studies.deletion import StudyDeletion
from bertdemo.runs.studies.study import Progress, Role, Trial, Variant
from tests.runs.studies.test_driver import OWNER, Studied, serve
from tests.runs.support import created, eventually, started

__all__ = ["serve"]  # a fixture
OTHER = "b" * 43
ROLES: tuple[Role, ...] = ("trial", "best")


class Ended:
    """A study that has ended with a trial and the best run, on a server that does nothing by itself."""

    def __init__(self, server: Studied, data: Path) -> None:
        self.driver, self.store, self.registry = server.admission.driver, server.admission.store, server.registry
        self.deletion = StudyDeletion(self.store, self.registry, self.driver._dispatcher)
        self.study = server.start(data)
        self.runs = [self._finished(data) for _ in ROLES]
        trials = [
            Trial(number, role, Variant(), run=self.runs[number], state="finished") for number, role in enumerate(ROLES)
        ]
        self.store.write(self.study, Progress(tuple(trials), ended=True))

    def _finished(self, data: Path) -> str:
        run = created(self.registry, data, owner=OWNER)
        end = ev.Finished(
            seq=4, attempt=1, at=time.time(), checkpoint=run, metrics={}, evaluated_on="", rows=0, seconds=1.0
        )
        for event in (started(2), end):
            append_event(self.registry.folder(run), event)
        return run

    def age(self, seconds: float) -> None:
        """Let the deletion be so many seconds old."""
        then = time.time() - seconds
        for folder in (self.store.folder(self.study), *map(self.registry.folder, self.runs)):
            os.utime(folder / "deleted", (then, then))


@pytest.fixture
def ended(serve: Any, data: Path) -> Ended:
    return Ended(serve(begin=False), data)


def test_it_hides_the_study_with_all_its_runs_and_all_come_back(ended: Ended, data: Path) -> None:
    own = created(ended.registry, data, owner=OWNER)
    assert list(ended.deletion.hide(ended.study, OWNER)) == ended.runs
    with pytest.raises(StudyUnknown):
        ended.store.read(ended.study, OWNER)
    assert ended.registry.ids(OWNER) == [own]
    ended.deletion.restore(ended.study, OWNER)
    assert ended.store.read(ended.study, OWNER).study.id == ended.study
    assert {*ended.registry.ids(OWNER)} == {own, *ended.runs}


def test_another_owner_can_neither_delete_nor_restore_it(ended: Ended) -> None:
    for call in (ended.deletion.hide, ended.deletion.restore):
        with pytest.raises(StudyUnknown):
            call(ended.study, OTHER)
    assert {*ended.registry.ids(OWNER)} == {*ended.runs}
    ended.deletion.hide(ended.study, OWNER)
    with pytest.raises(StudyUnknown):
        ended.deletion.restore(ended.study, OTHER)
    ended.deletion.restore(ended.study, OWNER)


def test_one_that_goes_on_is_not_deleted(serve: Any, data: Path) -> None:
    ended = Ended(server := serve(begin=False), data)
    with pytest.raises(StudyAlive):
        ended.deletion.hide(going := server.start(data), OWNER)
    assert ended.store.read(going, OWNER).study.id == going


def test_one_with_a_run_that_trains_again_is_not_deleted(ended: Ended) -> None:
    folder = ended.registry.folder(ended.runs[1])
    append_event(folder, ev.Launched(seq=9, attempt=2, at=time.time()))
    with hold(folder / "lock"), pytest.raises(RunAlive):
        ended.deletion.hide(ended.study, OWNER)
    assert ended.store.read(ended.study, OWNER).study.id == ended.study
    assert {*ended.registry.ids(OWNER)} == {*ended.runs}


def test_a_run_that_was_deleted_before_does_not_hinder_it(ended: Ended) -> None:
    ended.registry.delete(ended.runs[0], OWNER)
    assert ended.deletion.hide(ended.study, OWNER) == (ended.runs[1],)


def test_when_its_time_is_over_the_folder_of_the_study_and_its_runs_are_removed(ended: Ended) -> None:
    ended.deletion.hide(ended.study, OWNER)
    ended.age(UNDO_SECONDS + 0.5)
    assert not ended.store.is_due(ended.study)
    with pytest.raises(StudyUnknown):
        ended.deletion.restore(ended.study, OWNER)
    ended.age(UNDO_SECONDS + 5)
    assert ended.store.is_due(ended.study)
    ended.driver.begin()
    eventually(lambda: not ended.store.folder(ended.study).exists())
    for run in ended.runs:
        eventually(lambda run=run: not ended.registry.folder(run).exists())
        with pytest.raises(RunUnknown):
            ended.registry.read(run, None)
