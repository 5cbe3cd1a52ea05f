"""A file that was read wrongly is corrected in the page, and what trains is what was shown then."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
from playwright.sync_api import expect

from tests.e2e.conftest import Visit
from tests.e2e.files import write_csv
from tests.e2e.server import Server
from tests.e2e.visitor import Visitor

MOODS = ("好评", "差评")
CHINESE = "评论,情感\n" + "".join(f"这部电影第{i}遍看还是很难忘,{MOODS[i % 2]}\n" for i in range(40))


def _choose(visitor: Visitor, name: str, option: str) -> None:
    visitor.page.click(f"#train-reading-{name} input")
    visitor.page.get_by_role("option", name=option, exact=True).click()


def test_a_wrong_guess_of_the_encoding_is_corrected_and_undone(visit: Visit, tmp_path: Path) -> None:
    visitor = visit("en").open("train")
    path = tmp_path / "old.csv"
    path.write_bytes(CHINESE.encode("gb18030"))
    visitor.upload(path)
    said = visitor.page.locator("#train-reading-said")
    guess = visitor.say("reading.guess", name=visitor.say("reading.encodings.gb18030"))
    said.filter(has_text=guess).wait_for()  # the box opens by itself
    visitor.page.locator("#train-cards .bd-file").filter(has_text="评论 → 情感").wait_for()

    _choose(visitor, "encoding", visitor.say("reading.encodings.cp1252"))
    visitor.page.locator("#train-cards .bd-file").filter(has_text="ÆÀÂÛ").wait_for()
    _choose(visitor, "encoding", visitor.say("reading.decide"))
    visitor.page.locator("#train-cards .bd-file").filter(has_text="评论 → 情感").wait_for()


def test_a_table_with_two_labels_asks_which_is_meant_and_trains_on_that(visit: Visit, tmp_path: Path) -> None:
    visitor = visit("zh", viewport={"width": 390, "height": 844}).open("train")
    page = visitor.page
    kinds = ("new", "old"), ("low", "high", "high")
    rows = [(f"film {i} was shown in room {i}", kinds[0][i % 2], kinds[1][i % 3]) for i in range(60)]
    visitor.give("#train-file", write_csv(tmp_path / "two labels.csv", ("notes", "Status", "Priority"), rows))
    visitor.sees("#train-data-refused", "fine_tune.reading_which")
    visitor.sees("#train-chosen", "fine_tune.reason.which_reading")
    expect(page.locator("#train-start")).to_be_disabled()
    assert page.locator("[data-reading]").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    visitor.speak("en").sees("#train-data-refused", "fine_tune.reading_which")  # still asked
    card = page.locator("[data-reading]").filter(has_text="Priority")
    assert "low" in card.inner_text()
    card.click()
    visitor.has_data("two labels.csv")
    page.locator("#train-cards .bd-file").filter(has_text="notes → Priority").wait_for()
    assert page.locator("[data-reading]").count() == 0


def test_the_chosen_sheet_is_the_one_that_trains(visit: Visit, server: Server, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for title, words in (("May", ("good", "bad")), ("June", ("fine", "poor"))):
        sheet = book.create_sheet(title)
        sheet.append(("review", "mood"))
        for number in range(40):
            sheet.append((f"a {words[number % 2]} film {number}", words[number % 2]))
    path = tmp_path / "two.xlsx"
    book.save(path)
    visitor = visit("en").open("train").tiny()
    visitor.upload(path)
    visitor.page.locator("#train-report [data-label=good]").wait_for()
    visitor.unfold("#train-reading")
    _choose(visitor, "sheet", "June")
    visitor.page.locator("#train-report [data-label=fine]").wait_for()
    visitor.set(epochs=1)
    run = visitor.start("finished")
    about = json.loads((server.home / "runs" / run / "run.json").read_text(encoding="utf-8"))
    assert about["request"]["parse"] == {"sheet": "June"}
    rows = (server.home / "runs" / run / "evaluation.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(row)["label"] for row in rows} == {"fine", "poor"}
