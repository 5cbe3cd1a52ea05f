"""A person looks for wrong labels, reads, ticks, has them changed, sees it everywhere, and takes it back."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator

from tests.e2e.conftest import Visit
from tests.e2e.files import write_csv
from tests.e2e.visitor import Visitor

THINGS = (
    "film",
    "book",
    "play",
    "song",
    "game",
    "meal",
    "trip",
    "room",
    "show",
    "tale",
    "walk",
    "park",
    "dish",
    "tour",
)
WRONG = {2: "no", 9: "yes", 14: "no"}
"""Row number in the file -> what it says there, and should not."""


def _write(path: Path, wrong: dict[int, str]) -> Path:
    rows: list[tuple[str, str]] = []
    for thing in THINGS:
        for words, label in (("a wonderful {}, I loved it", "yes"), ("an awful {}, I hated it", "no")):
            rows.append((words.format(thing), wrong.get(len(rows) + 2, label)))
    return write_csv(path, ("text", "label"), rows)


def _boxes(visitor: Visitor) -> Locator:
    return visitor.page.locator("#train-suspects input[data-row]")


def _rows(visitor: Visitor, wanted: set[int]) -> None:
    """Wait until the list has exactly these rows."""
    visitor.page.wait_for_function(
        """wanted => JSON.stringify([...document.querySelectorAll('#train-suspects input[data-row]')]
        .map((box) => Number(box.dataset.row)).sort((a, b) => a - b)) === JSON.stringify(wanted)""",
        arg=sorted(wanted),
    )


def _bars(visitor: Visitor, **counts: int) -> None:
    """Wait until the report says so many rows a label."""
    for label, count in counts.items():
        row = visitor.page.locator(f"#train-report [data-label={label}] .n")
        row.filter(has_text=re.compile(rf"^{count}$")).wait_for(state="attached")


@pytest.mark.parametrize(("lang", "width"), [("en", 1280), ("zh", 390)])
def test_wrong_labels_are_looked_for_changed_and_taken_back(
    visit: Visit, tmp_path: Path, lang: str, width: int
) -> None:
    visitor = visit(lang, viewport={"width": width, "height": 844}).open("train")
    page = visitor.page
    assert not page.locator("#train-suspects-go").is_visible()
    visitor.upload(_write(tmp_path / "reviews.csv", WRONG))
    _bars(visitor, yes=13, no=15)
    page.click("#train-suspects-go")
    _rows(visitor, set(WRONG))
    visitor.sees("#train-suspects", "suspects.found.other", n=3, rows=28)
    page.click("#train-suspects-take")
    visitor.sees("#train-suspects-told", "suspects.tick_first")

    page.locator("#train-suspects [data-row='2']").focus()
    page.keyboard.press("Space")
    visitor.sees("#train-suspects .bd-ticking", "suspects.ticked", n=1, shown=3)
    page.click("#train-suspects-take")
    _rows(visitor, {9, 14})
    _bars(visitor, yes=14, no=14)
    visitor.sees("#train-suspects-told", "suspects.changed.one", n=1)
    assert page.locator("#train-suspects input:checked").count() == 0

    page.click("#train-suspects [data-tick=all]")
    visitor.sees("#train-suspects .bd-ticking", "suspects.ticked", n=2, shown=2)
    page.click("#train-suspects [data-tick=none]")
    visitor.sees("#train-suspects .bd-ticking", "suspects.ticked", n=0, shown=2)
    page.locator("#train-suspects [data-row='9']").check()
    page.click("#train-suspects-drop")
    _rows(visitor, {14})
    _bars(visitor, yes=13, no=14)
    said = visitor.sees("#train-suspects-told", "suspects.left_out.one", n=1)
    assert "2, 9" in said
    assert page.evaluate("document.documentElement.scrollWidth") == width

    with page.expect_download() as download:
        page.click("#train-suspects-export")
    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as file:
        assert {int(row["row"]): row["given_label"] for row in csv.DictReader(file)} == WRONG

    page.click("#train-suspects-undo")
    _rows(visitor, set(WRONG))
    _bars(visitor, yes=13, no=15)
    page.locator("#train-suspects-undo").wait_for(state="hidden")
    assert page.locator("#train-suspects-told").inner_text().strip() == ""


def test_what_was_changed_trains_and_stands_with_the_run(visit: Visit, tmp_path: Path) -> None:
    visitor = visit("en").open("train").tiny()
    page = visitor.page
    visitor.upload(_write(tmp_path / "again.csv", WRONG))
    visitor.set(epochs=1)
    page.click("#train-suspects-go")
    _boxes(visitor).first.wait_for()
    count = _boxes(visitor).count()
    page.click("#train-suspects [data-tick=all]")
    page.click("#train-suspects-drop")
    page.locator("#train-suspects .bd-state.empty").wait_for()
    visitor.start("finished")
    page.click("#train-open")
    page.click("#runs-tab-data-button")
    visitor.sees("#runs-data", f"suspects.left_out.{'one' if count == 1 else 'other'}", n=count)


def test_another_file_takes_the_list_and_the_changes_away_and_a_clean_one_says_so(visit: Visit, tmp_path: Path) -> None:
    visitor = visit("en").open("train")
    page = visitor.page
    visitor.upload(_write(tmp_path / "wrong.csv", WRONG))
    page.click("#train-suspects-go")
    _boxes(visitor).first.check()
    page.click("#train-suspects-take")
    page.locator("#train-suspects-undo").wait_for()
    visitor.speak("zh")
    visitor.sees("#train-suspects", "suspects.read")
    visitor.sees("#train-suspects-told", "suspects.changed.one", n=1)
    visitor.speak("en")
    visitor.upload(_write(tmp_path / "right.csv", {}))
    page.locator("#train-suspects .bd-suspects").wait_for(state="detached")
    page.locator("#train-suspects-undo").wait_for(state="hidden")
    page.click("#train-suspects-go")
    visitor.sees("#train-suspects", "suspects.none.other", n=28)
    assert not page.locator("#train-suspects-do").is_visible()
    visitor.unfold("#train-reading")
    visitor.choose("#train-label", "text")
    visitor.sees("#train-data-refused [role=alert]", "error.column_twice")
    page.locator("#train-suspects-go").wait_for(state="hidden")
