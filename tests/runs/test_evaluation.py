"""Held-out rows summed up."""

from __future__ import annotations

import pytest

from bertdemo.runs.evaluation import evaluate, with_degree
from bertdemo.runs.worker.result import Row
from bertdemo.tasks.results import Degree, Judged

ROWS = [
    {"row": 2, "text": "t2", "label": "a", "predicted": "a", "confidence": 0.9},
    {"row": 3, "text": "<b>", "label": "a", "predicted": "b", "confidence": 0.6},
    {"row": 4, "text": "t4", "label": "b", "predicted": "b", "confidence": 0.8},
    {"row": 5, "text": "t5", "label": "b", "predicted": "a", "confidence": 0.7},
    {"row": 6, "text": "t6", "label": "b", "predicted": "b", "confidence": 0.7},
]


def test_counts_are_true_by_predicted_and_a_label_without_rows_stays() -> None:
    found = evaluate(ROWS, ("a", "b", "c"))
    assert found.counts == ((1, 1, 0), (1, 2, 0), (0, 0, 0))
    assert found.rows == 5
    assert [(one.label, one.rows) for one in found.per_label] == [("a", 2), ("b", 3), ("c", 0)]
    assert found.per_label[1].precision == pytest.approx(2 / 3)
    assert found.per_label[0].recall == pytest.approx(1 / 2)
    assert found.per_label[2].f1 == 0.0


def test_mistakes_come_with_their_row_the_most_confident_first() -> None:
    found = evaluate(ROWS, ("a", "b"))
    assert [(one.row, one.text, one.label, one.predicted, one.degree) for one in found.mistakes] == [
        (5, "t5", "b", "a", Degree("confidence", 0.7)),
        (3, "<b>", "a", "b", Degree("confidence", 0.6)),
    ]


@pytest.mark.parametrize(
    ("task", "stored", "degree"),
    [
        ("search", 1 - 1 / 14, Degree("rank", 14)),
        ("search", 1 - 1 / 20_000, Degree("rank", 20_000)),
        ("similarity", 0.31, Degree("error", 0.31)),
        ("classification", 0.31, Degree("confidence", 0.31)),
    ],
)
def test_a_row_of_an_older_run_gets_its_number_named(task: str, stored: float, degree: Degree) -> None:
    row = {"row": 3, "text": "q", "pair": "d", "label": "d", "predicted": "x", "confidence": stored, "right": False}
    assert [mistake.degree for mistake in evaluate([with_degree(row, task)], ()).mistakes] == [degree]


@pytest.mark.parametrize("degree", [Degree("rank", 14), Degree("error", 0.31), Degree("confidence", 0.9)])
def test_a_row_of_today_comes_back_as_it_was_kept(degree: Degree) -> None:
    row = {"row": 3, "text": "q", "label": "d", "predicted": "x", **degree.to_fields(), "right": False}
    task = {"rank": "search", "error": "similarity", "confidence": "pair"}[degree.kind]
    assert with_degree(row, task) == row
    assert evaluate([row], ()).mistakes[0].degree == degree


@pytest.mark.parametrize("degree", [Degree("rank", 14), Degree("error", 0.31), Degree("confidence", 0.9)])
def test_a_worker_stores_the_number_under_the_name_of_what_it_measures(degree: Degree) -> None:
    stored = Row(3, "q", "d", Judged("d", "x", degree, right=False)).to_fields()
    assert stored[degree.kind] == degree.value
    assert {"confidence", "rank", "error", "degree"} & set(stored) == {degree.kind}
