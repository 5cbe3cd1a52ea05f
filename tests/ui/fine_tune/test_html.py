"""What Fine-tune draws: the chart, the verdict, the map, the bar; numbers in, words and places out."""

from __future__ import annotations

import itertools
import re

import pytest

from bertdemo.i18n.translation import LANGUAGES, has, translate
from bertdemo.tasks import TASKS
from bertdemo.ui.fine_tune.html import class_map, guide
from bertdemo.ui.fine_tune.html.training import render_training
from bertdemo.ui.html.scores import plot, strip
from bertdemo.ui.html.scores.headline import Measured, verdict
from tests.ui.html.test_runs import read, training, watched


def tops(html: str) -> list[float]:
    return [float(top) for top in re.findall(r'<span class="base" style="top:([\d.]+)%"', html)]


def test_ticks_of_a_score_are_round_and_names_of_near_baselines_do_not_touch() -> None:
    lines = [("majority class 0.16", 0.16), ("TF-IDF 0.17", 0.17), ("linear probe 0.18", 0.18)]
    drawn = plot.draw([], plot.unit_axes(10, "epoch"), "accuracy", kind="big", baselines=lines, empty="none yet")
    assert re.findall(r'class="y"[^>]*>([\d.]+)<', drawn) == ["0", "0.25", "0.5", "0.75", "1"]
    places = sorted(tops(drawn))
    assert all(later - earlier >= 5 for earlier, later in itertools.pairwise(places)) and "none yet" in drawn


def test_names_that_are_pushed_out_at_the_bottom_move_up() -> None:
    lines = [(f"b{i}", 0.001 * i) for i in range(4)]
    places = tops(plot.draw([], plot.unit_axes(1, ""), "", kind="big", baselines=lines))
    assert max(places) <= 100 and len({round(place) for place in places}) == 4


@pytest.mark.parametrize(
    ("largest", "ticks"), [(7.3, (0, 2, 4, 6, 8)), (0.9, (0, 0.25, 0.5, 0.75, 1.0)), (400, (0, 100, 200, 300, 400))]
)
def test_an_axis_without_a_bound_ends_at_a_round_number(largest: float, ticks: tuple[float, ...]) -> None:
    assert plot.round_axes(3, largest, "").ticks == pytest.approx(ticks)


def test_the_kept_epoch_is_ringed_where_its_point_is() -> None:
    line = plot.Line("accuracy", "blue", [(1, 0.5), (2, 0.75)], dots=True)
    drawn = plot.draw([line], plot.unit_axes(4, ""), "", kind="big", ring=(2, 0.75))
    assert 'class="ring" style="left:50.00%;top:25.00%"' in drawn and drawn.count('class="dot blue"') == 2


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_watched_text_shows_its_newest_prediction_and_marks_the_ones_before(lang: str) -> None:
    drawn = render_training(training(), watched(), lang)
    assert '<li class="right changed">' in drawn and drawn.count('<i class="wrong"') == 1
    assert translate(lang, "fine_tune.training.predicted", predicted="b") in read(drawn).words
    assert drawn.count("<svg") == 2 and "data-run=" in drawn and 'data-keep="log"' in drawn


@pytest.mark.parametrize(
    ("score", "baselines", "key"),
    [
        ((0.36, 0.27, 0.45), {"tfidf": 0.59, "frozen": 0.796, "majority": 0.02}, "below_frozen"),
        ((0.36, 0.27, 0.45), {"tfidf": 0.59}, "below"),
        ((0.80, 0.70, 0.88), {"frozen": 0.79}, "within"),
        ((0.90, 0.85, 0.94), {"frozen": 0.79, "tfidf": 0.7}, "above"),
        ((0.90, 0.85, 0.94), {"majority": 0.5}, "above_trivial"),
        ((0.40, 0.35, 0.45), {"majority": 0.5}, "below_trivial"),
        ((0.90, 0.85, 0.94), {}, "alone"),
        ((0.80, None, None), {"frozen": 0.79}, "above"),
    ],
)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_one_sentence_says_what_the_score_is_worth(
    score: tuple[float, float | None, float | None], baselines: dict[str, float], key: str, lang: str
) -> None:
    said = verdict(Measured("accuracy", *score, baselines), "classification", lang)
    best = max((value for kind, value in baselines.items() if kind != "majority"), default=0.5)
    names = {kind: translate(lang, f"fine_tune.baseline.{kind}") for kind in baselines}
    texts = {translate(lang, f"fine_tune.verdict.{key}", baseline=name, value=f"{best:.3f}") for name in names.values()}
    assert said in (texts or {translate(lang, "fine_tune.verdict.alone")})


def test_where_lower_is_better_a_lower_score_is_above_the_baselines() -> None:
    better = Measured("perplexity", 8.0, None, None, {"frozen": 12.0}, lower_is_better=True)
    assert verdict(better, "fill_mask", "en").startswith("Above")


def test_a_strip_names_every_baseline_and_is_left_out_on_another_scale() -> None:
    marks = [strip.Mark(f"b{i}", 0.2 * i) for i in range(5)]
    drawn = strip.score_strip(marks, "all", strip.Estimate(0.9, 0.8, 1.0))
    assert drawn.count("<em ") == 5 and 'style="left:80.0%;width:20.0%"' in drawn and 'style="left:90.0%"' in drawn
    assert strip.score_strip([strip.Mark("x", 12.0)], "") == ""


def test_every_point_of_the_map_has_two_places_inside_the_picture_and_150_labels_are_counted() -> None:
    dots = [class_map.MapDot(f"text {i}", f"label {i}", (i, -i), (2 * i, i)) for i in range(150)]
    drawn = class_map.render_map(dots, (0.6, 0.2), "en")
    places = [float(value) for value in re.findall(r"--[ab][xy]:([\d.-]+)px", drawn)]
    assert len(places) == 600 and min(places) >= 0 and max(places) <= 340
    assert "142" in read(drawn).words and "80%" in read(drawn).words and "data-replay" in drawn
    assert class_map.render_map([], (0.0, 0.0), "en") == ""


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_task_has_its_sentence_and_its_example_and_the_guide_answers_in_order(lang: str) -> None:
    drawn = guide.render_tasks(lang)
    assert all(has(f"fine_tune.task.{task}.what") for task in TASKS) and drawn.count("<dt>") == len(TASKS)
    words = read(guide.render_guide(lang)).words
    assert all(figure in words for figure in ("99%", "1e-4", "3e-5", "600", "100", "12", "0.01"))
