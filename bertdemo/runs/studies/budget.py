"""How much of a search's time is left, and which of its trials is the best."""

from __future__ import annotations

from collections.abc import Sequence

from bertdemo.runs.studies.study import Progress, Study, Trial

# The two runs at the end train on the whole training set, of which a trial gets 80% (from 1,000 rows on 90%).
_WHOLE = 1.25


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """Return the trial with the best score, of equal ones the first; None where none has a score."""
    best: Trial | None = None
    for trial in trials:
        if trial.score is not None and (best is None or best.score is None or trial.score.beats(best.score)):
            best = trial
    return best


def allows_trial(study: Study, progress: Progress) -> bool:
    """Return whether a trial as short as the shortest and the two last runs still fit into the budget.

    A longer one is stopped in time (`out_of_time`): the time that it has taken would have been left over. The first
    trial always fits: without the score of the default settings there is nothing to compare with.
    """
    finished = _finished(progress)
    if not progress.trials:
        return True
    return bool(finished) and progress.spent_seconds + min(finished) + _reserved(progress) <= study.budget_seconds


def out_of_time(study: Study, progress: Progress, running_seconds: float) -> bool:
    """Return whether the running trial takes the time that the two last runs need, where it becomes the best one."""
    reserved = _reserved(progress, running_seconds)
    return progress.spent_seconds + running_seconds + reserved > study.budget_seconds


def _reserved(progress: Progress, running_seconds: float = 0.0) -> float:
    """Return the time of the two last runs: that of the defaults and that of the best trial, on more rows.

    The best trial is the best one so far or one to come, so it is counted with at least the time of the defaults.
    """
    finished, best = _finished(progress), best_of(progress.of_role("trial"))
    if not finished:
        return 0.0
    return _WHOLE * (finished[0] + max(finished[0], best.seconds if best else 0.0, running_seconds))


def _finished(progress: Progress) -> list[float]:
    """Return the seconds of the trials that trained to their end."""
    return [trial.seconds for trial in progress.of_role("trial") if trial.state == "finished"]
