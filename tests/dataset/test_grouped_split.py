"""Texts that repeat: whole groups on one side, and the promised shares nevertheless."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from bertdemo.dataset.split import Split, split


def repeated_texts(seed: int, labels: int, *, conflicts: bool) -> tuple[list[str], list[str]]:
    """Return 400 rows over 150 texts of 2 to 20 copies each, and their labels, most of which follow the text."""
    draw = random.Random(seed)
    copies = [2] * 150
    while sum(copies) < 400:
        text = draw.randrange(150)
        copies[text] = min(20, copies[text] + draw.randint(1, min(18, 400 - sum(copies))))
    rows = []
    for text, count in enumerate(copies):
        label = draw.choices(range(labels), [1 / (place + 1) for place in range(labels)])[0]
        rows += [(f"Text {text}", draw.randrange(labels) if conflicts and draw.random() < 0.2 else label)] * count
    draw.shuffle(rows)
    return [text for text, _ in rows], [str(label) for _, label in rows]


def both_sides(parts: Split, texts: list[str]) -> set[str]:
    held_out = {texts[row] for row in (*parts.validation, *parts.test)}
    return held_out & {texts[row] for row in parts.train}


def test_repeated_texts_leave_a_fifth_for_validation_with_the_labels_in_their_shares() -> None:
    wrong = []
    for seed in range(20):
        for labels in (1, 2, 3, 6):
            for conflicts in (False, True):
                texts, given = repeated_texts(seed, labels, conflicts=conflicts)
                parts = split(given, texts=texts)
                assert sorted(parts.train + parts.validation) == list(range(400))
                shares, own = Counter(given), Counter(given[row] for row in parts.validation)
                rows = len(parts.validation) / 400
                away = max(abs(own[label] / len(parts.validation) - shares[label] / 400) for label in shares)
                if both_sides(parts, texts) or abs(rows - 0.2) > 0.03 or away > 0.08:
                    wrong.append((seed, labels, conflicts, rows, away))
    assert not wrong


def test_the_same_rows_for_the_same_seed_and_other_rows_for_another() -> None:
    texts, given = repeated_texts(3, 3, conflicts=True)
    assert split(given, texts=texts, seed=42) == split(given, texts=texts) != split(given, texts=texts, seed=7)


def test_upper_case_and_spaces_do_not_make_another_text() -> None:
    texts = [f"Text  {row % 400}" if row % 3 else f"text {row % 400} " for row in range(1200)]
    parts = split(["a", "b"] * 600, texts=texts)
    assert parts.copies == 1200 and not both_sides(parts, [" ".join(text.lower().split()) for text in texts])
    assert parts.sizes() == {"train": 960, "validation": 120, "test": 120}


def test_a_million_rows_keep_their_shares_to_a_row_per_stratum() -> None:
    generator = np.random.default_rng(0)
    keys = generator.integers(0, 900_000, 1_000_000)
    given = [f"label {code}" for code in generator.integers(0, 77, 1_000_000)]
    parts = split(given, keys=keys)
    part_of = np.zeros(1_000_000, dtype=np.int64)
    part_of[list(parts.validation)], part_of[list(parts.test)] = 1, 2
    lowest, highest = np.full(900_000, 9), np.zeros(900_000, dtype=np.int64)
    np.minimum.at(lowest, keys, part_of)
    np.maximum.at(highest, keys, part_of)
    assert (lowest >= highest).sum() >= len(np.unique(keys)) and not ((lowest < highest) & (lowest < 9)).any()
    assert abs(len(parts.validation) - 100_000) < 100 and abs(len(parts.test) - 100_000) < 100
    own, shares = Counter(given[row] for row in parts.validation), Counter(given)
    assert all(abs(own[label] - shares[label] / 10) < 60 for label in shares)


@pytest.mark.parametrize(
    ("given", "texts", "sizes"),
    [
        (["a"] * 3, ["x"] * 3, (3, 0)),  # one text: nothing can be held out of it
        (["a", "b"] * 20, ["x"] * 40, (40, 0)),
        (["a", "b", "a", "b"], ["x", "x", "y", "z"], (3, 1)),
        (["a", "b"], ["x", "x"], (2, 0)),
        ([""] * 10, ["x"] * 5 + ["y"] * 5, (5, 5)),  # no strata; two groups: a run has to be judged
        ([""] * 9 + ["z"], ["x"] * 8 + ["y", "z"], (9, 1)),
        (list("aabbccdd"), list("11223344"), (6, 2)),  # every label is one group
    ],
)
def test_few_rows_and_few_texts(given: list[str], texts: list[str], sizes: tuple[int, int]) -> None:
    parts = split(given, texts=texts)
    assert (len(parts.train), len(parts.validation)) == sizes and not both_sides(parts, texts)


def test_a_label_of_one_text_trains() -> None:
    given = ["a"] * 30 + ["b"] * 30 + ["c"] * 4
    texts = [f"a {row // 2}" for row in range(30)] + [f"b {row // 2}" for row in range(30)] + ["c"] * 4
    for seed in range(20):
        assert "c" in {given[row] for row in split(given, texts=texts, seed=seed).train}
