"""What is mended is counted, changes nothing else, and is undone by leaving it out."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertdemo.dataset import cleaning, fingerprints, label_variants
from bertdemo.tables.table import Table
from tests.dataset.cleaned import apply, counts

COLUMNS = {"text": "text", "label": "label"}


def table(*rows: tuple[str | None, str | None]) -> Table:
    texts, labels = zip(*rows, strict=True)
    return Table("t.csv", {"n": tuple(map(str, range(len(rows)))), "text": texts, "label": labels},
                 tuple(range(2, len(rows) + 2)))  # fmt: skip


EMPTY = Table("t.csv", {"n": (), "text": (), "label": ()}, ())
MESSY = table(
    *((f"good {i}", "positive") for i in range(20)),
    *((f"bad {i}", "negative") for i in range(20)),
    ("a", "Positive"), ("b", "positive "), ("c", "postive"), ("d", "ＰＯＳＩＴＩＶＥ"),
    ("good 1", "positive"), (" GOOD  2", "Positive"), ("bad 3", "positive"),
    (None, "negative"), ("   ", "negative"), ("e", None), ("f", "once"),
)  # fmt: skip


def test_ways_of_writing_one_label_are_found_and_slips_are_told_apart() -> None:
    counts = {"positive": 40, "Positive": 3, "POSITIVE": 2, "postive": 1, "negative": 38, "nagative": 2, "neutral": 9}
    found = {one.written: (one.label, one.typo) for one in label_variants.find(counts)}
    assert found == {
        "Positive": ("positive", False),
        "POSITIVE": ("positive", False),
        "postive": ("positive", True),
        "nagative": ("negative", True),
    }


@pytest.mark.parametrize(
    "counts",
    [
        {"level 1": 100, "level 2": 5},
        {"cat": 100, "car": 5},
        {"card_arrival": 150, "card_delivery": 120},
        {"positive": 100, "negative": 90},
        {"transfer_in": 30, "transfer_out": 28},
        {"lost_or_stolen_card": 80, "lost_or_stolen_phone": 120},
        {"好评": 100, "差评": 3},
    ],
)
def test_other_labels_stay_other_labels(counts: dict[str, int]) -> None:
    assert label_variants.find(counts) == ()


@pytest.mark.parametrize(
    ("step", "numbers"),
    [
        ("merge_labels", [42, 45, 47]),
        ("merge_slips", [44]),
        ("drop_missing", [49, 50, 51]),
        ("drop_duplicates", [46]),
        ("drop_conflicts", [4, 25, 47, 48]),
        ("drop_rare", [44, 45, 52]),
        ("drop_few", [42, 44, 45, 47, 52]),
    ],
)
def test_each_mend_does_its_own_and_nothing_else(step: cleaning.CleaningStep, numbers: list[int]) -> None:
    cleaned, (done,) = apply(MESSY, COLUMNS, [step])
    assert (done.step, done.rows, list(done.numbers)) == (step, len(numbers), numbers)
    assert counts(MESSY, COLUMNS)[step] == len(numbers)
    if step.startswith("drop"):
        assert list(cleaned.row_numbers) == [n for n in MESSY.row_numbers if n not in numbers]
        kept = [i for i, n in enumerate(MESSY.row_numbers) if n not in numbers]
        assert all(cells == tuple(MESSY.columns[name][i] for i in kept) for name, cells in cleaned.columns.items())
    else:
        changed = [i for i, cell in enumerate(cleaned.columns["label"]) if cell != MESSY.columns["label"][i]]
        assert [MESSY.row_numbers[i] for i in changed] == numbers
        assert cleaned.columns["text"] == MESSY.columns["text"] and cleaned.row_numbers == MESSY.row_numbers


def test_the_order_of_choosing_does_not_matter_and_leaving_one_out_undoes_it() -> None:
    every = [apply(MESSY, COLUMNS, order)[0] for order in itertools.permutations(cleaning.CLEANING_STEPS)]
    assert all(one == every[0] for one in every)
    assert {str(label).strip() for label in every[0].columns["label"]} == {"positive", "negative"}
    assert apply(MESSY, COLUMNS, ["drop_rare"])[0] != every[0]
    assert apply(MESSY, COLUMNS, [])[0] is MESSY
    assert apply(MESSY, COLUMNS, ["burn"]) == (MESSY, ())


def test_once_ways_of_writing_are_merged_they_are_no_conflict() -> None:
    rows = table(*((f"t{i}", "yes") for i in range(5)), ("same", "Yes"), ("same", "yes"))
    assert counts(rows, COLUMNS)["drop_conflicts"] == 2
    cleaned, done = apply(rows, COLUMNS, ["drop_conflicts", "merge_labels", "drop_duplicates"])
    assert [one.rows for one in done] == [1, 1, 0] and len(cleaned.row_numbers) == 6


def test_rows_that_a_person_decided_about_get_their_label_or_go_and_come_back_without_a_trace() -> None:
    before = (MESSY.columns, MESSY.row_numbers)
    relabel = {"2": "negative", "3": "", "51": "neutral", "9999": "nowhere"}
    cleaned = cleaning.apply_relabel(MESSY, COLUMNS, relabel)
    assert list(cleaned.row_numbers) == [n for n in MESSY.row_numbers if n != 3]
    was = dict(zip(MESSY.row_numbers, MESSY.columns["label"], strict=True))
    now = dict(zip(cleaned.row_numbers, cleaned.columns["label"], strict=True))
    assert {n: label for n, label in now.items() if label != was[n]} == {2: "negative", 51: "neutral"}
    assert cleaned.columns["text"] == tuple(
        text for n, text in zip(MESSY.row_numbers, MESSY.columns["text"], strict=True) if n != 3
    )
    assert cleaning.apply_relabel(MESSY, COLUMNS, {}) is MESSY and (MESSY.columns, MESSY.row_numbers) == before


def test_rows_are_relabeled_before_anything_is_merged_or_dropped() -> None:
    rows = table(*((f"t{i}", "yes") for i in range(5)), ("same", "no"), ("same", "yes"), ("t0", "YES"))
    steps = ["merge_labels", "drop_conflicts", "drop_duplicates"]
    cleaned, done = apply(rows, COLUMNS, steps, {"7": "Yes", "9": ""})
    assert [(one.step, one.numbers) for one in done] == [
        ("merge_labels", (7,)), ("drop_duplicates", (8,)), ("drop_conflicts", ())
    ]  # fmt: skip
    assert list(cleaned.row_numbers) == [2, 3, 4, 5, 6, 7] and set(cleaned.columns["label"]) == {"yes"}


@pytest.mark.parametrize(
    ("rows", "offered"),
    [
        ({"a": 20, "b": 20, "c": 7, "d": 1}, 8),
        ({"a": 20, "b": 20, "c": 8, "d": 1}, 0),  # the single row is offered already
        ({"a": 20, "b": 7, "c": 7}, 0),  # one label would be left
    ],
)
def test_labels_of_few_rows_are_offered_where_it_helps(rows: dict[str, int], offered: int) -> None:
    many = table(*((f"{label} {i}", label) for label, count in rows.items() for i in range(count)))
    assert counts(many, COLUMNS)["drop_few"] == offered
    if offered:
        assert set(apply(many, COLUMNS, ["drop_few"])[0].columns["label"]) == {"a", "b"}


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from([None, " ", "a Yes", "A  yes", "no b", "c", "nope no", "maybe so"]),
            st.sampled_from([None, "yes", "Yes", "no", "maybe", "mabye"]),
        ),
        max_size=40,
    ),
    steps=st.sets(st.sampled_from(cleaning.CLEANING_STEPS)),
)
@settings(max_examples=300, deadline=None)
def test_the_fingerprints_of_a_cleaned_table_are_those_of_reading_it_anew(
    rows: list[tuple[str | None, str | None]], steps: set[str]
) -> None:
    made = cleaning.clean(table(*rows) if rows else EMPTY, COLUMNS, sorted(steps))
    anew = fingerprints.fingerprint_rows(made.table, COLUMNS)
    assert made.fingerprints.names == anew.names and made.fingerprints.chars == anew.chars
    for name in ("keys", "exact", "labels", "named", "named_other", "lengths"):
        assert getattr(made.fingerprints, name).tolist() == getattr(anew, name).tolist(), name
    assert {role: flags.tolist() for role, flags in made.fingerprints.filled.items()} == {
        role: flags.tolist() for role, flags in anew.filled.items()
    }
