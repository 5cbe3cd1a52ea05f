"""What a search marks in a document: the sentence whose vector is nearest to that of the query."""

from __future__ import annotations

import numpy as np
import pytest

from bertdemo.serving.search import Hit, Searcher, SearchResult, sentences_of
from bertdemo.ui.inference.search_html import render_search
from tests.ui.html.test_primitives import HOSTILE, read


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two!  Three?", ["One.", "Two!", "Three?"]),
        ("It costs 3.50 today. “Really?” he said.", ["It costs 3.50 today.", "“Really?”", "he said."]),
        ("灯会办五天。“好看吗？”好看！", ["灯会办五天。", "“好看吗？”", "好看！"]),
        ("a heading\n\na line", ["a heading", "a line"]),
        ("no mark", ["no mark"]),
        ("… !", []),
    ],
)
def test_a_document_is_cut_into_sentences(text: str, sentences: list[str]) -> None:
    assert [text[start:end] for start, end in sentences_of(text)] == sentences


class Vectors:
    """A predictor whose vector of a text says whether the word `kettle` is in it."""

    def unit_vectors(self, texts: list[str], *_: object) -> np.ndarray:
        return np.array([[1.0, 0.0] if "kettle" in text else [0.6, 0.8] for text in texts])


def test_the_sentence_with_the_highest_cosine_is_marked_and_a_single_sentence_is_not() -> None:
    hits = [Hit(1, 1, 0.9, "A tap drips. The kettle leaks. It rains."), Hit(2, 2, 0.5, "The kettle leaks.")]
    searcher = Searcher(Vectors())  # type: ignore[arg-type]
    first, second = searcher._with_sentences(hits, np.array([1.0, 0.0]), "bundled", "")
    assert first.text[slice(*(first.sentence or ()))] == "The kettle leaks." and second.sentence is None


def test_the_mark_is_drawn_in_the_document_which_stays_text() -> None:
    text = f"{HOSTILE} one. And two."
    start = text.index("And")
    result = SearchResult((Hit(1, 3, 0.5, text, (start, len(text))),), (), 1, 0)
    html = render_search(result, "en")
    assert "<mark>And two.</mark>" in html and {"img", "script"}.isdisjoint(read(html).tags)
