"""How rows are divided: the promised shares, every label in training, the same for the same seed."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from bertdemo.dataset.split import split


def labels(**counts: int) -> list[str]:
    made = [name for name, count in counts.items() for _ in range(count)]
    random.Random(3).shuffle(made)
    return made


@pytest.mark.parametrize(
    ("rows", "validation_file", "test_file", "sizes"),
    [
        (1000, False, False, (800, 100, 100)),
        (10_003, False, False, (8003, 1000, 1000)),
        (999, False, False, (799, 200, 0)),
        (100, False, False, (80, 20, 0)),
        (4, False, False, (3, 1, 0)),
        (1000, True, False, (1000, 0, 0)),
        (1000, True, True, (1000, 0, 0)),
        (100, True, False, (100, 0, 0)),
        (1000, False, True, (900, 100, 0)),
        (100, False, True, (80, 20, 0)),
        (1, False, False, (1, 0, 0)),
        (0, False, False, (0, 0, 0)),
    ],
)
def test_the_parts_have_the_promised_sizes(
    rows: int, validation_file: bool, test_file: bool, sizes: tuple[int, int, int]
) -> None:
    given = labels(a=rows - rows // 2, b=rows // 2)
    parts = split(given, seed=1, validation_file=validation_file, test_file=test_file)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == sizes
    assert sorted(parts.train + parts.validation + parts.test) == list(range(rows))


def test_every_part_has_the_labels_in_the_same_shares() -> None:
    given = labels(a=700, b=200, c=100)
    parts = split(given, seed=9)
    assert Counter(given[i] for i in parts.validation) == {"a": 70, "b": 20, "c": 10}
    assert Counter(given[i] for i in parts.test) == {"a": 70, "b": 20, "c": 10}


def test_the_seed_decides_and_nothing_else() -> None:
    given = labels(a=60, b=40)
    assert split(given, seed=4) == split(given, seed=4)
    assert split(given, seed=4) != split(given, seed=5)


@pytest.mark.parametrize("seed", range(5))
def test_a_rare_label_is_always_in_training(seed: int) -> None:
    given = labels(a=30, b=2, c=1)
    parts = split(given, seed=seed)
    assert {given[i] for i in parts.train} == {"a", "b", "c"}


def test_many_small_labels_still_fill_the_validation_part() -> None:
    given = labels(**{f"label{i}": 3 for i in range(77)})
    parts = split(given, seed=0)
    assert len(parts.validation) == round(77 * 3 * 0.2)


def test_labels_that_are_all_alone_still_leave_something_to_validate() -> None:
    parts = split(list("abcdef"), seed=0)
    assert (len(parts.train), len(parts.validation)) == (5, 1)


def test_texts_that_are_all_different_change_nothing() -> None:
    labels = ["a", "b"] * 600
    assert split(labels, seed=1, texts=[str(row) for row in range(1200)]) == split(labels, seed=1)


_DIVIDED = """
from bertdemo.dataset.split import split
texts = [f"text {row % 150}" for row in range(400)]
print(split([str(row % 3) for row in range(400)], texts=texts))
"""

ROOT = Path(__file__).resolve().parents[2]


def test_copies_are_divided_alike_in_every_process() -> None:
    # Python's hash of a text differs from process to process: a server that starts again must give the same rows.
    answers = {
        subprocess.run(
            [sys.executable, "-c", _DIVIDED], env={**os.environ, "PYTHONHASHSEED": seed}, cwd=ROOT,
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(answers) == 1 and "copies=400" in answers.pop()
