"""Cells that mean "no value", numbers in two spellings, quantities, and columns that give one label away."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from bertdemo import tasks
from bertdemo.analysis.report import Finding, label_values, leakage
from bertdemo.analysis.report.rows import Rows
from bertdemo.dataset.prepared import PreparedDataset, prepare
from bertdemo.errors import LabelIsNumber, UnknownLabel
from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.tables.table import Table
from bertdemo.ui.html.dataset import finding_values

TASK = tasks.find("classification")
COLUMNS = {"text": "text", "label": "label"}


def table(labels: Sequence[str | None], **columns: Sequence[str | None]) -> Table:
    texts = tuple(f"the lamp in room {i} hums a little" for i in range(len(labels)))
    others = {name: tuple(cells) for name, cells in columns.items()}
    return Table("t.csv", {"text": texts, "label": tuple(labels), **others}, tuple(range(2, 2 + len(labels))))


def prepared(labels: Sequence[str | None], held_out: Table | None = None) -> PreparedDataset:
    files: Mapping[str, Table] = {"test": held_out} if held_out else {}
    return prepare(table(labels), TASK, COLUMNS, held_out=files)


def labels_of(dataset: PreparedDataset) -> dict[str, int]:
    return dict(Rows.of_dataset(dataset).counts())


def findings(dataset: PreparedDataset) -> dict[str, Finding]:
    found = label_values.findings(Rows.of_dataset(dataset), dataset.facts.label_cells)
    for lang in LANGUAGES:
        for one in found:
            assert "{" not in translate(lang, f"finding.{one.code}", **finding_values(one))
    return {one.code: one for one in found}


def of(**rows: int) -> list[str]:
    return list(itertools.chain.from_iterable([name.replace("_", " ")] * count for name, count in rows.items()))


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        ([*of(good=9, bad=8), "nan", "NaN", None], {"good": 9, "bad": 8}),
        ([*of(good=9, bad=8), *["-"] * 12], {"good": 9, "bad": 8}),
        ([*of(good=9, bad=8), "NULL", "#N/A", "<NA>"], {"good": 9, "bad": 8}),
        ([*of(gut=9, schlecht=8), "unbekannt", "keine"], {"gut": 9, "schlecht": 8}),
        ([*of(好=9, 坏=8), "未知", "无"], {"好": 9, "坏": 8}),
        ([*["0", "1", "2"] * 6, "-1", "-1"], {"0": 6, "1": 6, "2": 6}),
        (["1.0", "0.0", "1.0", "nan", None] * 4, {"1": 8, "0": 4}),
    ],
)
def test_a_cell_without_a_value_is_no_label_and_is_named(cells: list[str | None], labels: dict[str, int]) -> None:
    dataset = prepared(cells)
    assert labels_of(dataset) == labels and set(dataset.labels) == set(labels)
    finding = findings(dataset)["no_value_left_out"]
    written = Counter(cell for cell in cells if cell) - Counter(dict.fromkeys(labels, 99))
    for cell in {"1.0", "0.0"} & written.keys():
        del written[cell]
    assert finding.level == "warn" and finding.values["count"] == written.total()
    assert finding.rows == tuple(row for row, cell in enumerate(cells, 2) if cell in written)[:20]
    dataset.check(99)


@pytest.mark.parametrize(
    ("cells", "kept"),
    [
        (of(NA=9, EMEA=8, APAC=8), {"NA": 9}),
        (of(NA=9, EMEA=8, None_=8), {"NA": 9, "None": 8}),
        (["none", "joy", "anger", "none"] * 5, {"none": 10}),
        (["neutral", "unknown"] * 8, {"unknown": 8}),
        (["无", "有"] * 8, {}),
        (["无", "价格", "物流"] * 8, {"无": 8}),
    ],
)
def test_a_word_as_frequent_as_another_label_stays_one_and_the_report_says_so(
    cells: list[str], kept: dict[str, int]
) -> None:
    dataset = prepared(cells)
    assert labels_of(dataset) == dict(Counter(cell.strip() for cell in cells))
    finding = findings(dataset).get("no_value_kept")
    assert (finding.values["count"] if finding else 0) == sum(kept.values())
    assert not finding or all(word in str(finding.values["words"]) for word in kept)


def test_minus_beside_plus_is_a_label_and_so_is_minus_one_beside_0_and_1() -> None:
    assert labels_of(prepared(["+", "-", "+"] * 5)) == {"+": 10, "-": 5}
    assert labels_of(prepared(["-1", "0", "1", "1", "0"] * 4)) == {"0": 8, "1": 8, "-1": 4}


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["1.0", "0.0"] * 6, {"1": 6, "0": 6}),
        (["1", "1.0", "2", "2.00"] * 4, {"1": 8, "2": 8}),
        (["1,0", "3,0", "3"] * 4, {"3": 8, "1": 4}),
        (["1.0", "1.5", "2.0"] * 4, {"1.0": 4, "1.5": 4, "2.0": 4}),
        (["1.0", "one", "1"] * 4, {"1": 8, "one": 4}),
    ],
)
def test_one_number_is_one_label(cells: list[str], labels: dict[str, int]) -> None:
    dataset = prepared(cells)
    assert labels_of(dataset) == labels
    assert ("label_numbers" in findings(dataset)) == (set(cells) != set(labels))


def test_a_test_file_is_read_as_the_training_file_is() -> None:
    held_out = table(["1", "0.0", "nan", "-", "1.0"])
    held_out = Table("v.csv", {**held_out.columns, "text": tuple("vwxyz")}, held_out.row_numbers)
    dataset = prepared(["1.0", "0.0", None] * 6, held_out)
    dataset.check(99)
    assert dataset.targets("test") == [1, 0, 1]
    with pytest.raises(UnknownLabel):
        prepared(["1.0", "0.0"] * 6, Table("v.csv", {**held_out.columns, "label": ("2",) * 5}, (2, 3, 4, 5, 6))).check(
            9
        )


@pytest.mark.parametrize("mark", [".", ","])
def test_a_share_is_no_class(mark: str) -> None:
    shares = [f"0{mark}{(37 * i) % 100:02}" for i in range(60)]
    finding = findings(prepared(shares))["label_is_number"]
    assert finding.level == "fail" and finding.values["column"] == "label"
    with pytest.raises(LabelIsNumber):
        prepared(shares).check(99)
    with pytest.raises(LabelIsNumber):
        TASK.check(table(shares), COLUMNS, label_limit=200)
    prepared([f"{i % 10 / 2 + 0.5}" for i in range(60)]).check(99)  # half stars are classes


def test_a_score_is_chosen_by_its_name_and_refused_or_named_beside_a_weaker_one() -> None:
    shares = [f"{(37 * i) % 100 / 100}" for i in range(60)]
    given = table(["yes", "no", "no"] * 20, target=shares)
    columns = {"status": given.columns["label"], "text": given.columns["text"]}
    named = Table("t.csv", {**columns, "target": tuple(shares)}, given.row_numbers)
    assert TASK.columns(named) == {"text": "text", "label": "target"}
    beside = Table("t.csv", {**columns, "toxicity": tuple(shares)}, given.row_numbers)
    guessed = TASK.columns(beside)
    if guessed["label"] == "status":
        found = label_values.findings(
            Rows.of_dataset(prepare(beside, TASK, guessed)), prepare(beside, TASK, guessed).facts.label_cells
        )
        assert [one.code for one in found] == ["number_columns"] and found[0].values["columns"] == "toxicity"


@pytest.mark.parametrize("unique", [False, True])
def test_a_column_that_is_filled_for_one_of_three_labels_gives_that_one_away(unique: bool) -> None:
    labels = ["praise", "complaint", "question", "praise", "question"] * 8
    reasons = [
        (f"case {i}" if unique else ("late", "broken")[i % 4 // 2]) if label == "complaint" else None
        for i, label in enumerate(labels)
    ]
    given = table(labels, reason=reasons)
    found = leakage.findings(Rows.of_dataset(prepare(given, TASK, COLUMNS)))
    (finding,) = [one for one in found if one.level == "warn"]
    assert finding.code == "label_partly_given_away"
    assert (finding.values["column"], finding.values["label"], finding.values["count"]) == ("reason", "complaint", 8)


def test_a_column_filled_at_random_gives_no_label_away() -> None:
    labels = ["praise", "complaint", "question"] * 14
    shops = [("a", "b", None, None, "a")[i % 5] for i in range(len(labels))]
    found = leakage.findings(Rows.of_dataset(prepare(table(labels, shop=shops), TASK, COLUMNS)))
    assert [one.code for one in found] == ["no_giveaway"]


def test_nan_is_no_label_among_several_either() -> None:
    task = tasks.find("multi_label")
    given = table(["a|b", "a", "b", "nan", "NULL", "b|a"])
    assert task.labels(given, COLUMNS) == ("a", "b")
    problems = {problem.code: problem for problem in task.problems(given, COLUMNS)}
    assert problems["no_value_left_out"].rows == (3, 4)
