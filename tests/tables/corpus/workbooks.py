"""Workbooks as people keep them."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from typing import Any

import openpyxl

from bertdemo import errors
from bertdemo.tables.table_files import ParseOptions
from tests.tables.corpus.case import Case, packed

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
TABLE: list[list[Any]] = [["text", "label"], ["good", "pos"], ["bad", "neg"]]
PLAIN = {"text": ("good", "bad"), "label": ("pos", "neg")}


def book(sheets: dict[str, list[list[Any]]]) -> bytes:
    made = openpyxl.Workbook()
    made.remove(made.active)  # type: ignore[arg-type]
    for title, rows in sheets.items():
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def merged(rows: list[list[Any]], *ranges: str) -> bytes:
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for area in ranges:
        sheet.merge_cells(area)
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def hidden(sheets: dict[str, list[list[Any]]], *titles: str, state: str = "hidden") -> bytes:
    made = openpyxl.load_workbook(io.BytesIO(book(sheets)))
    for title in titles:
        made[title].sheet_state = state
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def with_macros(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {item.filename: archive.read(item) for item in archive.infolist()}
    return packed({**members, "xl/vbaProject.bin": b"\xd0\xcf\x11\xe0 Sub AutoOpen()"})


LETTERS = [f"letter {i} came late and was wet" for i in range(6)]
MOODS = ("calm", None, None, "tense", None, None)
FILLED = ("calm",) * 3 + ("tense",) * 3
GUESTS = [["Ada", "Oslo", letter, mood] for letter, mood in zip(LETTERS, ("calm", "tense") * 3, strict=True)]
NAMED = {"Who": ("Ada",) * 6, "Town": ("Oslo",) * 6, "Words": tuple(LETTERS), "Mood": ("calm", "tense") * 3}
LISTS: list[list[Any]] = [["code", "name"], *([i, f"value {i}"] for i in range(5))]

TWO = book({"notes": [["about", "this", "file"], ["a", "b", "c"]], "data": TABLE})

WORKBOOKS = (
    Case("one sheet", "a.xlsx", book({"data": TABLE}), PLAIN, numbers=(2, 3),
         detected={"kind": "xlsx", "sheet": "data"}),
    Case("an empty sheet first", "a.xlsx", book({"empty": [], "data": TABLE}), PLAIN,
         notes={"sheet": {"sheet": "data", "sheets": 2}}, detected={"sheets": ("empty", "data")}),
    Case("the second sheet, by hand", "a.xlsx", TWO, PLAIN, options=ParseOptions(sheet="data"),
         detected={"sheet": "data"}),
    Case("a sheet that is not there", "a.xlsx", TWO, error=errors.SheetUnknown,
         values={"sheet": "x", "sheets": "notes, data"}, options=ParseOptions(sheet="x")),
    Case("titles above the header", "a.xlsx",
         book({"data": [["Customer survey"], ["exported 2026-11-23"], [], ["text", "label", "n"], ["good", "pos", 1],
                        ["bad", "neg", 2], ["ok", "pos", 3]]}),
         {"text": ("good", "bad", "ok"), "label": ("pos", "neg", "pos"), "n": ("1", "2", "3")}, numbers=(5, 6, 7),
         notes={"above_header": {"count": 2, "lines": "1, 2"}}, detected={"header_line": 4}),
    Case("a title above two columns", "a.xlsx", book({"data": [["Survey"], *TABLE, ["fine", "pos"]]}),
         {"text": ("good", "bad", "fine"), "label": ("pos", "neg", "pos")}, notes={"above_header": None}),
    Case("numbers, dates and truths", "a.xlsx",
         book({"data": [["t", "n", "d", "f"], ["x", 5.0, date(2026, 11, 23), True],
                        ["y", 0.1 + 0.2, datetime(2026, 1, 2, 3, 4, 5), False]]}),
         {"t": ("x", "y"), "n": ("5", "0.3"), "d": ("2026-11-23", "2026-01-02T03:04:05"), "f": ("TRUE", "FALSE")}),
    Case("a label merged down its rows", "a.xlsx",
         merged([["Mood", "Words"], *map(list, zip(MOODS, LETTERS, strict=True))], "A2:A4", "A5:A7"),
         {"Mood": FILLED, "Words": tuple(LETTERS)}, notes={"merged_cells": {"count": 4, "lines": "3, 4, 6, 7"}}),
    Case("a label merged down its rows, in the last column", "a.xlsx",
         merged([["Words", "n", "Mood"], *([w, i, m] for i, (w, m) in enumerate(zip(LETTERS, MOODS, strict=True)))],
                "C2:C4", "C5:C7"),
         {"Words": tuple(LETTERS), "n": tuple("012345"), "Mood": FILLED}, notes={"merged_cells": None}),
    Case("a label merged beyond the table", "a.xlsx",
         merged([["类别", "内容"], ["投诉", "很慢"], [None, "很贵"], [None, None]], "A2:A9"),
         {"类别": ("投诉", "投诉"), "内容": ("很慢", "很贵")},
         notes={"merged_cells": {"count": 1, "lines": "3"}, "blank_rows": None}),
    Case("a label that is empty and not merged", "a.xlsx",
         book({"data": [["Mood", "Words"], *map(list, zip(MOODS, LETTERS, strict=True))]}),
         {"Mood": MOODS, "Words": tuple(LETTERS)}),
    Case("groups merged above names", "a.xlsx",
         merged([["Guest", None, "Stay", None], ["Who", "Town", "Words", "Mood"], *GUESTS], "A1:B1", "C1:D1"), NAMED,
         notes={"above_header": {"count": 1, "lines": "1"}}, detected={"header_line": 2}),
    Case("one group merged above names, the others merged down", "a.xlsx",
         merged([["Who", "Town", "Stay", None], [None, None, "Words", "Mood"], *GUESTS], "A1:A2", "B1:B2", "C1:D1"),
         NAMED, notes={"above_header": None}, detected={"header_line": 2}),
    Case("groups merged above names that come again", "a.xlsx",
         merged([["", "First", None, "Second", None], ["Who", "Words", "Mood", "Words", "Mood"],
                 *(["Ada", w, "calm", f"{w} too", "tense"] for w in LETTERS)], "B1:C1", "D1:E1"),
         ("Who", "First Words", "First Mood", "Second Words", "Second Mood"), rows=6, notes={"above_header": None}),
    Case("a title merged above the header, and groups below it", "a.xlsx",
         merged([["Guests of November", None, None, None], ["Guest", None, "Stay", None],
                 ["Who", "Town", "Words", "Mood"], *GUESTS], "A1:D1", "A2:B2", "C2:D2"), NAMED,
         notes={"above_header": {"count": 2, "lines": "1, 2"}}, detected={"header_line": 3}),
    Case("a name merged above two columns of data", "a.xlsx",
         merged([["Who", "Town", "Words", None], *GUESTS], "C1:D1"),
         {"Who": ("Ada",) * 6, "Town": ("Oslo",) * 6, "Words": tuple(LETTERS), "column 4": ("calm", "tense") * 3},
         notes={"header_unnamed": None}, detected={"header_line": 1}),
    Case("texts merged across columns below their name", "a.xlsx",
         merged([["Words", None, "Mood"], ["came late", None, "calm"], ["was wet", None, "torn"]],
                "A1:B1", "A2:B2", "A3:B3"),
         {"Words": ("came late", "was wet"), "column 2": (None, None), "Mood": ("calm", "torn")},
         notes={"header_unnamed": None}, detected={"header_line": 1}),
    Case("a hidden sheet first", "a.xlsx", hidden({"lists": LISTS, "data": TABLE}, "lists"), PLAIN,
         notes={"sheet": {"sheet": "data", "sheets": 2}, "hidden_sheets": {"count": 1, "sheets": "lists"}},
         detected={"sheet": "data", "sheets": ("lists", "data")}),
    Case("a very hidden sheet first, a cover after it", "a.xlsx",
         hidden({"隐藏": LISTS, "cover": [["about"]], "data": TABLE}, "隐藏", state="veryHidden"), PLAIN,
         notes={"sheet": {"sheet": "data", "sheets": 3}, "hidden_sheets": {"count": 1, "sheets": "隐藏"}}),
    Case("only a hidden sheet has a table", "a.xlsx", hidden({"cover": [["about"]], "data": TABLE}, "data"), PLAIN,
         notes={"sheet": None, "hidden_sheet_read": {"sheet": "data"}}),
    Case("a hidden sheet, by hand", "a.xlsx", hidden({"lists": LISTS, "data": TABLE}, "lists"), ("code", "name"),
         rows=5, options=ParseOptions(sheet="lists")),
    Case("a last column of a sheet without a name", "a.xlsx",
         book({"data": [["text"], ["good", "pos"], ["bad", "neg"]]}),
         {"text": ("good", "bad"), "column 2": ("pos", "neg")}, notes={"header_unnamed": None}),
    Case("remarks beside the table", "a.xlsx",
         book({"data": [["text", "label"], ["good", "pos"], ["bad", "neg", None, "ask Ada"], ["fine", "pos"]]}),
         {"text": ("good", "bad", "fine"), "label": ("pos", "neg", "pos"), "column 3": (None,) * 3,
          "column 4": (None, "ask Ada", None)}, notes={"header_unnamed": None}),
    Case("remarks beside the table, far below", "a.xlsx",
         book({"data": [["text", "label"], *([f"letter {i}", "pos"] for i in range(1200)), ["bad", "neg", "ask Ada"]]}),
         ("text", "label"), rows=1201, notes={"cells_beside": {"count": 1, "lines": "1202"}}),
    Case("a row of totals in a sheet", "a.xlsx",
         book({"data": [["text", "stars"], ["good", 5], ["bad", 1], ["Total:", 6]]}),
         {"text": ("good", "bad"), "stars": ("5", "1")}, notes={"totals_rows": {"count": 1, "lines": "4"}}),
    Case("formulas that were never calculated", "a.xlsx",
         book({"data": [["text", "n", "label"], ["good", 1, '=IF(B2>0,"pos","neg")'], ["bad", 0, "=B3"]]}),
         {"text": ("good", "bad"), "n": ("1", "0"), "label": (None, None)}, notes={"uncalculated": {"count": 2}}),
    Case("macros", "a.xlsm", with_macros(book({"data": TABLE})), PLAIN, notes={"macros_ignored": {}}),
    Case("macros under the wrong ending", "a.xlsx", with_macros(book({"data": TABLE})), PLAIN,
         notes={"macros_ignored": {}}),
    Case("a password", "a.xlsx", OLE + "EncryptedPackage".encode("utf-16-le") + bytes(400),
         error=errors.WorkbookEncrypted),
    Case("Excel of 2003", "a.xls", OLE + "Workbook".encode("utf-16-le") + bytes(400), error=errors.WorkbookOld),
    Case("Excel of 2003 called csv", "a.csv", OLE + bytes(400), error=errors.WorkbookOld),
    Case("a workbook called csv", "a.csv", book({"data": TABLE}), PLAIN,
         notes={"other_kind": {"ending": ".csv", "kind": ".xlsx"}}),
    Case("a csv called xlsx", "a.xlsx", b"text,label\ngood,pos\n", error=errors.FileBroken, values={"kind": "XLSX"}),
    Case("a workbook with nothing in it", "a.xlsx", book({"data": []}), error=errors.FileEmpty),
    Case("a zip that is no workbook", "a.xlsx", packed({"a.txt": b"x"}), error=errors.FileBroken),
    Case("a workbook that unpacks a thousandfold", "a.xlsx", packed({"xl/worksheets/sheet1.xml": b" " * 3_000_000}),
         error=errors.UnpacksTooFar),
)  # fmt: skip
