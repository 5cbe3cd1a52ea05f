"""The result of a file in the page: rows with their predictions, counts per label, what was empty or cut."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bertdemo.i18n.translation import LANGUAGES, plural, translate
from bertdemo.serving.files import FilePredictions
from bertdemo.ui.inference.file_html import render_file
from tests.ui.html.test_primitives import HOSTILE, read

RESULT = FilePredictions(
    rows=12,
    predicted=10,
    truncated=1,
    columns=("text",),
    added=("prediction", "confidence", "truncated"),
    preview=((2, (HOSTILE,), ("a_b", "0.913000", "yes")), (4, ("fine",), ("c", "0.5", ""))),
    counts=(("a_b", 8), ("c", 2)),
)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_rows_counts_and_what_was_left_out_are_told(lang: str) -> None:
    seen = read(render_file(RESULT, lang))
    for key, count in (("file_done", 10), ("file_empty", 2), ("file_cut", 1), ("file_first", 2)):
        assert plural(lang, f"predict.{key}", count) in seen.words
    assert HOSTILE in seen.words and "91.3%" in seen.words and {"img", "script"}.isdisjoint(seen.tags)
    assert translate(lang, "predict.column.confidence") in seen.words


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_file_without_a_text_is_told_in_its_place(lang: str) -> None:
    html = render_file(replace(RESULT, predicted=0, preview=(), counts=()), lang)
    assert 'role="alert"' in html and "<table" not in html
    assert translate(lang, "predict.file_all_empty", columns="“text”") in read(html).words


def test_only_eight_labels_are_counted_and_the_others_are_named_as_a_number() -> None:
    counts = tuple((f"label {i}", 1) for i in range(20))
    html = render_file(replace(RESULT, counts=counts), "en")
    assert html.count('class="row"') == 8 and plural("en", "predict.more_labels", 12) in read(html).words
