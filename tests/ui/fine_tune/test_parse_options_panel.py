"""What the box says of how a file was read, and which lists it offers for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.tables.parse_options import ParseOptions
from bertdemo.ui.fine_tune import parse_options_panel
from bertdemo.ui.fine_tune.dataset_callbacks import DataCallbacks
from bertdemo.ui.fine_tune.dataset_state import Source
from tests.ui.fine_tune.support import choice, tab

LISTS = ("encoding", "delimiter", "quote", "header", "sheet", "split")
CHINESE = "评论,情感\n" + "".join(f"这部电影第{i}遍看还是好,{'好评' if i % 2 else '差评'}\n" for i in range(20))


@pytest.fixture
def data(settings: Settings) -> DataCallbacks:
    return tab(Services.create(settings)).data


def told(data: DataCallbacks, path: Path, lang: str = "en", **options: str) -> dict[str, Any]:
    source = Source(str(path), path.name, options=ParseOptions(**options))
    updates, parts = data.show(choice(lang=lang), source, None), data.parts.data
    lists = {name: updates[box] for name, box in parts.options.options.items()}
    return {"box": updates[parts.reading], "said": updates[parts.options.said], **lists}


def offered(found: dict[str, Any]) -> set[str]:
    return {name for name in LISTS if found[name].get("visible")}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_guessed_encoding_opens_the_box_and_says_that_it_is_a_guess(
    data: DataCallbacks, tmp_path: Path, lang: str
) -> None:
    path = tmp_path / "old.csv"
    path.write_bytes(CHINESE.encode("gb18030"))
    found = told(data, path, lang)
    assert found["box"]["open"]
    guess = translate(lang, "reading.guess", name=translate(lang, "reading.encodings.gb18030"))
    assert guess in found["said"] and translate(lang, "reading.marks.comma") in found["said"]
    assert offered(found) == {"encoding", "delimiter", "quote", "header"}
    corrected = told(data, path, lang, encoding="gb18030")
    assert "open" not in corrected["box"] and guess not in corrected["said"]
    assert corrected["encoding"]["value"] == "gb18030"


def test_an_ordinary_file_keeps_the_box_shut(data: DataCallbacks, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text(CHINESE, encoding="utf-8")
    found = told(data, path)
    assert "open" not in found["box"]
    assert "delimited text · UTF-8 · comma (,) · header in line 1 · 20 rows" in found["said"]


def test_a_workbook_offers_its_sheets(data: DataCallbacks, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for title in ("May", "June"):
        sheet = book.create_sheet(title)
        for row in (("text", "label"), (f"good {title}", "yes"), ("bad film", "no")):
            sheet.append(row)
    book.save(tmp_path / "two.xlsx")
    found = told(data, tmp_path / "two.xlsx")
    assert offered(found) == {"header", "sheet"}
    assert found["sheet"]["choices"] == ["Sheet", "May", "June"] and found["sheet"]["value"] == "May"
    assert "sheet “May” (of 3)" in found["said"]
    june = told(data, tmp_path / "two.xlsx", sheet="June")
    assert june["sheet"]["value"] == "June" and "sheet “June” (of 3)" in june["said"]
    empty = told(data, tmp_path / "two.xlsx", sheet="Sheet")
    assert "choices" not in empty["sheet"]  # the others stay in reach


def test_a_file_of_splits_offers_them(data: DataCallbacks, tmp_path: Path) -> None:
    rows = [{"text": "good film", "label": "yes"}, {"text": "bad film", "label": "no"}]
    (tmp_path / "parts.json").write_text(json.dumps({"train": rows, "test": rows[:1]}), encoding="utf-8")
    found = told(data, tmp_path / "parts.json")
    assert "split" in offered(found) and set(found["split"]["choices"]) >= {"train", "test"}


def test_a_file_that_cannot_be_read_can_be_read_in_another_way(data: DataCallbacks, tmp_path: Path) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(CHINESE, encoding="utf-8")
    found = told(data, path, header="900")
    assert found["said"] == "" and offered(found) >= {"encoding", "header"}


def test_a_sample_of_ours_has_nothing_to_correct(data: DataCallbacks) -> None:
    updates = data.choose_sample(choice(), {"sample": "reviews_en"})
    options = data.parts.data.options
    assert updates[options.said] == "" and not any(updates[box]["visible"] for box in options.options.values())


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", LISTS[:4])
def test_every_choice_has_words_and_is_one_that_the_reader_takes(name: str, lang: str) -> None:
    choices = parse_options_panel._choices(name)(lang)
    assert len({label for label, _ in choices}) == len(choices) > 2
    for _, value in choices[1:]:
        assert getattr(ParseOptions(**{name: value}), name) == value
