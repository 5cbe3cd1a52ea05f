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


def with_macros(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {item.filename: archive.read(item) for item in archive.infolist()}
    return packed({**members, "xl/vbaProject.bin": b"\xd0\xcf\x11\xe0 Sub AutoOpen()"})


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
