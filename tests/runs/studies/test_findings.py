"""What a study has found: the spread, the layers that are enough, and never a ranking where intervals overlap."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bertdemo.runs.studies.findings import answer_of, spread_of
from bertdemo.runs.studies.store import StudyView
from bertdemo.runs.studies.study import Progress, Role, Study, Trial, TrialScore, Variant
from tests.runs.studies.fakes import searching, study_with


def scored(number: int, value: float, half: float | None = 0.02, role: Role = "variant", **settings: int) -> Trial:
    low, high = (value - half, value + half) if half is not None else (None, None)
    score = TrialScore("accuracy", value, low, high, rows=100)
    return Trial(number, role, Variant(settings), run=f"r{number}", state="finished", score=score)


def code(study: Study, *trials: Trial, ended: bool = True, **more: bool | str) -> str | None:
    progress = Progress(trials, ended=ended)
    answer = answer_of(StudyView(study, replace(progress, **more), stopping=False))  # type: ignore[arg-type]
    return answer.code if answer else None


def test_the_spread_is_the_mean_and_the_standard_deviation_of_the_sample() -> None:
    spread = spread_of([scored(0, 0.8), scored(1, 0.9), scored(2, 0.85), Trial(3, "variant", Variant())])
    assert spread and (spread.mean, spread.count) == (pytest.approx(0.85), 3)
    assert spread.deviation == pytest.approx(0.05)
    assert spread_of([scored(0, 0.8)]) is None


def test_seeds_have_a_spread_as_soon_as_two_have_ended() -> None:
    assert code(study_with(), scored(0, 0.8), ended=False) is None
    assert code(study_with(), scored(0, 0.8), ended=True, stopped=True) == "too_few"
    assert code(study_with(), scored(0, 0.8), scored(1, 0.9), ended=False) == "seeds"


@pytest.mark.parametrize(
    ("values", "enough"),
    [
        ((0.70, 0.80, 0.88, 0.90), 3),
        ((0.90, 0.90, 0.90, 0.90), 1),
        ((0.90, 0.60, 0.90, 0.90), 3),  # one that happens to do well below one that does not is no answer
        ((0.50, 0.60, 0.70, 0.90), 4),
        ((0.50, 0.99, 0.70, 0.90), 4),
        ((0.50, 0.99, 0.99, 0.90), 2),
    ],
)
def test_the_layers_needed_are_the_fewest_from_which_on_no_interval_is_below(
    values: tuple[float, ...], enough: int
) -> None:
    trials = [scored(at, value, layers=at + 1) for at, value in enumerate(values)]
    view = StudyView(study_with(kind="layers"), Progress(tuple(trials), ended=True), stopping=False)
    answer = answer_of(view)
    assert answer and answer.trials["enough"].variant.settings["layers"] == enough
    assert answer.code == ("layers_all" if enough == 4 else "layers")


def test_models_are_ranked_only_where_the_best_interval_overlaps_no_other() -> None:
    study = study_with(kind="checkpoints")
    assert code(study, scored(0, 0.8), scored(1, 0.9)) == "checkpoint"
    assert code(study, scored(0, 0.88), scored(1, 0.9)) == "no_ranking"
    assert code(study, scored(0, 0.8, None), scored(1, 0.9)) == "no_ranking"
    assert code(study, scored(0, 0.8)) == "too_few"
    assert code(study, scored(0, 0.8), scored(1, 0.9), ended=False) is None


def test_lower_is_better_for_a_metric_that_falls() -> None:
    def falling(number: int, value: float) -> Trial:
        trial = scored(number, value)
        assert trial.score
        return replace(trial, score=replace(trial.score, lower_is_better=True))

    answer = answer_of(StudyView(study_with(kind="checkpoints"),
                                 Progress((falling(0, 0.5), falling(1, 0.9)), ended=True), stopping=False))  # fmt: skip
    assert answer and answer.trials["first"].number == 0


@pytest.mark.parametrize(
    ("defaults", "best", "expected"),
    [(0.8, 0.9, "better"), (0.9, 0.8, "worse"), (0.89, 0.9, "overlap"), (0.9, 0.9, "overlap")],
)
def test_a_search_says_whether_it_beat_the_defaults(defaults: float, best: float, expected: str) -> None:
    ends = (scored(2, defaults, role="defaults"), scored(3, best, role="best"))
    trials = (scored(0, 0.7, role="trial"), scored(1, 0.8, role="trial"))
    assert code(searching(60), *trials, *ends) == expected
    assert code(searching(60), *trials, ends[0], replace(ends[1], score=None)) == "not_compared"


def test_a_search_that_was_cut_short_says_why() -> None:
    trials = (scored(0, 0.7, role="trial"), scored(1, 0.6, role="trial"))
    assert code(searching(60), *trials, scored(2, 0.7, role="defaults")) == "nothing"
    assert code(searching(60), *trials, stopped=True) == "stopped"
    for note in ("no_trial", "one_trial", "refused"):
        assert code(searching(60), *trials, note=f"study.note.{note}") == note
    assert code(searching(60), *trials, ended=False) is None
