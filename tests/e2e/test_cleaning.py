"""What is wrong with a table is mended by a tick and back without one, on a phone, in both languages."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from bertdemo.dataset.cleaning import CLEANING_STEPS, FEW_ROWS
from tests.e2e.conftest import Visit
from tests.e2e.visitor import Visitor

ROWS = [
    (f"{mood} film number {i}", label)
    for i in range(30)
    for mood, label in (("good", "positive"), ("poor", "negative"))
]
MESSY = [
    *ROWS, ("good film number 3", "positive"), ("a fine one", "Positive"), ("an odd one", "postive"), ("", "negative"),
    ("poor film number 4", "positive"), ("a strange one", "mixed"), ("another strange one", "mixed"),
]  # fmt: skip
COUNTS = {
    "merge_labels": 1, "merge_slips": 1, "drop_missing": 1, "drop_duplicates": 1, "drop_conflicts": 2, "drop_rare": 2,
    "drop_few": 4,
}  # fmt: skip
"""Mend -> rows that it changes or takes away."""


def _words(visitor: Visitor, key: str, count: int) -> str:
    return visitor.say(f"{key}.{'one' if count == 1 else 'other'}", n=str(count), few=FEW_ROWS)


def _press(visitor: Visitor, step: str) -> None:
    visitor.page.click(f"#train-report [data-step={step}]")


def _facts(visitor: Visitor) -> str:
    return "\n".join(visitor.page.locator("#train-report .bd-tile").all_inner_texts())  # without Gradio's progress


@pytest.mark.parametrize(("lang", "rounds"), [("en", 2), ("zh", 1)])
def test_each_tick_mends_and_its_absence_undoes(visit: Visit, tmp_path: Path, lang: str, rounds: int) -> None:
    assert set(COUNTS) == set(CLEANING_STEPS)
    path = tmp_path / "messy.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *MESSY])
    visitor = visit(lang, viewport={"width": 390, "height": 844}).open("train")
    visitor.upload(path)
    page = visitor.page
    page.locator("#train-report [data-step]").nth(len(CLEANING_STEPS) - 1).wait_for()
    before = _facts(visitor)
    for step, count in COUNTS.items():
        done = _words(visitor, f"cleaning.done.{step}", count)
        for _ in range(rounds):  # done, undone, and in English done again
            _press(visitor, step)
            page.locator("#train-report").get_by_text(done).wait_for()
            assert _facts(visitor) != before
            _press(visitor, step)
            page.locator("#train-report").get_by_text(done).wait_for(state="detached")
            assert _facts(visitor) == before
    assert page.evaluate("document.documentElement.scrollWidth") == 390
