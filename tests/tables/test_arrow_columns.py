"""A table kept in Parquet comes back as it was, and is read piece by piece."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertdemo import errors
from bertdemo.settings import Limits
from bertdemo.tables import arrow_columns, table_files
from bertdemo.tables.table import Table
from bertdemo.tables.table_files import DetectedFormat, Note, ParseOptions

TABLE = Table(
    "ä.csv",
    {"a": ("x", None, "NA"), "a.b": ("1", "2", "3"), "row": ("r", "s", "t"), "列": (None, None, None)},
    (2, 5, 6),
    (Note("short_rows", {"count": 1, "lines": "5"}),),
    DetectedFormat("delimited", "gb18030", False, ";", '"', 1, "", ("s", "t"), "train", ("train", "test")),
)
ROWS = 40_000


def lines(count: int) -> str:
    return "text,n\n" + "".join(f"word {i} é,{i}\n" for i in range(count))


def test_a_kept_table_comes_back_with_names_notes_and_reading(tmp_path: Path) -> None:
    table_files.save(TABLE, tmp_path / "t.parquet")
    again = table_files.open(tmp_path / "t.parquet")
    assert replace(again, columns={name: tuple(cells) for name, cells in again.columns.items()},
                   row_numbers=tuple(again.row_numbers)) == TABLE  # fmt: skip
    assert list(again.columns) == list(TABLE.columns)
    assert [item.name for item in tmp_path.iterdir()] == ["t.parquet"]


def test_a_kept_file_can_be_read_by_any_program(tmp_path: Path) -> None:
    table_files.save(TABLE, tmp_path / "t.parquet")
    seen = pq.read_table(tmp_path / "t.parquet")
    assert seen.column_names == ["a", "a.b", "row", "列", "row (2)"]
    assert seen.column("row (2)").to_pylist() == [2, 5, 6]


def test_a_table_of_no_rows_is_kept_too(tmp_path: Path) -> None:
    table_files.save(Table("n", {"a": ()}, ()), tmp_path / "t.parquet")
    assert (table_files.open(tmp_path / "t.parquet").rows, list(table_files.open(tmp_path / "t.parquet").columns)) == (
        0,
        ["a"],
    )


@pytest.mark.parametrize("content", [b"", b"PAR1", b"x" * 100])
def test_a_file_that_is_not_ours_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(content)
    with pytest.raises(errors.FileBroken):
        table_files.open(path)


def test_parquet_of_others_is_no_kept_table(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": ["x"]}), tmp_path / "t.parquet")
    with pytest.raises(errors.FileBroken):
        table_files.open(tmp_path / "t.parquet")


@pytest.mark.parametrize("way", ["in memory", "kept"])
def test_a_long_table_is_lazy_and_looks_like_a_tuple(tmp_path: Path, way: str) -> None:
    path = tmp_path / "long.csv"
    path.write_text(lines(ROWS), encoding="utf-8")
    if way == "kept":
        table_files.convert(path, "long.csv", Limits(), ParseOptions(), tmp_path / "t.parquet")
        table = table_files.open(tmp_path / "t.parquet")
        (tmp_path / "t.parquet").unlink()  # it is in use, and stays so
    else:
        table = table_files.read(path, "long.csv", Limits())
    wanted = [f"word {i} é" for i in range(ROWS)]
    text = table.columns["text"]
    assert isinstance(text, arrow_columns.Column)
    assert (table.rows, len(text), list(text)) == (ROWS, ROWS, wanted)
    assert tuple(table.row_numbers[:3]) == (2, 3, 4)
    assert (text[0], text[-1], text[ROWS - 1]) == (wanted[0], wanted[-1], wanted[-1])
    assert list(text[32_760:32_780:7]) == wanted[32_760:32_780:7]
    assert text == wanted and text != wanted[:-1]
    rows = random.Random(1).sample(range(ROWS), 500)
    assert text.take(rows) == [wanted[row] for row in rows]
    with pytest.raises(IndexError):
        text[ROWS]


def test_a_group_ends_with_its_rows_or_its_characters(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("text\n" + ("w" * 90_000 + "\n") * 200, encoding="utf-8")
    table_files.convert(path, "wide.csv", Limits(), ParseOptions(), tmp_path / "t.parquet")
    sizes = [pq.ParquetFile(tmp_path / "t.parquet").metadata.row_group(i).num_rows for i in range(3)]
    assert sizes == [89, 89, 22]


def test_few_groups_are_held_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("text\n" + ("w" * 90_000 + "\n") * 800, encoding="utf-8")
    table_files.convert(path, "wide.csv", Limits(), ParseOptions(), tmp_path / "t.parquet")
    monkeypatch.setattr(arrow_columns, "_DECODED_BYTES", 17_000_000)
    groups = arrow_columns.ParquetGroups(tmp_path / "t.parquet")
    assert sum(len(cell or "") for cell in arrow_columns.Column[str | None](groups, "text")) == 72_000_000
    assert len(groups._decoded) == 2


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"encoding": "rot13"}, errors.FieldNotChoice),
        ({"delimiter": "ab"}, errors.FieldNotChoice),
        ({"delimiter": '"'}, errors.FieldNotChoice),
        ({"delimiter": "\n"}, errors.FieldNotChoice),
        ({"delimiter": "x"}, errors.FieldNotChoice),
        ({"quote": "`"}, errors.FieldNotChoice),
        ({"header": "0"}, errors.FieldNotNumber),
        ({"header": "-1"}, errors.FieldNotNumber),
        ({"header": "two"}, errors.FieldNotNumber),
        ({"header": "٣"}, errors.FieldNotNumber),
        ({"color": "red"}, errors.FieldUnknown),
        ({"sheet": 3}, errors.ArgumentWrong),
        ({"sheet": "x" * 201}, errors.ArgumentWrong),
    ],
)
def test_options_check_themselves(fields: dict[str, object], error: type[errors.BertDemoError]) -> None:
    with pytest.raises(error):
        ParseOptions.from_fields(fields)


def test_options_and_reading_survive_json() -> None:
    options = ParseOptions("big5", "\t", "none", "3", "Sheet 1", "test")
    assert ParseOptions.from_fields(json.loads(json.dumps(options.to_fields()))) == options
    assert DetectedFormat(**json.loads(json.dumps(asdict(TABLE.detected)))) == TABLE.detected
    assert len({options, ParseOptions(), ParseOptions()}) == 2
