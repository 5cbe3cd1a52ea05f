"""Heads of other kinds as pictures: named, with a chance for each label, or as a number; maps of many rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bertdemo.anatomy.compare import ClassMap
from bertdemo.i18n.translation import LANGUAGES
from bertdemo.ui.inside.html import change, head
from tests.ui.html.test_primitives import read
from tests.ui.inside.test_html import STEP, said, seen_by


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_head_of_another_kind_is_named_and_not_said_to_be_missing(lang: str) -> None:
    seen = seen_by(labels=("A", "B"), trained=False)
    none = said(head.render_head(seen, lang))
    for other in ("BertForTokenClassification", "BertForQuestionAnswering", "BertForMultipleChoice",
                  "BertForNextSentencePrediction", "BertForSomething", "?"):  # fmt: skip
        words = said(head.render_head(seen, lang, other))
        assert (other in words) or other == "?"
        assert {"en": "own head is", "zh": "自带的是"}[lang] in words
        assert {"en": "untrained", "zh": "未经训练"}[lang] in words and "50.0%" in words
    assert {"en": "Untrained head", "zh": "未训练的任务头"}[lang] in none


def test_a_head_of_several_labels_has_a_chance_for_each_and_writes_its_loss_out() -> None:
    seen = replace(seen_by(labels=("a", "b", "c")), logits=(0.0, 2.0, -2.0), problem="multi_label_classification")
    words = said(head.render_head(seen, "en"))
    assert "b 2.000 88.1% a 0.000 50.0% c -2.000 11.9%" in words
    assert "need not sum to 1" in words and "exp(logit)" not in words
    step = replace(STEP, labels=("a", "b"), logits=(0.5, 1.5), probabilities=(0.6225, 0.8176), loss=1.0878,
                   problem="multi_label_classification")  # fmt: skip
    words = said(head.render_step(step, "en"))
    assert "p(a) = 1 / (1 + exp(−(0.500))) = 0.6225" in words
    assert "loss = −(log 0.6225 + log(1 − 0.8176)) / 2 = 1.0878" in words
    assert "“a” has target 1" in words


def test_300_rows_before_and_after_are_few_elements() -> None:
    there = tuple((float(i % 23), float(i % 19)) for i in range(300))
    labels = tuple(f"label {i % 9}" for i in range(300))
    many = change.render_class_map(ClassMap(there, there, labels, (0.3, 0.2)), "en")
    assert len(read(many).tags) <= 150 and "data-name" not in many
    few = change.render_class_map(ClassMap(there[:128], there[:128], labels[:128], (0.3, 0.2)), "en")
    assert few.count("data-name") == 2 * 128


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_regression_is_a_number_without_softmax(lang: str) -> None:
    seen = replace(seen_by(labels=("stars",)), logits=(3.25,), problem="regression")
    html = head.render_head(seen, lang)
    assert "stars 3.2500" in said(html) and "%" not in said(html)
    assert {"en": "squared error", "zh": "均方误差"}[lang] in said(head.render_no_step(lang))
