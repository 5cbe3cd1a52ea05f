"""Search: an exact ranking, each document once, beside counted words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from bertdemo.checkpoints import Catalogue
from bertdemo.errors import ArgumentWrong, DocumentsMissing, TextMissing, TooManyTexts
from bertdemo.i18n.translation import LANGUAGES, plural
from bertdemo.serving import search
from bertdemo.serving.predictor import Predictor
from bertdemo.serving.search import MOST_DOCUMENTS, Searcher
from bertdemo.settings import Settings
from bertdemo.tasks.bi_encoder import fit_tfidf
from bertdemo.ui.inference.search_html import render_search

pytestmark = pytest.mark.slow

DOCUMENTS = [
    "My parcel has not arrived yet.", "I cannot log in to my account.", "The kettle leaks.", "How do I pay by card?",
    "My parcel has not arrived yet.", "", "   ", "The invoice is wrong.", "Your staff were very kind.",
]  # fmt: skip


@pytest.fixture
def predictor(settings: Settings) -> Iterator[Predictor]:
    yield Predictor(settings, Catalogue(settings))


def test_the_ranking_is_that_of_the_dot_product_with_every_document(predictor: Predictor) -> None:
    found = Searcher(predictor).search("Where is my delivery?", DOCUMENTS, "bundled", "")
    assert (found.documents, found.again) == (6 + 0, 1)
    texts = [text for text in dict.fromkeys(DOCUMENTS) if text.strip()]
    vectors = predictor.unit_vectors(texts, "bundled", "")
    scores = vectors @ predictor.unit_vectors(["Where is my delivery?"], "bundled", "")[0]
    order = np.argsort(-scores)
    assert [hit.text for hit in found.by_meaning] == [texts[at] for at in order]
    assert [hit.score for hit in found.by_meaning] == pytest.approx(sorted(scores.tolist(), reverse=True), abs=1e-6)
    assert found.by_meaning[0].row == 1 and [hit.rank for hit in found.by_meaning] == list(range(1, 7))


def test_the_second_query_reads_no_document_again(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    searcher = Searcher(predictor)
    first = searcher.search("pay", DOCUMENTS, "bundled", "")
    read: list[int] = []
    unit = predictor.unit_vectors
    monkeypatch.setattr(
        predictor, "unit_vectors", lambda texts, *rest: (read.append(len(texts)), unit(texts, *rest))[1]
    )
    assert searcher.search("pay", DOCUMENTS, "bundled", "") == first
    assert sum(read) == 1
    searcher.forget("bundled")
    assert searcher.search("pay", DOCUMENTS, "bundled", "") == first and sum(read) == 2 + 6


def test_a_document_of_a_megabyte_is_searched_and_said_to_be_cut(predictor: Predictor) -> None:
    long = "The parcel went by ship. " * 40_000
    searcher = Searcher(predictor)
    for _ in range(2):  # the second time from what was kept
        found = searcher.search("kettle", [*DOCUMENTS, long, "word " * 400], "bundled", "")
        assert (found.documents, found.cut) == (8, 1)
        assert found.by_meaning[0].text == "The kettle leaks."
    assert searcher.search("kettle", DOCUMENTS, "bundled", "").cut == 0
    for lang in LANGUAGES:
        assert plural(lang, "search.cut", 1) in render_search(found, lang)


def test_what_cannot_be_searched_is_refused(predictor: Predictor) -> None:
    searcher = Searcher(predictor)
    for query, documents, error in (
        (" ", ["a"], TextMissing), ("a", [], DocumentsMissing), ("a", ["", " "], DocumentsMissing),
        ("a", ["b"] * (MOST_DOCUMENTS + 1), TooManyTexts),
    ):  # fmt: skip
        with pytest.raises(error):
            searcher.search(query, documents, "bundled", "")
    with pytest.raises(ArgumentWrong):
        searcher.search("a", ["b"], "bundled", "", 0)
    assert len(searcher.search("x", ["x"], "bundled", "").by_meaning) == 1  # a query of one character


def test_the_words_of_the_same_documents_are_counted_once(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    monkeypatch.setattr(search, "fit_tfidf", lambda texts: (counted.append(len(texts)), fit_tfidf(texts))[1])
    searcher = Searcher(predictor)
    first = searcher.search("pay", DOCUMENTS, "bundled", "")
    assert searcher.search("invoice", DOCUMENTS, "bundled", "").by_words[0].text == "The invoice is wrong."
    assert searcher.search("pay", DOCUMENTS, "bundled", "") == first
    assert counted == [6]
