"""Files as people have them: every awkward one is read, or refused with its line and column."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertdemo import errors
from bertdemo.settings import Limits
from bertdemo.tables.formats.workbooks import sheets
from bertdemo.tables.table import Table
from bertdemo.tables.table_files import read

LIMITS = Limits(file_bytes=1_000_000, unpacked_bytes=5_000_000, rows=1000, columns=20, cell_chars=5000)


def load(folder: Path, content: bytes | str, name: str = "data.csv", limits: Limits = LIMITS) -> Table:
    path = folder / "upload"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read(path, name, limits)


def workbook(sheets: dict[str, list[list[Any]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def parquet(columns: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def notes(table: Table) -> dict[str, dict[str, str | int]]:
    return {note.code: dict(note.values) for note in table.notes}


PLAIN = {"text": ("good", "bad"), "label": ("pos", "neg")}


@pytest.mark.parametrize(
    ("content", "columns", "numbers"),
    [
        ("text,label\ngood,pos\nbad,neg\n", PLAIN, (2, 3)),
        ("text,label\ngood,pos\nbad,neg", PLAIN, (2, 3)),
        ("text,label\r\ngood,pos\r\nbad,neg\r\n", PLAIN, (2, 3)),
        ("text,label\rgood,pos\rbad,neg\r", PLAIN, (2, 3)),
        ("\ufefftext,label\ngood,pos\nbad,neg\n", PLAIN, (2, 3)),
        ("text;label\ngood;pos\nbad;neg\n", PLAIN, (2, 3)),
        ("text\tlabel\ngood\tpos\nbad\tneg\n", PLAIN, (2, 3)),
        ("text|label\ngood|pos\nbad|neg\n", PLAIN, (2, 3)),
        ("text,label\ngood,pos\nbad,neg\n".encode("utf-16"), PLAIN, (2, 3)),
        (b"\xfe\xff" + "text,label\ngood,pos\nbad,neg\n".encode("utf-16-be"), PLAIN, (2, 3)),
        (" text ,label\t\ngood,pos\nbad,neg\n", PLAIN, (2, 3)),
        ("\n\ntext,label\n\ngood,pos\n,\nbad,neg\n\n", PLAIN, (5, 7)),
        ('text,label\n"two\nlines",pos\nbad,neg\n', {"text": ("two\nlines", "bad"), "label": ("pos", "neg")}, (2, 4)),
        ('text,label\n"a ""q"", b",pos\n', {"text": ('a "q", b',), "label": ("pos",)}, (2,)),
        ("a;b\nx, y, z;1\nu, v;2\n", {"a": ("x, y, z", "u, v"), "b": ("1", "2")}, (2, 3)),
        ("text\nHello, world\nAnd you\n", {"text": ("Hello, world", "And you")}, (2, 3)),
        ("a,b\nNA,001\nnull,1e5\nNaN,\"1,000\"\n", {"a": ("NA", "null", "NaN"), "b": ("001", "1e5", "1,000")},
         (2, 3, 4)),
        ("a,b\n,x\n", {"a": (None,), "b": ("x",)}, (2,)),
        ("<b>,a&b\n<img src=x onerror=alert(1)>,'\n", {"<b>": ("<img src=x onerror=alert(1)>",), "a&b": ("'",)}, (2,)),
        ("评论,情感\n很好，推荐,好评\n", {"评论": ("很好，推荐",), "情感": ("好评",)}, (2,)),
        ("one,row\nonly,1\n", {"one": ("only",), "row": ("1",)}, (2,)),
    ],
)  # fmt: skip
def test_a_delimited_file_keeps_its_text_and_its_line_numbers(
    tmp_path: Path, content: bytes | str, columns: dict[str, tuple[str | None, ...]], numbers: tuple[int, ...]
) -> None:
    table = load(tmp_path, content)
    assert (dict(table.columns), table.row_numbers) == (columns, numbers)


@pytest.mark.parametrize("name", ["data.tsv", "data.txt", "DATA.CSV", "C:\\Users\\me\\data.csv", "../../data.csv"])
def test_the_ending_of_the_uploaded_name_decides(tmp_path: Path, name: str) -> None:
    table = load(tmp_path, "text\tlabel\ngood\tpos\nbad\tneg\n", name)
    assert dict(table.columns) == PLAIN
    assert table.name.lower().startswith("data.")


@pytest.mark.parametrize(
    ("content", "code", "values"),
    [
        ("text,label\na,x\nb\nc,y\nd\n", "short_rows", {"count": 2, "lines": "3, 5"}),
        ("text,label\na,x\nb,y,z\n", "long_rows", {"count": 1, "lines": "3"}),
        ("text,label\n\na,x\n\n", "blank_rows", {"count": 2, "lines": "2, 4"}),
        ("text,text,text (2)\na,b,c\n", "header_again", {"count": 1, "columns": "text (3)"}),
        ("text,,label,\na,b,c,d\n", "header_unnamed", {"count": 2, "columns": "column 2, column 4"}),
    ],
)
def test_what_was_mended_is_noted(tmp_path: Path, content: str, code: str, values: dict[str, str | int]) -> None:
    assert notes(load(tmp_path, content)) == {code: values}


def test_a_file_in_order_has_no_notes(tmp_path: Path) -> None:
    assert load(tmp_path, "text,label\na,x\n").notes == ()


def test_many_mended_lines_are_counted_and_ten_are_named(tmp_path: Path) -> None:
    table = load(tmp_path, "a,b\n" + "x\n" * 30)
    assert notes(table)["short_rows"] == {"count": 30, "lines": "2, 3, 4, 5, 6, 7, 8, 9, 10, 11 …"}


def test_ragged_rows_lose_no_cell(tmp_path: Path) -> None:
    table = load(tmp_path, "text,label\na,x\nb\nc,y,z,w\nd,v,,\n")
    assert table.columns["text"] == ("a", "b", "c", "d")
    assert table.columns["label"] == ("x", None, "y,z,w", "v")


@pytest.mark.parametrize(
    ("content", "name", "error", "values"),
    [
        (b"", "a.csv", errors.FileEmpty, {}),
        ("\n \n\n", "a.csv", errors.FileEmpty, {}),
        ("\ufeff", "a.csv", errors.FileEmpty, {}),
        ("text,label\n", "a.csv", errors.HeaderOnly, {}),
        ("text,label\n\n,\n", "a.csv", errors.HeaderOnly, {}),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a.csv", errors.FileForeign, {"format": "PNG"}),
        (b"PK\x03\x04\x14\x08\xff\xff", "a.csv", errors.FileNotText, {"byte": 3}),
        ("text\na".encode("utf-16") + b"\n", "a.csv", errors.FileNotText, {}),
        (b"text\nwords \xa1\xa1\xff\xff\xa2\xff\xfe\x80 words\n", "a.csv", errors.FileNotUtf8, {"line": 2}),
        (b"x" * 1_000_001, "a.csv", errors.FileTooLarge, {"size": "1,000,001 B", "limit": "1,000,000 B"}),
        (b"x" * 3_000_000, "a.csv", errors.FileTooLarge, {"size": "2.9 MiB", "limit": "976.6 KiB"}),
        ("a,b\nx," + "y" * 5001, "a.csv", errors.CellTooLong, {"row": 2, "column": "b", "chars": 5001, "limit": 5000}),
        ("a\n" + "x\n" * 1001, "a.csv", errors.TooManyRows, {"limit": 1000}),
        (",".join("c" * 21) + "\n1\n", "a.csv", errors.TooManyColumns, {"columns": 21, "limit": 20}),
        ("a,b\nx,y\n", "a.pickle", errors.FilePickled, {}),
        ("a,b\nx,y\n", "a", errors.FileKindUnknown, {}),
        ("a,b\nx,y\n", "a.xlsx", errors.FileBroken, {"kind": "XLSX"}),
        ("a,b\nx,y\n", "a.parquet", errors.FileBroken, {"kind": "Parquet"}),
        (b"PAR1" + b"\x07" * 40 + b"PAR1", "a.parquet", errors.FileBroken, {"kind": "Parquet"}),
        ('{"a": 1}\n{"a": 2\n', "a.jsonl", errors.LineBroken, {"line": 2}),
        ('{"a": 1}\n\n[1]\n', "a.ndjson", errors.LineBroken, {"line": 3}),
        ("[" * 100_000 + "\n", "a.jsonl", errors.JsonBroken, {"line": 1}),
        ('{"a": ' + "9" * 5000 + "}\n", "a.jsonl", errors.LineBroken, {"line": 1}),
        ("\n\n", "a.jsonl", errors.FileEmpty, {}),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_with_its_place(
    tmp_path: Path, content: bytes | str, name: str, error: type[errors.TableError], values: dict[str, Any]
) -> None:
    with pytest.raises(error) as caught:
        load(tmp_path, content, name)
    assert caught.value.values["file"] == name
    assert {key: caught.value.values[key] for key in values} == values


def test_a_file_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    content = "text\n" + "x\n" * 10
    assert load(tmp_path, content, limits=replace(LIMITS, file_bytes=len(content))).rows == 10
    with pytest.raises(errors.FileTooLarge):
        load(tmp_path, content, limits=replace(LIMITS, file_bytes=len(content) - 1))


def test_rows_and_cells_of_exactly_the_limit_are_read(tmp_path: Path) -> None:
    table = load(tmp_path, "a\n" + "x\n" * 999 + "y" * 5000 + "\n")
    assert table.rows == 1000


def test_a_bad_byte_far_into_the_file_names_its_line(tmp_path: Path) -> None:
    content = b"text\r\n" + "wörd\r\n".encode() * 400_000 + b"caf\xff\r\n"
    table = load(tmp_path, content, limits=Limits())
    assert notes(table) == {"bad_bytes": {"count": 1, "lines": "400002"}}
    assert (table.columns["text"][-1], table.row_numbers[-1]) == ("caf\ufffd", 400_002)


def test_a_character_across_two_chunks_is_no_error(tmp_path: Path) -> None:
    content = "text\n" + "x" * (1024 * 1024 - 6) + "é\nok\n"
    assert load(tmp_path, content, limits=Limits(cell_chars=2_000_000)).rows == 2


def test_a_workbook_reads_as_a_person_sees_it(tmp_path: Path) -> None:
    rows = [
        ["text", "n", "when", "flag"],
        ["good", 5.0, date(2026, 11, 23), True],
        [None, None, None, None],
        ["bad", 0.1 + 0.2, datetime(2026, 1, 2, 3, 4, 5), False],
        ["001", 12345678901, None, None],
    ]
    table = load(tmp_path, workbook({"empty": [], "data": rows}), "book.xlsx")
    assert dict(table.columns) == {
        "text": ("good", "bad", "001"),
        "n": ("5", "0.3", "12345678901"),
        "when": ("2026-11-23", "2026-01-02T03:04:05", None),
        "flag": ("TRUE", "FALSE", None),
    }
    assert table.row_numbers == (2, 4, 5)
    assert notes(table)["sheet"] == {"sheet": "data", "sheets": 2}
    assert notes(table)["blank_rows"] == {"count": 1, "lines": "3"}


def test_the_empty_rows_above_a_cell_far_down_are_not_read_cell_by_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = openpyxl.Workbook()
    book.active["A1"], book.active["A2"], book.active["A60000"] = "text", "good", "bad"  # type: ignore[index]
    buffer = io.BytesIO()
    book.save(buffer)
    read_cells: list[object] = []
    monkeypatch.setattr(sheets, "as_text", lambda value: read_cells.append(value) or value)
    table = load(tmp_path, buffer.getvalue(), "book.xlsx")
    assert (dict(table.columns), table.row_numbers) == ({"text": ("good", "bad")}, (2, 60_000))
    assert notes(table)["blank_rows"]["count"] == 59_997
    assert [cell for cell in read_cells if cell is not None] == ["text", "good", "bad"]
    assert len(read_cells) <= 3 * (LIMITS.columns + 1)


def test_a_workbook_of_one_sheet_needs_no_note(tmp_path: Path) -> None:
    assert load(tmp_path, workbook({"data": [["a"], ["x"]]}), "book.xlsx").notes == ()


def test_an_empty_workbook_is_empty(tmp_path: Path) -> None:
    with pytest.raises(errors.FileEmpty):
        load(tmp_path, workbook({"data": []}), "book.xlsx")


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"xl/worksheets/sheet1.xml": b" " * 4_000_000}, errors.UnpacksTooFar),
        ({"xl/worksheets/sheet1.xml": b" " * 6_000_000}, errors.FileTooLarge),
        ({f"{i}.xml": b"<a/>" for i in range(1001)}, errors.FileBroken),
        ({"hello.txt": b"not a workbook"}, errors.FileBroken),
    ],
)
def test_an_archive_that_is_no_honest_workbook_is_not_opened(
    tmp_path: Path, members: dict[str, bytes], error: type[errors.TableError]
) -> None:
    with pytest.raises(error):
        load(tmp_path, packed(members), "bomb.xlsx")


def rewritten(book: bytes, member: str, change: Any) -> bytes:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return packed(
            {
                i.filename: change(archive.read(i)) if i.filename == member else archive.read(i)
                for i in archive.infolist()
            }
        )


@pytest.mark.parametrize("member", ["xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/workbook.xml"])
def test_xml_entities_in_a_workbook_are_refused(tmp_path: Path, member: str) -> None:
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    book = workbook({"data": [["text", "n"], ["x", 1]]})
    bad = rewritten(book, member, lambda xml: laughs + xml[xml.find(b"?>") + 2 if xml.startswith(b"<?xml") else 0 :])
    with pytest.raises(errors.FileBroken):
        load(tmp_path, bad, "laughs.xlsx")


def test_the_size_that_a_sheet_claims_is_not_believed(tmp_path: Path) -> None:
    book = workbook({"data": [["text", "label"], ["x", "y"]]})
    lying = rewritten(book, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b'ref="A1:B2"', b'ref="A1:A1"'))
    assert lying != book
    assert dict(load(tmp_path, lying, "book.xlsx").columns) == {"text": ("x",), "label": ("y",)}


@pytest.mark.parametrize("cut", [30, 200, 1000, -200, -10])
def test_a_cut_workbook_is_refused(tmp_path: Path, cut: int) -> None:
    with pytest.raises(errors.FileBroken):
        load(tmp_path, workbook({"data": [["a"], ["x"]]})[:cut], "book.xlsx")


def test_parquet_columns_become_text(tmp_path: Path) -> None:
    content = parquet(
        {"text": ["a", None, "NA"], "n": [1, 2, None], "x": [1.0, 2.5, float("nan")], "b": [True, False, None],
         "tags": [["u", "v"], [], None], "when": [date(2026, 1, 2), None, None]}
    )  # fmt: skip
    table = load(tmp_path, content, "data.parquet")
    assert dict(table.columns) == {
        "text": ("a", None, "NA"),
        "n": ("1", "2", None),
        "x": ("1", "2.5", None),
        "b": ("true", "false", None),
        "tags": ('["u", "v"]', "[]", None),
        "when": ("2026-01-02", None, None),
    }
    assert table.row_numbers == (1, 2, 3)


def test_parquet_metadata_is_checked_before_reading(tmp_path: Path) -> None:
    with pytest.raises(errors.TooManyRows):
        load(tmp_path, parquet({"a": ["x"] * 1001}), "data.parquet")
    with pytest.raises(errors.TooManyColumns):
        load(tmp_path, parquet({f"c{i}": ["x"] for i in range(21)}), "data.parquet")


def test_a_column_that_grows_in_memory_meets_the_limit(tmp_path: Path) -> None:
    content = parquet({"a": pa.array(["x" * 4999 + str(i % 2) for i in range(999)]).dictionary_encode()})
    assert len(content) < 100_000
    with pytest.raises(errors.FileTooLarge):
        load(tmp_path, content, "data.parquet", limits=replace(LIMITS, unpacked_bytes=1_000_000))


def test_jsonl_keys_become_columns(tmp_path: Path) -> None:
    lines = '{"text": "a", "label": 1}\n\n'
    lines += '{"label": 2.0, "text": "NA", "meta": {"k": ["é"]}}\n'
    lines += '{"text": "\\ud800x", "label": null, "meta": true}\n'
    table = load(tmp_path, lines, "data.jsonl")
    assert dict(table.columns) == {
        "text": ("a", "NA", "�x"),
        "label": ("1", "2", None),
        "meta.k": (None, '["é"]', None),
        "meta": (None, None, "true"),
    }
    assert table.row_numbers == (1, 3, 4)


def test_jsonl_with_too_many_keys_is_refused(tmp_path: Path) -> None:
    lines = "".join(f'{{"k{i}": 1}}\n' for i in range(30))
    with pytest.raises(errors.TooManyColumns):
        load(tmp_path, lines, "data.jsonl")


def test_a_cover_sheet_is_passed_over_for_one_with_rows(tmp_path: Path) -> None:
    book = workbook({"About": [["exported on 1 May"]], "Data": [["text", "label"], ["good film", "yes"]]})
    table = load(tmp_path, book, "report.xlsx")
    assert table.detected.sheet == "Data" and table.detected.sheets == ("About", "Data") and table.rows == 1


def test_a_workbook_of_cover_sheets_has_a_header_only(tmp_path: Path) -> None:
    with pytest.raises(errors.HeaderOnly):
        load(tmp_path, workbook({"About": [["exported on 1 May"]], "More": [["by us"]]}), "report.xlsx")


def test_a_fault_of_ours_is_not_reported_as_a_damaged_workbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(value: object) -> str:
        raise TypeError("ours")

    monkeypatch.setattr("bertdemo.tables.formats.workbooks.sheets._cell", faulty)
    with pytest.raises(TypeError, match="ours"):
        load(tmp_path, workbook({"data": [["a"], ["x"]]}), "book.xlsx")
