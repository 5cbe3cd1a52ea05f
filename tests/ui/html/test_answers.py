"""Answers are drawn to scale: 77 labels can be read, chance, thresholds and changed words are marked."""

from __future__ import annotations

import re

import pytest

from bertdemo.i18n.translation import LANGUAGES, plural, translate
from bertdemo.tasks.fill_mask import MaskPredictions, MaskToken
from bertdemo.tasks.multi_label.task import LabelSet, ScoredLabel
from bertdemo.tasks.results import Labels, LabelScore
from bertdemo.tasks.similarity import Similarity
from bertdemo.tasks.text_to_text import GeneratedText
from bertdemo.ui.html.answers.parts import breakable, changes, filled_in
from bertdemo.ui.html.predictions import ModelInput, render_prediction
from tests.ui.html.test_primitives import HOSTILE, read


def many(best: float, count: int = 77) -> Labels:
    rest = (1 - best) / (count - 1)
    return Labels((LabelScore("label_0", best), *(LabelScore(f"label_{i}", rest) for i in range(1, count))))


def widths(html: str) -> list[float]:
    return [float(width) for width in re.findall(r'<i style="width:([\d.]+)%"', html)]


def test_a_head_that_started_as_a_linear_probe_is_not_called_untrained() -> None:
    random, probe = (
        read(render_prediction(many(0.5), many(0.05), "x", "en", from_probe=start)).words for start in (False, True)
    )
    assert "untrained head" in random and "linear probe" not in random
    assert "linear probe" in probe and "untrained head" not in probe


@pytest.mark.parametrize("lang", LANGUAGES)
def test_of_77_labels_five_stand_above_the_fold_and_all_can_be_read(lang: str) -> None:
    html = render_prediction(many(0.04), None, "x", lang)
    above, _, folded = html.partition("<details")
    assert len(widths(above)) == 5 and folded.count("<li>") == 72
    assert plural(lang, "predict.more_labels", 72) in read(html).words
    assert all(f"label_{i}" in read(html).words for i in range(77))
    # With two more than five a fold would be longer than what it hides.
    assert "<details" not in render_prediction(many(0.4, 7), None, "x", lang)
    assert "<details" in render_prediction(many(0.4, 8), None, "x", lang)


def test_bars_are_scaled_to_the_largest_of_both_sides_and_chance_is_marked() -> None:
    html = render_prediction(many(0.5), many(0.05), "x", "en")
    after, before = html.split(translate("en", "predict.before"))
    assert widths(after)[0] == 100 and widths(before)[0] == pytest.approx(10)  # one scale, or nothing is compared
    assert re.findall(r'<em style="left:([\d.]+)%"', html) == ["2.6"] * 10
    assert translate("en", "predict.chance", chance="1.3%", n=77) in read(html).words
    assert 'aria-valuenow="50.0"' in html  # a screen reader hears the probability, not the length


def test_each_label_of_several_has_its_own_threshold_and_a_full_bar_is_1() -> None:
    labels = (ScoredLabel("a", 0.9, True, 0.25), ScoredLabel("b", 0.2, False, 0.6))
    html = render_prediction(LabelSet(labels), None, "x", "en")
    assert widths(html) == [90, 20] and re.findall(r'<em style="left:([\d.]+)%"', html) == ["25.0", "60.0"]
    assert "random guessing" not in html


def test_a_long_label_breaks_behind_its_marks_only_and_is_set_smaller() -> None:
    assert breakable("product_question/a-b.c") == "product_<wbr>question/<wbr>a-<wbr>b.<wbr>c"
    long = Labels((LabelScore("x" * 60, 0.9), LabelScore("y", 0.1)))
    assert 'class="bd-big long"' in render_prediction(long, None, "x", "en")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_true_label_stands_below_with_a_tick_or_a_cross(lang: str) -> None:
    right = read(render_prediction(many(0.5), None, "x", lang, truth="label_0")).words
    wrong = read(render_prediction(many(0.5), None, "x", lang, truth="label_1")).words
    assert f"✓ {translate(lang, 'predict.truth.labels', truth='label_0')}" in right
    assert f"✗ {translate(lang, 'predict.truth.labels', truth='label_1')}" in wrong
    none = LabelSet((ScoredLabel("a", 0.1, False),))
    nothing = translate(lang, "predict.truth.label_set", truth=translate(lang, "predict.truth_nothing"))
    assert nothing in read(render_prediction(none, None, "x", lang, truth="")).words


def test_a_score_is_a_point_between_the_ends_of_its_scale() -> None:
    html = render_prediction(Similarity(3.0, 0.2, 1.0, 5.0), None, "x", "en")
    assert 'aria-valuemin="1" aria-valuemax="5" aria-valuenow="3.000"' in html and "left:50.0%" in html


@pytest.mark.parametrize(
    ("source", "output", "removed", "added"),
    [
        ("I think the kettle leaks.", "the kettle leaks.", ["I think"], []),
        ("The tap drips", "the pipe drips", ["tap"], ["pipe"]),
        ("水壶漏水了", "水壶坏了", ["漏水"], ["坏"]),
        ("same", "same", [], []),
        ("anything", "", [], []),
    ],
)
def test_what_a_rewriting_changed_is_marked_in_both_texts(
    source: str, output: str, removed: list[str], added: list[str]
) -> None:
    old, new = changes(source, output)
    assert [source[start:end] for start, end, *_ in old] == removed
    assert [output[start:end] for start, end, *_ in new] == added
    html = render_prediction(GeneratedText(output, 0.5), None, "x", "en", ModelInput(source))
    assert source in read(html).words and output in read(html).words


def test_the_best_token_stands_in_the_place_of_each_mask() -> None:
    assert filled_in("a [MASK] b", ["cat"]) == '<p class="bd-spans" dir="auto">a <mark>cat</mark> b</p>'
    two = filled_in("[MASK] [MASK]", ["the", "cat"])
    assert two.count("<mark>") == 2 and "<small>2</small>" in two
    assert filled_in("a [mask] b", ["cat"]) == ""  # the tokenizer found another number of masks
    best = (MaskToken("cat", 7, 0.02), MaskToken("dog", 8, 0.01))
    html = render_prediction(MaskPredictions((best,)), None, "x", "en", ModelInput("a [MASK]"))
    assert widths(html) == [100, 50] and 'aria-valuenow="2.0"' in html


def test_hostile_labels_and_texts_stay_text() -> None:
    for html in (
        render_prediction(Labels((LabelScore(HOSTILE, 1.0),)), None, HOSTILE, "en", truth=HOSTILE),
        render_prediction(GeneratedText(f"{HOSTILE} b", 0.5), None, "x", "en", ModelInput(f"a {HOSTILE}")),
        filled_in(f"{HOSTILE} [MASK]", [HOSTILE]),
    ):
        assert not {"img", "script"} & set(read(html).tags) and "${" not in html
        assert HOSTILE in read(html).words
