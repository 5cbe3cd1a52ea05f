"""What each task says is drawn truly: ticks, an answer in a long passage, mistakes in the words of their metric."""

from __future__ import annotations

import re

import pytest

from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.runs.evaluation import Mistake, evaluate
from bertdemo.tasks.fill_mask import MaskPredictions, MaskToken
from bertdemo.tasks.multi_label.task import LabelSet, ScoredLabel
from bertdemo.tasks.question_answering.task import Answer
from bertdemo.tasks.results import Annotation, Degree
from bertdemo.ui.html import charts, mistakes, predictions
from bertdemo.ui.html.predictions import ModelInput
from bertdemo.ui.html.primitives import around
from tests.ui.html.test_primitives import read

WORDS = " ".join(f"word{i}" for i in range(1000))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_only_the_trained_head_has_thresholds_and_ticks_stand_behind_the_labels(lang: str) -> None:
    said = LabelSet((ScoredLabel("a", 0.9, True), ScoredLabel("b", 0.2, False)))
    words = read(predictions.render_prediction(said, said, "x", lang)).words
    assert words.count(translate(lang, "predict.thresholds")) == 1
    assert words.index(translate(lang, "predict.thresholds")) < words.index(translate(lang, "predict.before"))
    assert words.count("a ✓") == 2 and "b ✓" not in words


@pytest.mark.parametrize("word", ["word0", "word500", "word999"])
def test_an_answer_in_a_long_passage_is_seen_without_scrolling(word: str) -> None:
    start = WORDS.index(word)
    said = Answer(word, start, start + len(word), 0.9, False)
    html = predictions.render_prediction(said, None, "x", "en", ModelInput("where?", WORDS))
    assert f"<mark>{word}</mark>" in html and len(read(html).words) < 1800


@pytest.mark.parametrize(("start", "end"), [(0, 5), (3000, 3007), (len(WORDS) - 7, len(WORDS)), (100, 900)])
def test_the_part_around_a_span_keeps_it_whole_and_cuts_no_word(start: int, end: int) -> None:
    text, marks = around(WORDS, [(start, end, "L", "9%")], (start, end), 240)
    assert [text[a:b] for a, b, *_ in marks] == [WORDS[start:end]] and marks[0][2:] == ("L", "9%")
    assert text.startswith("… ") == (start > 80) and text.endswith(" …") == (end < len(WORDS) - 160)
    assert not text.startswith("… ") or re.match(r"… word\d+ ", text)
    assert not text.endswith(" …") or re.search(r" word\d+ …$", text) or end == 900
    assert around("short", [(0, 5, "", "")], (0, 5), 240) == ("short", [(0, 5, "", "")])
    chinese = "字" * 1000
    cut, there = around(chinese, [(500, 503, "", "")], (500, 503), 240)
    assert cut.count("字") == 240 and len(there) == 1


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nothing_marked_answered_or_chosen_is_said_in_words(lang: str) -> None:
    marks = (Annotation("", 0, 4),)
    for mistake, key in (
        (Mistake(3, "Who?", "Anna", "–", Degree("confidence", 0.9), "Anna Bonn", marks), "no_answer"),
        (Mistake(3, "Anna", "Anna (PER)", "–", Degree("confidence", 0.9), "", (Annotation("PER", 0, 4),)), "no_entity"),
        (Mistake(3, "a text", "a", "–", Degree("confidence", 0.9)), "no_label"),
    ):
        words = translate(lang, f"result.{key}")
        told = translate(lang, "result.mistake", label=mistake.label, predicted=words, sure="90%")
        assert told in read(mistakes.mistake_list([mistake], lang)).words


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_number_that_is_off_is_not_said_to_be_sure_and_a_search_tells_what_came_before(lang: str) -> None:
    mistake = Mistake(3, "one", "0", "4.73", Degree("error", 0.946), "two")
    words = read(mistakes.mistake_list([mistake], lang, "similarity")).words
    sure = translate(lang, "result.mistake", label="0", predicted="4.73", sure="95%")
    assert sure not in words and "95%" in words
    rows = [{"row": 3, "text": "one", "pair": "two", "label": "two", "predicted": "x", "rank": 14,
             "right": False}]  # fmt: skip
    found = read(mistakes.mistake_table(evaluate(rows, ()), lang, "search")).words
    assert found.endswith("13") and "%" not in found
    assert translate(lang, "result.column.confidence_search") in found
    assert "two" in read(mistakes.mistake_table(evaluate(rows, ()), lang)).words  # the second text stands there too


def test_one_mask_is_not_numbered_and_two_are() -> None:
    best = (MaskToken("cat", 7, 0.5), MaskToken("dog", 8, 0.25))
    outputs = (MaskPredictions((best,) * n) for n in (1, 2))
    one, two = (read(predictions.render_prediction(output, None, "x", "en")).words for output in outputs)
    assert "[MASK]" not in one and "cat" in one
    assert "[MASK] 1" in two and "[MASK] 2" in two


def test_an_answer_is_no_label_with_figures_of_its_own() -> None:
    rows = [{"row": 2, "text": "q", "pair": "Anna", "label": "Anna", "predicted": "–", "confidence": 1.0,
             "right": False, "given": [{"label": "", "start": 0, "end": 4}], "said": []}]  # fmt: skip
    assert evaluate(rows, ()).per_label == ()


@pytest.mark.parametrize(
    "values", [[0.083], [0.6931, 0.6918], [0.04, 0.0], [0.02], [12.5, 11.0], [124.68, 1.4], [30522.4, 3.0]]
)
def test_the_ticks_of_a_curve_differ_and_go_below_zero_only_where_values_do(values: list[float]) -> None:
    drawn = charts.curve([("x", "blue", list(enumerate(values)))], "x")
    ticks = re.findall(r'text-anchor="end">(-?[\d.]+)</text>', drawn)[:-1]
    assert len(ticks) >= 2 and len(set(ticks)) == len(ticks) and not any(tick.startswith("-") for tick in ticks)
    assert max(map(len, ticks)) <= 6
    below = charts.curve([("x", "blue", [(0, -0.5), (1, 0.5)])], "x")
    assert ">-0.58<" in below
