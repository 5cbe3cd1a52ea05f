"""The drawings of a study: every answer and state in both languages, hostile names, and the picture of all trials."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bertdemo.i18n.translation import LANGUAGES, has, translate
from bertdemo.runs.studies.store import StudyView
from bertdemo.runs.studies.study import KINDS, Dimension, Progress, Study, Trial, TrialScore, Variant
from bertdemo.ui.fine_tune.html.parallel import render_parallel
from bertdemo.ui.fine_tune.html.study import Facts, dimension_words, render_plan, render_study, render_study_bar
from bertdemo.ui.fine_tune.html.study_table import Names
from tests.runs.support import request_for
from tests.ui.html.test_primitives import HOSTILE, read

SPACE = (
    Dimension("learning_rate", "log", 1e-4, 2e-5, 5e-4),
    Dimension("epochs", "int", 4, 2, 8),
    Dimension("method", "choice", "fine_tune", choices=("contrastive", "fine_tune")),
)
FACTS = Facts(Names({}), width=384, heads=12, enough_trials=10)


def trial(number: int, value: float | None = 0.8, **more: Any) -> Trial:
    score = None if value is None else TrialScore("accuracy", value, value - 0.05, value + 0.04, rows=100)
    settings = {"learning_rate": 1e-4 * (1 + number % 4), "epochs": 2 + number % 7, "method": "fine_tune"}
    fields = {"role": "trial", "variant": Variant(settings), "run": f"r{number}", "state": "finished", **more}
    return Trial(number=number, score=score, seconds=12.0, **fields)


def view(*trials: Trial, kind: str = "search", ended: bool = False, stopping: bool = False, **more: Any) -> StudyView:
    request = request_for(Path("reviews.csv"))
    fields: dict[str, Any] = {"kind": kind, "request": request, "space": SPACE, "budget_seconds": 180.0, **more}
    return StudyView(Study(id="s1", owner="", created=0.0, **fields), Progress(trials, ended=ended), stopping)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_before_its_first_run_and_after_its_last(kind: str, lang: str) -> None:
    settings: list[dict[str, Any]] = [{"layers": at + 1} if kind == "layers" else {"seed": at} for at in range(2)]
    variants = () if kind == "search" else tuple(map(Variant, settings))
    role = "trial" if kind == "search" else "variant"
    for number in range(3):
        trials = [trial(at, variant=Variant(settings[at]), role=role) for at in range(min(number, 2))]
        shown = view(*trials, kind=kind, variants=variants, ended=number == 2)
        assert translate(lang, f"study.title.{kind}") in read(render_study(shown, FACTS, lang)).words
        assert read(render_study_bar(shown, FACTS, lang)).words
    assert read(render_plan(kind, 3, 65.0, lang)).words  # type: ignore[arg-type]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_state_and_every_reason_is_in_words(lang: str) -> None:
    states = ("planned", "running", "pruning", "finished", "pruned", "stopped", "failed", "deleted")
    trials = [trial(at, None, state=state) for at, state in enumerate(states)]
    trials.append(trial(9, None, state="failed", message="error.too_many_runs", values={"limit": 5}))
    words = read(render_study(view(*trials), FACTS, lang)).words
    assert all(translate(lang, f"study.state.{state}") in words for state in states)
    assert translate(lang, "error.too_many_runs", limit=5) in words
    assert all(has(f"study.answer.{note}") for note in ("no_trial", "one_trial", "refused", "broken"))


def test_runs_to_come_are_listed_and_rows_keep_their_order_whatever_their_scores() -> None:
    variants = tuple(Variant({"seed": seed}) for seed in (42, 43, 44))
    shown = view(trial(0, 0.5, role="variant", variant=variants[0]), kind="seeds", variants=variants)
    html = render_study(shown, FACTS, "en")
    assert re.findall(r'data-trial="(\d)"', html) == ["0", "1", "2"]
    assert "Seed 44" in read(html).words and "data-use" not in html
    ended = [trial(at, value, role="variant", variant=variants[at]) for at, value in enumerate((0.5, 0.9, 0.7))]
    words = read(render_study(view(*ended, kind="seeds", variants=variants, ended=True), FACTS, "en")).words
    assert "Accuracy: mean 0.700, standard deviation 0.200 (seeds: 3)." in words
    assert words.index("Seed 42") < words.index("Seed 43") < words.index("Seed 44")


def test_intervals_share_one_scale() -> None:
    html = render_study(view(trial(0, 0.70), trial(1, 0.90)), FACTS, "en")
    assert "<i>0.65</i><i>0.95</i>" in html
    newest, oldest = (float(place) for place in re.findall(r'<b style="left:([\d.]+)%"', html))
    assert (newest, oldest) == pytest.approx((83.3, 16.7), abs=0.1)  # of a search the newest first
    perplexity = [replace(trial(at), score=TrialScore("perplexity", value, None, None, True)) for at, value in
                  enumerate((8.0, 31.0))]  # fmt: skip
    assert "<i>0</i><i>40</i>" in render_study(view(*perplexity), FACTS, "en")


def test_a_search_says_how_far_it_is_by_its_budget() -> None:
    running = view(trial(0), trial(1, None, state="running"))
    facts = replace(FACTS, live_seconds=33.0)
    words = read(render_study_bar(replace_seconds(running), facts, "en")).words
    assert "Trial 2 · 45 s of 3 min 00 s" in words and "25%" in words
    last = view(trial(0), trial(1, None, role="defaults", state="running"))
    assert "Final runs" in read(render_study_bar(last, FACTS, "en")).words
    assert translate("en", "state.stopping") in render_study_bar(view(trial(0), stopping=True), FACTS, "en")


def replace_seconds(shown: StudyView) -> StudyView:
    first, second = shown.progress.trials
    return replace(shown, progress=replace(shown.progress, trials=(first, replace(second, seconds=0.0))))


def test_importances_are_told_from_enough_trials_on_and_else_how_many_are_missing() -> None:
    few = read(render_study(view(trial(0), trial(1)), FACTS, "en")).words
    assert "with a score: 2 so far, 10 needed" in few and "hidden size 384, 12 attention heads" in few
    enough = view(*(trial(at, 0.8 + at / 100) for at in range(10)))
    told = replace(enough, progress=replace(enough.progress, importances={"epochs": 0.2, "learning_rate": 0.8}))
    words = read(render_study(told, FACTS, "en")).words
    assert words.index("Learning rate") < words.index("Epochs") and "80%" in words
    assert "All trials have the same score" in read(render_study(enough, FACTS, "en")).words


def test_each_trial_is_a_line_that_the_keyboard_reaches_and_the_best_one_is_on_top() -> None:
    trials = [trial(0, 0.7), trial(1, 0.9), trial(2, None, state="pruned"), trial(3, 0.8)]
    html = render_parallel(SPACE, trials, trials[1], "en")
    line = r'<polyline class="(\w+)" points="([^"]+)"[^>]* tabindex="0" role="img" aria-label="([^"]+)"'
    lines = re.findall(line, html)
    assert [look for look, _, _ in lines] == ["one", "one", "best"]
    assert lines[-1][2] == "Trial 2: Learning rate 0.0002 · Epochs 3 · Recipe standard · 0.900"
    assert all(len(points.split()) == 4 for _, points, _ in lines)
    ends = [float(points.split()[-1].split(",")[0]) for _, points, _ in lines]
    assert ends == [2.0, 50.0, 98.0]
    assert render_parallel(SPACE, trials[:1], None, "en") == ""


def test_ranges_are_in_words() -> None:
    assert [dimension_words(it, "en") for it in SPACE] == [
        "Learning rate: 2e-5 … 0.0005", "Epochs: 2 … 8", "Recipe: few-shot, standard",
    ]  # fmt: skip


def test_hostile_names_stay_text() -> None:
    request = replace(request_for(Path("x")), data_name=HOSTILE)
    variant = Variant(checkpoint=HOSTILE)
    for names in (Names({}), Names({HOSTILE: HOSTILE})):
        trials = [trial(at, variant=variant, role="variant", run=HOSTILE) for at in range(2)]
        shown = view(*trials, kind="checkpoints", request=request, ended=True)
        html = render_study(shown, replace(FACTS, names=names), "en")
        assert HOSTILE in read(html).words
