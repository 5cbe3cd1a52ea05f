"""What is wrong with a table is mended by a tick and back without one, on a phone, in both languages."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.e2e.conftest import Visit
from tests.e2e.visitor import Visitor

ROWS = [(f"{mood} film number {i}", label) for i in range(30) for mood, label in (("good", "yes"), ("poor", "no"))]
MESSY = [*ROWS, ("good film number 3", "yes"), ("a fine one", "Yes"), ("", "no")]


def _tick(visitor: Visitor, mend: str) -> None:
    visitor.page.locator("#train-mends label").filter(has_text=visitor.say(f"mend.{mend}.one", n="1")).click()


def _facts(visitor: Visitor) -> str:
    return visitor.page.locator("#train-report").inner_text()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_each_tick_mends_and_its_absence_undoes(visit: Visit, tmp_path: Path, lang: str) -> None:
    path = tmp_path / "messy.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *MESSY])
    visitor = visit(lang, viewport={"width": 390, "height": 844}).open("train")
    visitor.upload(path)
    page = visitor.page
    page.locator("#train-mends label").nth(2).wait_for()
    before = _facts(visitor)
    for mend in ("merge_labels", "drop_missing", "drop_duplicates"):
        done = visitor.say(f"mend.done.{mend}.one", n="1")
        for _ in range(2):  # done, undone, and done again
            _tick(visitor, mend)
            page.locator("#train-mended").get_by_text(done).wait_for()
            assert _facts(visitor) != before
            _tick(visitor, mend)
            page.locator("#train-mended").get_by_text(done).wait_for(state="detached")
            assert _facts(visitor) == before
    assert page.evaluate("document.documentElement.scrollWidth") == 390
