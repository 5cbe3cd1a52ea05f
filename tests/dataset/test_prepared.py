"""A dataset is prepared once: the same rows for the page, the report, the run folder and the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bertdemo import samples, tasks
from bertdemo.dataset import cleaning, fingerprints, prepared, stored
from bertdemo.dataset.dataset_cache import DatasetCache, Preparation
from bertdemo.dataset.prepared import PreparedDataset, prepare
from bertdemo.errors import OneText
from bertdemo.settings import Limits, Settings
from bertdemo.tables import table_files
from bertdemo.tables.table import Table
from bertdemo.tables.table_cache import TableCache

COLUMNS = {"text": "text", "label": "label"}
TASK = tasks.find("classification")


def table(rows: list[tuple[str | None, str | None]], name: str = "t.csv") -> Table:
    texts, labels = zip(*rows, strict=True)
    return Table(name, {"text": texts, "label": labels}, tuple(range(2, len(rows) + 2)))


ROWS: list[tuple[str | None, str | None]] = [
    *((f"text {i // 2}", "yes" if i % 3 else "no") for i in range(80)),
    (None, "yes"),
    ("one more", " "),
    ("Text 0", "Yes"),
]


def rows_of(prepared: PreparedDataset) -> dict[str, list[int]]:
    return {name: part.numbers for name, part in prepared.parts.items()}


def test_rows_without_a_text_or_a_label_are_in_no_part_and_copies_in_one() -> None:
    prepared = prepare(table(ROWS), TASK, COLUMNS)
    numbers = [number for part in rows_of(prepared).values() for number in part]
    assert sorted(numbers) == [*range(2, 82), 84]
    texts = [str(text).casefold() for text in prepared.table.columns["text"]]
    train, validation = ({texts[row] for row in prepared.parts[name].rows} for name in ("train", "validation"))
    assert validation and not train & validation


def test_cleaning_changes_the_labels_and_the_rows_and_is_told() -> None:
    prepared = prepare(table(ROWS), TASK, COLUMNS, cleaning=("merge_labels", "drop_duplicates"), relabel={"2": "no"})
    assert prepared.labels == ("no", "yes")
    assert [done.step for done in prepared.done] == ["merge_labels", "drop_duplicates"]
    assert prepared.table.columns["label"][0] == "no"
    assert prepare(table(ROWS), TASK, COLUMNS).labels == ("Yes", "no", "yes")


def test_what_a_validation_file_holds_does_not_train() -> None:
    own = table([("TEXT 1", "yes"), ("new", "no")], "v.csv")
    prepared = prepare(table(ROWS), TASK, COLUMNS, held_out={"validation": own})
    assert rows_of(prepared)["validation"] == [2, 3] and prepared.parts["validation"].file == "v.csv"
    assert prepared.leaked == 2 and not {4, 5} & set(rows_of(prepared)["train"])


def test_one_text_leaves_nothing_to_hold_out_and_is_refused_in_words() -> None:
    same = prepare(table([("a", "yes"), ("A ", "no")] * 10), TASK, COLUMNS)
    with pytest.raises(OneText) as caught:
        same.check(100)
    assert caught.value.values == {"rows": 20, "column": "text"}


def test_a_run_folder_gives_the_same_dataset_back(tmp_path: Path) -> None:
    own = table([("TEXT 1", "yes"), ("new", "no")], "v.csv")
    prepared = prepare(
        table(ROWS), TASK, COLUMNS, cleaning=("merge_labels",), split_seed=7, held_out={"validation": own}
    )  # fmt: skip
    (tmp_path / "data").mkdir()
    stored.save(prepared, tmp_path)
    again = stored.load(tmp_path, TASK, COLUMNS)
    assert again is not None and again.known is None
    assert (rows_of(again), again.labels, again.leaked, again.split_seed, again.done) == (
        rows_of(prepared), prepared.labels, prepared.leaked, 7, prepared.done,
    )  # fmt: skip
    assert {name: again.targets(name) for name in again.parts} == {name: prepared.targets(name) for name in again.parts}


@pytest.mark.parametrize("sample", samples.all_samples(), ids=lambda sample: sample.id)
def test_the_usable_rows_are_those_with_a_target(sample: samples.Sample) -> None:
    task, path = tasks.find(sample.task), samples.sample_path(sample.id)
    data = table_files.read(path, path.name, Limits())
    columns = task.columns(data)
    prepared = prepare(data, task, columns)
    targets = task.targets(data, columns, task.labels(data, columns))
    assert list(prepared.usable) == [row for row, target in enumerate(targets) if target is not None]
    assert prepared.targets("train") == [targets[row] for row in prepared.parts["train"].rows]


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    counted: list[int] = []
    read = fingerprints.fingerprint_rows

    def counting(own: Table, *arguments: Any) -> Any:
        counted.append(own.rows)
        return read(own, *arguments)

    monkeypatch.setattr(cleaning, "fingerprint_rows", counting)
    monkeypatch.setattr(prepared, "fingerprint_rows", counting)
    return counted


def test_the_rows_are_read_once_for_all_who_ask_for_the_same_dataset(
    settings: Settings, tmp_path: Path, passes: list[int]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f"text {i},{'yes' if i % 2 else 'no'}\n" for i in range(60)), "utf-8")
    cache = DatasetCache(TableCache(settings, trusted=tmp_path))
    plain = Preparation(str(path), path.name)
    cleaned = Preparation(str(path), path.name, cleaning=("drop_duplicates", "merge_labels"))
    assert cache.get(plain, TASK, COLUMNS) is cache.get(plain, TASK, COLUMNS)
    assert cache.get(cleaned, TASK, COLUMNS).key != cache.get(plain, TASK, COLUMNS).key
    assert passes == [60, 60]
    path.write_text("text,label\na,yes\nb,no\n", "utf-8")
    assert cache.get(plain, TASK, COLUMNS).table.rows == 2
