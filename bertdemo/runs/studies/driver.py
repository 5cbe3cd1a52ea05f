"""The thread that drives all studies of a server, one small step at a time.

It begins once torch is imported, because its runs need the devices. Where two servers share a home, the one that holds
`studies.lock` drives; the other takes over when that one dies.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from filelock import FileLock, Timeout

from bertdemo import tasks
from bertdemo.checkpoints.info import StoredOwner
from bertdemo.errors import BertDemoError, RunAlive, RunUnknown, SearchBroken, StudyUnknown
from bertdemo.runs.admission import Admission
from bertdemo.runs.dispatch import Dispatcher
from bertdemo.runs.registry import Registry, RunView
from bertdemo.runs.request import RunRequest, StudyMember
from bertdemo.runs.resume import checkpoints as resume_checkpoints
from bertdemo.runs.studies.advance import advance
from bertdemo.runs.studies.optuna_search import OptunaSearch
from bertdemo.runs.studies.store import StudyStore, StudyView
from bertdemo.runs.studies.study import Study, Trial, Value
from bertdemo.settings import Settings

_LOG = logging.getLogger(__name__)
# Seconds between two steps of a study: a trial takes several times that even on the smallest data.
_TICK = 0.5
# Seconds between two looks for studies whose runs were all deleted, and for those of a server that died.
_RESCAN = 30.0
# Characters of the settings in the name of a run.
_NAME_CHARS = 80


@dataclass(frozen=True)
class ServerRuns:
    """The runs of this server, for the owner of one study."""

    registry: Registry
    admission: Admission
    dispatcher: Dispatcher
    owner: StoredOwner

    def find(self, study: Study, number: int) -> str:
        """Return the run that was created for a number of the study, "" where there is none."""
        members = ((run, self._member(run)) for run in self.registry.ids(self.owner))
        runs = (run for run, member in members if member and (member.id, member.number) == (study.id, number))
        return next(runs, "")

    def _member(self, run: str) -> StudyMember | None:
        try:
            return self.registry.request(run, self.owner).study
        except RunUnknown:  # deleted just now
            return None

    def start(self, study: Study, trial: Trial) -> str:
        """Create and queue the run of a trial; raises the BertDemoError that forbids it."""
        return self.admission.start(request_of(study, trial), self.owner)

    def view(self, run: str) -> RunView | None:
        """Return a run with all its events, None for one that was deleted."""
        try:
            return self.registry.read(run, self.owner)
        except RunUnknown:
            return None

    def stop(self, run: str) -> None:
        """Ask a run to stop."""
        self.dispatcher.cancel(run, self.owner)

    def resume(self, run: str) -> None:
        """Queue an interrupted run again; raises QueueFull."""
        self.dispatcher.resume(run, self.owner)

    def settle(self, run: str) -> None:
        """Remove the resume checkpoints of a trial: one that was pruned is not resumed."""
        resume_checkpoints.remove_all(self.registry.folder(run))

    def remove(self, run: str) -> None:
        """Delete the run of a trial whose score is known."""
        try:
            self.dispatcher.delete(run, self.owner)
        except (RunUnknown, RunAlive):  # a person was faster: deleted it, or resumed it
            return


class StudyDriver:
    """See the module. `begin` starts its thread."""

    def __init__(
        self, settings: Settings, store: StudyStore, registry: Registry, admission: Admission, dispatcher: Dispatcher
    ) -> None:
        self._store = store
        self._registry = registry
        self._admission = admission
        self._dispatcher = dispatcher
        self._under_way: list[str] = []
        self._wake = threading.Event()
        self._closed = False
        self._scanned = 0.0
        self._lock = FileLock(settings.home / "studies.lock", mode=0o600, thread_local=False)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="studies")
        self._driving: Future[None] | None = None

    def begin(self) -> None:
        """Go on with the studies of an earlier server, and with new ones."""
        if not self._closed:
            self._driving = self._thread.submit(self._loop)

    def raise_if_dead(self) -> None:
        """Raise the error that ended the thread, where one did: no study would ever go on."""
        if self._driving is not None and self._driving.done() and not self._closed:
            self._driving.result()

    def close(self) -> None:
        """Stop driving; running workers go on."""
        self._closed = True
        self._wake.set()
        self._thread.shutdown(wait=True)
        self._lock.release(force=True)

    def wake(self) -> None:
        """Look at once: a study was created or stopped."""
        self._scanned = 0.0
        self._wake.set()

    def _loop(self) -> None:
        while not self._closed:
            try:
                if self._lock.is_locked or self._take_lock():
                    self._tick()
            except (OSError, BertDemoError):  # a full disk, a folder deleted meanwhile: the next tick looks again
                _LOG.exception("the studies were disturbed")
            self._wake.wait(timeout=_TICK if self._under_way else _RESCAN)
            self._wake.clear()

    def _take_lock(self) -> bool:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def _tick(self) -> None:
        if time.monotonic() - self._scanned > _RESCAN or not self._scanned:
            self._scanned = time.monotonic()
            self._scan()
        for study_id in list(self._under_way):
            self._step(study_id)

    def _scan(self) -> None:
        """Find the studies under way, and remove those that were deleted, or whose runs all were."""
        views = [view for study_id in self._store.ids() if (view := self._read(study_id))]
        self._under_way = [view.study.id for view in views if not view.progress.ended]
        for view in views:
            if view.progress.ended and self._is_gone(view):
                self._store.remove(view.study.id)

    def _is_gone(self, view: StudyView) -> bool:
        trials = view.progress.trials
        return self._store.is_due(view.study.id) or not any(self._exists(trial.run) for trial in trials)

    def _exists(self, run: str) -> bool:
        try:
            return bool(run) and bool(self._registry.request(run, None))
        except RunUnknown:
            return False

    def _read(self, study_id: str) -> StudyView | None:
        try:
            return self._store.read(study_id, None)
        except StudyUnknown:
            return None

    def _step(self, study_id: str) -> None:
        view = self._read(study_id)
        if view is None or view.progress.ended:
            self._under_way.remove(study_id)
            return
        study = view.study
        runs = ServerRuns(self._registry, self._admission, self._dispatcher, StoredOwner(study.owner))
        search = self._search(study) if study.searches else None
        try:
            after = advance(study, view.progress, runs, search, stop=view.stopping, now=time.time())
        except SearchBroken:  # ends this study alone
            _LOG.exception("the journal of %s is damaged", study_id)
            after = replace(view.progress, ended=True, note="study.note.broken")
        if after != view.progress:
            self._store.write(study_id, after)
            self._wake.set()  # the step after it

    def _search(self, study: Study) -> OptunaSearch:
        lower = tasks.find(study.request.task).headline_falls
        return OptunaSearch(self._store.folder(study.id), study.space, lower_is_better=lower)


def request_of(study: Study, trial: Trial) -> RunRequest:
    """Return the request of a run of a study."""
    base, variant, is_trial = study.request, trial.variant, trial.role == "trial"
    settings: dict[str, Any] = {**variant.settings}
    return replace(
        base,
        config=replace(base.config, **settings),
        checkpoint=variant.checkpoint or base.checkpoint,
        name=f"{base.data_name} · {_name(trial)}"[:_NAME_CHARS],
        baselines={} if is_trial else base.baselines,  # those were evaluated on other rows than a trial is
        study=StudyMember(study.id, trial.number, inner=is_trial),
    )


def _name(trial: Trial) -> str:
    """Return what sets a run of a study apart; names of settings, so that it is the same in every language."""
    if trial.role == "trial":
        return f"#{trial.number + 1}"
    return trial.variant.checkpoint or settings_words(trial.variant.settings)


def settings_words(settings: Mapping[str, Value]) -> str:
    """Return settings as `name=value`, numbers with three digits."""
    return " ".join(
        f"{name}={f'{value:.3g}' if isinstance(value, float) else value}" for name, value in settings.items()
    )
