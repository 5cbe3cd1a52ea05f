"""The baselines as a person reads them."""

from __future__ import annotations

import re

import pytest

from bertdemo.analysis.baselines import Baseline
from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.tasks.results import Score
from bertdemo.ui.fine_tune.html.baselines import FEW_ROWS, render_baselines
from bertdemo.ui.html import charts


def one(kind: str, value: float, folds: int = 10) -> Baseline:
    score = Score(value, value - 0.02, value + 0.02)
    return Baseline(kind, {"accuracy": score, "macro_f1": score}, 872, folds, 4.3)  # type: ignore[arg-type]


FOUND = [one("majority", 0.51, 0), one("tfidf", 0.73), one("frozen", 0.788)]


def words(html: str) -> str:
    return re.sub(r"<[^>]+>", " ", html)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_stands_with_its_interval_and_the_best_answers_the_question(lang: str) -> None:
    said = words(render_baselines(FOUND, 400, lang))
    shown_of = {"majority": "0.510 [0.490, 0.530]", "tfidf": "0.730 [0.710, 0.750]", "frozen": "0.788 [0.768, 0.808]"}
    for kind, shown in shown_of.items():
        assert translate(lang, f"fine_tune.baseline.{kind}") in said and shown in said
    assert translate(lang, "baseline.named.frozen") in said and "0.788 " in said and "872" in said


@pytest.mark.parametrize("lang", LANGUAGES)
def test_with_few_rows_a_label_it_says_that_fine_tuning_is_unlikely_to_win(lang: str) -> None:
    few = render_baselines(FOUND, FEW_ROWS - 1, lang)
    assert "bd-banner" in few and str(FEW_ROWS - 1) in words(few)
    assert "bd-banner" not in render_baselines(FOUND, FEW_ROWS, lang)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_missing_is_said(lang: str) -> None:
    assert translate(lang, "baseline.not_here") in words(render_baselines(FOUND[:2], 400, lang))
    assert translate(lang, "baseline.too_few") in words(render_baselines(FOUND[:1], 400, lang))
    assert translate(lang, "baseline.empty") in words(render_baselines([], 0, lang))


def test_the_lines_in_the_curve_are_told_apart_by_their_place_and_words() -> None:
    drawn = charts.curve([("x", "blue", [(0, 0.5), (1, 0.9)])], "x", "", [("guess 51%", 0.51), ("linear 79%", 0.788)])
    assert drawn.count('<line class="compare"') == 2
    assert re.findall(r'class="compare"[^>]*text-anchor="(\w+)">([^<]+)<', drawn) == [
        ("end", "guess 51%"),
        ("start", "linear 79%"),
    ]
