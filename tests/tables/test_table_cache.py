"""A file is read once, by a process of its own, and again where it or the way of reading it has changed."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bertdemo import samples
from bertdemo.errors import FileEmpty, FileMissing
from bertdemo.settings import Settings
from bertdemo.tables import table_cache, table_files
from bertdemo.tables.arrow_columns import BATCH_ROWS, Column
from bertdemo.tables.parse_options import ParseOptions
from bertdemo.tables.table_cache import TableCache


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that a child process has read."""
    names: list[str] = []
    limited = table_cache.read_limited

    def told(path: Path, name: str, *rest: object, **more: object) -> table_files.Table:
        names.append(name)
        return limited(path, name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(table_cache, "read_limited", told)
    return names


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    path.write_text("text;label\ngood film, really;yes\nbad film;no\n", encoding="utf-8")
    return path


def test_a_file_is_read_by_a_child_and_only_once(settings: Settings, file: Path, read: list[str]) -> None:
    own = TableCache(settings)
    first = own.table(file, file.name)
    assert own.table(file, file.name) is first and read == ["reviews.csv"]
    assert first.columns == table_files.read(file, file.name, settings.limits).columns
    assert isinstance(first.columns["text"], tuple)


def test_two_that_ask_at_once_wait_for_one_reading(settings: Settings, file: Path, read: list[str]) -> None:
    own = TableCache(settings)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: own.table(file, file.name), range(4)))
    assert all(one is found[0] for one in found) and read == ["reviews.csv"]


def test_a_changed_file_and_a_corrected_reading_are_read_anew(settings: Settings, file: Path, read: list[str]) -> None:
    own = TableCache(settings)
    assert list(own.table(file, file.name).columns) == ["text", "label"]
    assert next(iter(own.table(file, file.name, ParseOptions(delimiter=",", header="1")).columns)) == "text;label"
    file.write_text("text,mood\nfine,yes\npoor,no\n", encoding="utf-8")
    assert list(own.table(file, file.name).columns) == ["text", "mood"]
    assert len(read) == 3


def test_the_table_outlives_its_file_and_a_swept_upload_is_said(settings: Settings, file: Path) -> None:
    own = TableCache(settings)
    table = own.table(file, file.name)
    file.unlink()
    assert table.columns["label"] == ("yes", "no")
    with pytest.raises(FileMissing):
        own.table(file, file.name)


def test_an_error_is_the_readers_and_is_not_kept(settings: Settings, tmp_path: Path) -> None:
    own, path = TableCache(settings), tmp_path / "late.csv"
    path.write_bytes(b"")
    with pytest.raises(FileEmpty):
        own.table(path, path.name)
    path.write_text("text,label\na b,c\n", encoding="utf-8")
    os.utime(path, (1, 1))
    assert own.table(path, path.name).rows == 1


def test_a_sample_of_ours_needs_no_child(settings: Settings, read: list[str]) -> None:
    path = samples.sample_path("reviews_en")
    assert TableCache(settings, trusted=samples.FOLDER).table(path, path.name).rows >= 240 and not read


def test_a_large_table_stays_out_of_memory(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("text,label\n" + "".join(f"film number {i},yes\n" for i in range(BATCH_ROWS + 1)), "utf-8")
    table = TableCache(settings).table(path, path.name)
    assert (
        isinstance(table.columns["text"], Column) and table.columns["text"][BATCH_ROWS] == f"film number {BATCH_ROWS}"
    )


def test_few_tables_are_kept(settings: Settings, tmp_path: Path, read: list[str]) -> None:
    own = TableCache(settings)
    for number in range(8):
        path = tmp_path / f"{number}.csv"
        path.write_text(f"text,label\nfilm {number},yes\n", encoding="utf-8")
        own.table(path, path.name)
    own.table(tmp_path / "7.csv", "7.csv")
    assert len(read) == 8
    own.table(tmp_path / "0.csv", "0.csv")
    assert len(read) == 9
