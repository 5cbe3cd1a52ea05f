"""A sample says how large it is, what it is for and where it comes from, before anybody presses it."""

from __future__ import annotations

import pytest

from bertdemo import samples
from bertdemo.i18n.translation import LANGUAGES, plural, translate
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.ui.fine_tune.html.samples import render_samples
from bertdemo.ui.fine_tune.sample_cards import sample_cards
from tests.ui.html.test_primitives import read

LABELS = {
    "support_en": 6, "reviews_en": 2, "topics_en": 6, "pairs_en": 2, "entities_en": 3, "entities_zh": 3,
    "similarity_en": 0, "questions_en": 0, "rewrite_en": 0,
}  # fmt: skip
"""Sample -> labels, topics or types of entity that its card counts; 0 where there are none."""


@pytest.fixture
def services(settings: Settings) -> Services:
    settings.apply()
    return Services.create(settings)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_cards_say_size_task_and_once_the_source(services: Services, lang: str) -> None:
    cards = sample_cards(services, lang)
    words = read(render_samples(cards, lang)).words
    assert words.count(translate(lang, "fine_tune.samples.source")) == 1
    assert {card.id for card in cards} == {sample.id for sample in samples.all_samples()}
    for card in cards:
        assert plural(lang, "data.rows", card.rows) in words
        assert translate(lang, f"task.{card.task}") in words
        assert not card.labels or plural(lang, "data.labels", card.labels) in words


def test_a_card_counts_labels_also_where_a_cell_holds_several(services: Services) -> None:
    counted = {card.id: card.labels for card in sample_cards(services, "en")}
    assert {id: counted[id] for id in LABELS} == LABELS
