"""What a study has found, in the sense of its scores: a spread, the layers that are enough, a verdict.

Runs whose intervals overlap are never ranked: the difference may be the choice of the held-out examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean, stdev

from bertdemo.runs.studies.store import StudyView
from bertdemo.runs.studies.study import Progress, Trial, TrialScore


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of the scores of several runs."""

    mean: float
    deviation: float
    count: int


@dataclass(frozen=True)
class Answer:
    """A sentence: the end of its locale key, and its parameters. Scores and trials are put into words by the page."""

    code: str
    scores: dict[str, TrialScore] = field(default_factory=dict)
    trials: dict[str, Trial] = field(default_factory=dict)
    numbers: dict[str, int | float] = field(default_factory=dict)


def spread_of(trials: Sequence[Trial]) -> Spread | None:
    """Return the spread of the scores; None with fewer than two."""
    values = [trial.score.value for trial in trials if trial.score]
    return Spread(mean(values), stdev(values), len(values)) if len(values) > 1 else None


def answer_of(view: StudyView) -> Answer | None:
    """Return the answer to the question of the study; None while there is none."""
    progress = view.progress
    scored = [trial for trial in progress.trials if trial.score]
    if view.study.kind == "seeds":
        spread = spread_of(scored)
        values = {"mean": spread.mean, "deviation": spread.deviation, "n": spread.count} if spread else {}
        return Answer("seeds", numbers=values) if spread else Answer("too_few") if progress.ended else None
    if not progress.ended:
        return None
    if view.study.searches:
        return _of_search(progress)
    if len(scored) < 2:
        return Answer("too_few")
    return _of_layers(scored) if view.study.kind == "layers" else _of_checkpoints(scored)


def _of_layers(scored: Sequence[Trial]) -> Answer:
    """Return the fewest layers from which on every interval overlaps that of all of them, or is above it."""
    whole = scored[-1]
    enough = whole
    for trial in reversed(scored[:-1]):
        if _worse(trial, whole):
            break
        enough = trial
    trials = {"enough": enough, "whole": whole}
    return Answer("layers_all" if enough is whole else "layers", trials=trials)


def _of_checkpoints(scored: Sequence[Trial]) -> Answer:
    """Return the best model where its interval overlaps no other; else a pair that overlaps."""
    best = scored[0]
    for trial in scored:
        if trial.score and best.score and trial.score.beats(best.score):
            best = trial
    for other in scored:
        if other is not best and not _worse(other, best):
            return Answer("no_ranking", trials={"first": best, "second": other})
    return Answer("checkpoint", trials={"first": best})


def _worse(trial: Trial, other: Trial) -> bool:
    """Return whether a run is below another one and their intervals do not overlap."""
    if trial.score is None or other.score is None:
        return False
    return trial.score.overlaps(other.score) is False and other.score.beats(trial.score)


def _of_search(progress: Progress) -> Answer:
    if progress.note:
        return Answer(progress.note.rpartition(".")[2])
    defaults, best = (next(iter(progress.of_role(role)), None) for role in ("defaults", "best"))
    if progress.stopped or defaults is None:
        return Answer("stopped")
    if best is None:
        return Answer("nothing")
    if best.score is None or defaults.score is None:
        return Answer("not_compared")
    scores = {"best": best.score, "defaults": defaults.score}
    if best.score.overlaps(defaults.score) is not False:
        return Answer("overlap", scores)
    return Answer("better" if best.score.beats(defaults.score) else "worse", scores)
