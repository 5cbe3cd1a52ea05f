"""Deletes a study that has ended: its folder, all of its runs, and the models that these have trained.

As with a run (runs/deletion.py), all of it is hidden at once and removed after twelve seconds, so that it can be had
back until then. The dispatcher removes the runs, the driver of the studies the folder.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from bertdemo.errors import RunAlive, RunUnknown, StudyAlive
from bertdemo.runs.dispatch import Dispatcher
from bertdemo.runs.registry import Registry
from bertdemo.runs.studies.store import StudyStore, StudyView


@dataclass(frozen=True)
class StudyDeletion:
    """Hides a study with its runs, and shows them again."""

    store: StudyStore
    registry: Registry
    dispatcher: Dispatcher

    def hide(self, study_id: str, owner: str) -> tuple[str, ...]:
        """Hide a study and its runs; return the ids of these runs.

        Raises StudyUnknown, StudyAlive where it has not ended, RunAlive where one of its runs was resumed and trains.
        """
        view = self.store.read(study_id, owner)
        if not view.progress.ended:
            raise StudyAlive
        runs = _runs_of(view)
        for run in runs:
            with contextlib.suppress(RunUnknown):  # a person has deleted it
                if (summary := self.registry.summary(run, owner)).state in {"running", "starting"}:
                    raise RunAlive(run=summary.name)
        self.store.hide(study_id)
        hidden = []
        for run in runs:
            with contextlib.suppress(RunUnknown, RunAlive):  # resumed just now: it stays as a run of its own
                self.dispatcher.hide(run, owner)
                hidden.append(run)
        return tuple(hidden)

    def restore(self, study_id: str, owner: str) -> None:
        """Show a study and its runs again; StudyUnknown where there is none of that id, or its time is over."""
        self.store.restore(study_id, owner)
        for run in _runs_of(self.store.read(study_id, owner)):
            with contextlib.suppress(RunUnknown):
                self.registry.restore(run, owner)


def _runs_of(view: StudyView) -> list[str]:
    return [trial.run for trial in view.progress.trials if trial.run]
