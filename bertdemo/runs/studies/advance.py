"""What happens next to a study: one small step, decided from what is on disk alone.

`advance` is called again and again. Each call does at most one thing that others can see (a run is created, stopped or
resumed, Optuna is told a score) and returns the new progress, which the caller stores. A step that was done but not
stored, because the server was killed, is recognized and not done twice: a run names its study and its number, and
Optuna's journal knows which trials have ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from bertdemo import tasks
from bertdemo.errors import BertDemoError, QueueFull, ServerQueueFull, TooManyRuns
from bertdemo.runs import events as ev
from bertdemo.runs.registry import RunView
from bertdemo.runs.status import status_of
from bertdemo.runs.studies import budget
from bertdemo.runs.studies.study import Progress, Study, Trial, TrialScore, TrialState, Value, Variant, changed

# Workers that may die on one run: the second attempt may meet another cause, a third one hardly does.
_MOST_ATTEMPTS = 2


class StudyRuns(Protocol):
    """The runs of the server, for the owner of a study."""

    def find(self, study: Study, number: int) -> str:
        """Return the run that was created for a number of the study, "" where there is none."""

    def start(self, study: Study, trial: Trial) -> str:
        """Create and queue the run of a trial; raises the BertDemoError that forbids it."""

    def view(self, run: str) -> RunView | None:
        """Return a run with all its events, None for one that was deleted."""

    def stop(self, run: str) -> None:
        """Ask a run to stop."""

    def resume(self, run: str) -> None:
        """Queue an interrupted run again; raises QueueFull."""

    def settle(self, run: str) -> None:
        """Remove what nobody needs of a trial that has ended."""

    def remove(self, run: str) -> None:
        """Delete the run of a trial whose score is known."""


class Search(Protocol):
    """Optuna's part: what to try next, what to stop early, what mattered."""

    def ask(self, recorded: Sequence[Trial]) -> tuple[int, Mapping[str, Value]] | None:
        """Return the number and the settings of the next trial; None where everything in the space was tried."""

    def should_prune(self, asked: int, values: Sequence[float]) -> bool:
        """Return whether a trial with these scores after its epochs is worse than most before it."""

    def tell(self, asked: int, score: float | None, *, pruned: bool = False) -> None:
        """Store how a trial ended, unless that is known; without a score it has failed, or was pruned."""

    def importances(self) -> Mapping[str, float]:
        """Return each dimension's share of the variance of the scores; {} where too few trials have a score."""


def advance(
    study: Study, progress: Progress, runs: StudyRuns, search: Search | None, *, stop: bool, now: float
) -> Progress:
    """Do the next step and return the progress after it; the same progress where there is nothing to do yet."""
    if progress.ended:
        return progress
    trial = progress.current
    if trial is None:
        return replace(progress, ended=True, stopped=True) if stop else _planned(study, progress, search)
    if trial.state == "planned":
        return _begun(study, progress, trial, runs, stop)
    view = runs.view(trial.run)
    if view is None:
        return _over(progress, trial, search, state="deleted")
    if view.state not in ev.ENDED:
        return _watched(study, progress, trial, view, runs, search, stop=stop, now=now)
    if view.state == "interrupted" and trial.state == "running" and not stop and _attempts(view) < _MOST_ATTEMPTS:
        _resume(runs, trial.run)
        return progress
    if trial.role == "trial":
        runs.settle(trial.run)
    return _settled(progress, trial, view, search, now)


# --- what to run next ---


def _planned(study: Study, progress: Progress, search: Search | None) -> Progress:
    """Return the progress with the next trial, or the end."""
    if search is not None:
        return _planned_by(search, study, progress)
    number = len(progress.trials)
    if number == len(study.variants):
        return replace(progress, ended=True)
    return _with(progress, Trial(number, "variant", study.variants[number]))


def _planned_by(search: Search, study: Study, progress: Progress) -> Progress:
    """Plan a trial while the budget lasts, then a run with the default and one with the best settings."""
    at_end = any(trial.role != "trial" for trial in progress.trials)
    if not at_end and budget.allows_trial(study, progress):
        asked = search.ask(progress.trials)
        if asked is not None:
            number, settings = asked
            return _with(progress, Trial(len(progress.trials), "trial", Variant(dict(settings)), asked=number))
    trials = progress.of_role("trial")
    best = budget.best_of(trials)
    if best is None or len(trials) == 1:
        note = "study.note.no_trial" if best is None else "study.note.one_trial"
        return replace(progress, ended=True, note=note)
    if not progress.of_role("defaults"):
        # Without settings of its own: those that are taken for the whole training set.
        return _with(progress, Trial(len(progress.trials), "defaults", Variant()))
    if best is not trials[0] and not progress.of_role("best"):
        return _with(progress, Trial(len(progress.trials), "best", best.variant))
    return replace(progress, ended=True)


def _with(progress: Progress, trial: Trial) -> Progress:
    return replace(progress, trials=(*progress.trials, trial))


# --- its run ---


def _begun(study: Study, progress: Progress, trial: Trial, runs: StudyRuns, stop: bool) -> Progress:
    """Create the run of a trial, unless that was done before the server was killed."""
    run = runs.find(study, trial.number)
    if not run and stop:
        return changed(progress, trial, state="stopped")
    try:
        return changed(progress, trial, run=run or runs.start(study, trial), state="running")
    except (QueueFull, ServerQueueFull):  # until another run has ended
        return progress
    except TooManyRuns as error:
        old = next((it for it in progress.of_role("trial") if it.over and it.run), None)
        if old is None:
            return _failed(study, progress, trial, error)
        runs.remove(old.run)  # its score is known
        return changed(progress, old, run="")
    except BertDemoError as error:
        return _failed(study, progress, trial, error)


def _failed(study: Study, progress: Progress, trial: Trial, error: BertDemoError) -> Progress:
    """Take note of a run that was refused; a search ends with it, as its next trial would be refused too."""
    after = changed(progress, trial, state="failed", message=error.message_key, values=dict(error.values))
    return replace(after, ended=True, note="study.note.refused") if study.searches else after


def _watched(
    study: Study,
    progress: Progress,
    trial: Trial,
    view: RunView,
    runs: StudyRuns,
    search: Search | None,
    *,
    stop: bool,
    now: float,
) -> Progress:
    """Stop a run where a person, the budget or the pruner wants that."""
    if stop or trial.state == "pruning":
        if not view.stopping:
            runs.stop(trial.run)
        return progress
    if trial.role != "trial" or search is None or trial.asked is None:
        return progress
    late = budget.out_of_time(study, progress, seconds_of(view, now))
    if late or ((values := _curve(view)) and search.should_prune(trial.asked, values)):
        return changed(progress, trial, state="pruning")
    return progress


def _resume(runs: StudyRuns, run: str) -> None:
    try:
        runs.resume(run)
    except (QueueFull, ServerQueueFull):  # the next call tries again
        return


def _settled(progress: Progress, trial: Trial, view: RunView, search: Search | None, now: float) -> Progress:
    """Take the score of a run that has ended."""
    status = status_of(view)
    seconds = seconds_of(view, now)
    if view.state == "finished":
        return _over(progress, trial, search, state="finished", score=score_of(view), seconds=seconds)
    if view.state == "cancelled" or trial.state == "pruning":
        state: TrialState = "pruned" if trial.state == "pruning" else "stopped"
        return _over(progress, trial, search, state=state, seconds=seconds)
    key, values = (status.message.key, status.message.values) if status.message else ("", {})
    return _over(progress, trial, search, state="failed", seconds=seconds, message=key, values=dict(values))


def _over(progress: Progress, trial: Trial, search: Search | None, **fields: object) -> Progress:
    """Record how a trial ended; of a search, tell Optuna first."""
    after = changed(progress, trial, **fields)
    if search is None or trial.asked is None:
        return after
    ended = next(it for it in after.trials if it.number == trial.number)
    search.tell(trial.asked, ended.score.value if ended.score else None, pruned=ended.state == "pruned")
    return replace(after, importances=dict(search.importances()))


# --- what a run says ---


def score_of(view: RunView) -> TrialScore | None:
    """Return the headline metric of a run that has ended; None where nothing was evaluated."""
    status = status_of(view)
    metric = status.metrics.get(status.headline)
    if metric is None or metric["value"] is None:
        return None
    started = status.started
    lower = started is not None and started.metric == status.headline and started.lower_is_better
    return TrialScore(
        status.headline, metric["value"], metric.get("low"), metric.get("high"), lower, status.evaluated_rows
    )


def seconds_of(view: RunView, now: float) -> float:
    """Return the time that the attempts at a run have taken, from their launch to their last event."""
    seconds = 0.0
    newest = max((event.attempt for event in view.events), default=1)
    for launched in (event for event in view.events if isinstance(event, ev.Launched)):
        last = max(event.at for event in view.events if event.attempt == launched.attempt)
        goes_on = launched.attempt == newest and view.state not in ev.ENDED
        seconds += max(0.0, (now if goes_on else last) - launched.at)
    return seconds


def _curve(view: RunView) -> list[float]:
    """Return the score after each epoch; [] where epochs are chosen by another metric than the headline."""
    status = status_of(view)
    headline = tasks.find(view.request.task).metrics[0]
    if status.started is None or status.started.metric != headline:
        return []
    return [event.metrics[headline] for event in status.evaluations if headline in event.metrics and event.epoch > 0]


def _attempts(view: RunView) -> int:
    return max((event.attempt for event in view.events), default=1)
