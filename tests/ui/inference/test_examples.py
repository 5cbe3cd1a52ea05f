"""The examples of Inference: held-out rows of a run, of different labels; sentences of ours where there is no head."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bertdemo import tasks
from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.runs.held_out import examples
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.ui.inference.examples import Example, Offered, offered
from bertdemo.ui.inference.examples_html import render_examples
from tests.ui.html.test_primitives import HOSTILE, read


@pytest.fixture
def services(settings: Settings) -> Services:
    return Services.create(settings)


def row(text: str, label: str, **more: Any) -> dict[str, object]:
    return {"row": 2, "text": text, "label": label, "predicted": "x", "right": False, "confidence": 0.5, **more}


def test_three_rows_of_different_labels_are_offered_the_short_ones_first() -> None:
    rows = [row("long " * 50, "a"), row("one", "a"), row("two", "a"), row("three", "b"), row("", "c")]
    found = examples(rows, tasks.find("classification"))
    assert [(own.text, own.truth) for own in found] == [("one", "a"), ("three", "b"), ("two", "a")]


def test_a_text_that_may_be_cut_is_not_offered_and_a_second_text_comes_whole() -> None:
    rows = [row("x" * 2000, "a"), row("a question", "an answer", pair="passage " * 100)]
    found = examples(rows, tasks.find("question_answering"))
    assert [(own.text, own.pair, own.truth) for own in found] == [("a question", "passage " * 100, "an answer")]
    assert examples([], tasks.find("pair")) == ()


@pytest.mark.parametrize(
    ("text", "masked", "word"),
    [("the kettle leaks", "the [MASK] leaks", "kettle"), ("灯会", "[MASK]会", "灯"), ("12 - 3", "12 - 3", "")],
)
def test_for_masked_language_modeling_a_word_of_the_text_is_hidden(text: str, masked: str, word: str) -> None:
    (found,) = examples([row(text, "")], tasks.find("fill_mask"))
    assert (found.text, found.truth) == (masked, word)


def test_a_truth_is_known_for_the_texts_of_an_example_alone() -> None:
    offered = Offered((Example("a", "b", "yes"), Example("c", "", "")), held_out=True)
    assert (offered.truth("a", "b"), offered.truth("a", ""), offered.truth("c", "")) == ("yes", None, "")
    assert offered.index("c", "") == 1 and offered.index("d", "") is None


@pytest.mark.parametrize("lang", LANGUAGES)
def test_chips_hold_texts_as_text(lang: str) -> None:
    seen = read(render_examples(Offered((Example(HOSTILE, "", "a"),)), lang))
    assert {"img", "script"}.isdisjoint(seen.tags) and seen.tags.count("button") == 1
    assert render_examples(Offered(), lang) == ""


def test_sentences_are_in_the_language_of_the_page_where_the_checkpoint_reads_it(services: Services) -> None:
    info = services.catalogue.describe("bundled", "")
    english = offered(services, info, "", "en")
    chinese = offered(services, replace(info, can=("chinese",)), "", "zh")
    assert len(english.examples) == len(chinese.examples) == 3 and not english.foreign and not chinese.foreign
    assert all(any("一" <= letter <= "鿿" for letter in own.text + own.pair) for own in chinese.examples)
    told = offered(services, info, "", "zh")  # its vocabulary has hardly any Chinese character
    assert told.examples == english.examples
    assert translate("zh", "predict.examples_english") in render_examples(told, "zh")


def test_a_checkpoint_without_a_run_of_its_own_offers_nothing(services: Services) -> None:
    gone = f"20261128-000000-{0:016x}"
    info = replace(services.catalogue.describe("bundled", ""), task="classification", run=gone)
    assert offered(services, info, "", "en").examples == ()
