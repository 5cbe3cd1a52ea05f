"""Several labels a text: how they are read, thresholds, and figures that are scikit-learn's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertdemo import tasks
from bertdemo.checkpoints import loading
from bertdemo.errors import OneClass, TooFewRows, TooManyLabels, UnknownLabel
from bertdemo.tables.table import Table
from bertdemo.tasks.base import HeadOptions
from bertdemo.tasks.label_lists import FLAGS
from bertdemo.tasks.multi_label.task import LabelSet, MultiLabel, ScoredLabel, thresholds
from tests.tiny import build_tiny_checkpoint

TASK = MultiLabel()
COLUMNS = {"text": "text", "label": "label"}


def table(cells: list[str | None], **more: list[str]) -> Table:
    columns = {"text": tuple(f"a text number {i} to read" for i in range(len(cells))), "label": tuple(cells)}
    return Table(
        "t.csv", {**columns, **{name: tuple(values) for name, values in more.items()}}, tuple(range(2, 2 + len(cells)))
    )


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["a|b", "a", "b", "b|a", None], [(0, 1), (0,), (1,), (0, 1), None]),
        (["a; b", "a", "b", "b;a ", " "], [(0, 1), (0,), (1,), (0, 1), None]),
        (["a、b", "a", "b", "b、a", ""], [(0, 1), (0,), (1,), (0, 1), None]),
        (['["a", "b"]', '["a"]', '["b"]', "[]", None], [(0, 1), (0,), (1,), (), None]),
        (["a|a", "a", "b", "a|b", "b|a"], [(0,), (0,), (1,), (0, 1), (0, 1)]),
    ],
)
def test_labels_are_read_from_lists_and_from_what_joins_them(cells: list[str | None], wanted: list[Any]) -> None:
    given = table(cells)
    assert TASK.labels(given, COLUMNS) == ("a", "b")
    assert TASK.targets(given, COLUMNS, ("a", "b")) == wanted


def test_a_column_of_0_and_1_for_each_label_is_read_as_one() -> None:
    texts = tuple(f"some text {i}" for i in range(8))
    cells = {"text": texts, "sport": ("0", "1") * 4, "food": ("1", "1", "0", "0") * 2}
    flags = Table("t.csv", cells, tuple(range(8)))
    columns = TASK.columns(flags)
    assert columns == {"text": "text", "label": FLAGS} and tasks.guess(flags).id == "multi_label"
    assert TASK.labels(flags, columns) == ("sport", "food")
    assert TASK.targets(flags, columns, ("sport", "food"))[:4] == [(1,), (0, 1), (), (0,)]
    assert TASK.columns_by_slot(columns) == {"text": "text"} and FLAGS in TASK.choices(flags, "label")
    TASK.check(flags, columns, label_limit=9)


@pytest.mark.parametrize("labels", [["fish, raw", "meat"], ["yes/no", "no"], ["a|b", "c"], ["</p>", "<p>"]])
def test_a_single_label_with_a_mark_in_it_is_no_list(labels: list[str]) -> None:
    assert tasks.guess(table(labels * 20)).id == "classification"


def test_tables_that_cannot_be_learned_are_refused() -> None:
    for cells, error in (
        (["a|b", None, "a", "b"], TooFewRows),
        (["a"] * 5, OneClass),
        (["a|b", "b", "a", "c|a"], TooManyLabels),
    ):
        with pytest.raises(error):
            TASK.check(table(cells), COLUMNS, label_limit=2)
    with pytest.raises(UnknownLabel) as caught:
        TASK.targets(table(["a|b", "a", "b", "c|a"]), COLUMNS, ("a", "b"))
    assert (caught.value.values["label"], caught.value.values["row"]) == ("c", 5)


def test_a_threshold_is_the_best_for_its_label_and_shared_where_rows_are_few() -> None:
    draw = np.random.default_rng(0)
    given = (draw.random((400, 3)) < np.array([0.4, 0.1, 0.01])).astype(np.int64)
    said = np.clip(0.5 * given * np.array([1.0, 0.4, 1.0]) + 0.3 * draw.random((400, 3)), 0, 1)
    found = thresholds.tuned(said, given)
    for label in (0, 1):
        best = max(_f1(said[:, label] >= step, given[:, label]) for step in np.linspace(0.01, 0.99, 99))
        assert _f1(said[:, label] >= found[label], given[:, label]) == pytest.approx(best)
    assert given[:, 2].sum() < thresholds.ENOUGH and 0 < found[2] < 1


def _f1(said: Any, given: Any) -> float:
    return float(2 * (said & (given > 0)).sum() / max(1, said.sum() + given.sum()))


@pytest.mark.slow
def test_the_figures_are_those_of_scikit_learn_with_an_interval_around_them() -> None:
    from sklearn.metrics import f1_score

    draw = np.random.default_rng(1)
    names, given = ("a", "b", "c"), draw.random((120, 3)) < 0.4
    chosen = np.where(draw.random((120, 3)) < 0.8, given, ~given)
    said = [LabelSet(tuple(ScoredLabel(n, 0.5, bool(c)) for n, c in zip(names, row, strict=True))) for row in chosen]
    targets = [tuple(np.flatnonzero(row).tolist()) for row in given]
    found = TASK.intervals(said, targets, names)
    for name, average in (("macro_f1", "macro"), ("micro_f1", "micro")):
        assert found[name].value == pytest.approx(f1_score(given, chosen, average=average))
        assert found[name].low < found[name].value < found[name].high  # type: ignore[operator]
    judged = TASK.judge(said[0], targets[0], names)
    assert judged.right == (chosen[0] == given[0]).all()
    assert said[0].to_api()["labels"][0] == {"label": "a", "score": 0.5, "chosen": bool(chosen[0, 0])}


def test_a_new_head_begins_at_the_share_of_each_label_and_one_that_is_kept_stays(tmp_path: Path) -> None:
    tiny = build_tiny_checkpoint(tmp_path / "tiny")
    targets = [(0,)] * 60 + [(0, 1)] * 20 + [()] * 20
    opened = TASK.model(tiny, HeadOptions(("often", "seldom", "never"), 0, targets))
    told: Any = opened.model
    assert told.classifier.bias.sigmoid().tolist() == pytest.approx([0.8, 0.2, 0.0], abs=0.01)
    loading.write(told, tiny, tmp_path)
    again: Any = TASK.model(tmp_path, HeadOptions(("often", "seldom", "never"), 0, [(2,)] * 9)).model
    assert again.classifier.bias.tolist() == told.classifier.bias.tolist()
