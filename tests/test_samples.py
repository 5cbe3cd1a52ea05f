"""The bundled data sets: enough of each, nothing twice, and their columns are found without help."""

from __future__ import annotations

from collections import Counter

import pytest

from bertdemo.data.columns import detect
from bertdemo.data.samples import SAMPLES, Sample, offered, sample_path
from bertdemo.data.tables import read
from bertdemo.settings import PUBLIC_LIMITS

WANTED = {"support_en": 300, "reviews_en": 240, "reviews_zh": 240}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_a_sample_reads_without_a_note_and_its_columns_are_found(sample: Sample) -> None:
    table = read(sample_path(sample.id), sample.file, PUBLIC_LIMITS)
    assert table.notes == ()
    assert detect(table) == {"text": sample.text, "label": sample.label}
    assert tuple(table.columns) == (sample.text, sample.label)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_a_sample_has_enough_rows_of_every_label_and_none_twice(sample: Sample) -> None:
    table = read(sample_path(sample.id), sample.file, PUBLIC_LIMITS)
    texts = ["".join(str(text).split()).casefold() for text in table.columns[sample.text]]
    counts = Counter(table.columns[sample.label])
    assert table.rows >= WANTED[sample.id] and len(set(texts)) == table.rows
    assert set(counts) == set(sample.labels)
    assert max(counts.values()) <= 1.2 * min(counts.values())


def test_there_is_one_sample_for_each_promise() -> None:
    assert {sample.id for sample in SAMPLES} == set(WANTED)
    assert len(next(sample for sample in SAMPLES if sample.id == "support_en").labels) == 6


@pytest.mark.parametrize(
    ("language", "chinese_model", "first"),
    [("en", True, "en"), ("en", False, "en"), ("zh", True, "zh"), ("zh", False, "en")],
)
def test_samples_in_the_readers_language_come_first_where_a_model_reads_it(
    language: str, chinese_model: bool, first: str
) -> None:
    found = offered(language, chinese_model=chinese_model)
    assert sorted(sample.id for sample in found) == sorted(WANTED)
    languages = [sample.language for sample in found]
    assert languages == sorted(languages, key=lambda name: name != first)
