"""The evaluated rows of a run summed up: per-label metrics, a confusion matrix, and a list of mistakes."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bertdemo.tasks import TASKS
from bertdemo.tasks.results import DEGREE_KINDS, Annotation, Degree

# One line of evaluation.jsonl: row, text, pair, label, predicted, right, a `Degree`, and the marks given and said.
EvaluatedRow = Mapping[str, object]

_Marks = tuple[Annotation, ...]
_LOG = logging.getLogger(__name__)


def with_degree(row: EvaluatedRow, task_id: str) -> dict[str, object]:
    """Return a row with its number under the name of what it measures; older runs stored it as a confidence."""
    task = TASKS.get(task_id)
    if task is None or "confidence" not in row:
        return dict(row)
    degree = task.older_degree(float(str(row["confidence"])))
    return {**{name: value for name, value in row.items() if name != "confidence"}, **degree.to_fields()}


def read_rows(path: Path, task_id: str) -> list[EvaluatedRow]:
    """Return the rows of an evaluation.jsonl, [] where there is none.

    Rows that cannot be read are left out: earlier versions wrote the file in place, and a full disk cut it off.
    """
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:  # U+2028 in a text ends no line
        rows = [_row(line) for line in file]
    if damaged := rows.count(None):
        _LOG.warning("%d unreadable rows in %s", damaged, path)
    return [with_degree(row, task_id) for row in rows if row is not None]


def _row(line: str) -> dict[str, object] | None:
    """Return one line; None where it is no whole JSON object, or lacks what is drawn of it."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and _is_drawable(row) else None


def _is_drawable(row: Mapping[str, object]) -> bool:
    texts = all(isinstance(row.get(name), str) for name in ("text", "label", "predicted"))
    degree = any(isinstance(row.get(kind), int | float) for kind in DEGREE_KINDS)
    marks = all(_are_marks(row.get(name, ())) for name in ("given", "said"))
    return texts and degree and marks and isinstance(row.get("row"), int)


def _are_marks(value: object) -> bool:
    """Return whether these are stored Annotations; older runs have none."""
    return not isinstance(value, list) or all(
        isinstance(mark, dict)
        and isinstance(mark.get("label"), str)
        and set(mark) <= {"label", "start", "end"}
        and all(isinstance(mark.get(end, 0), int) for end in ("start", "end"))
        for mark in value
    )


@dataclass(frozen=True)
class Mistake:
    """One row on which the model was wrong; `row` is its number in the file."""

    row: int
    text: str
    label: str
    predicted: str
    degree: Degree
    pair: str = ""
    # The labeled spans of the text; () where labels are of whole texts.
    true_spans: _Marks = ()
    predicted_spans: _Marks = ()


@dataclass(frozen=True)
class LabelFigures:
    """Precision, recall and F1 of one label; `rows` counts the rows, or the spans, that have it in the data."""

    label: str
    precision: float
    recall: float
    f1: float
    rows: int


@dataclass(frozen=True)
class Confusion:
    """How often examples of one label were predicted as another."""

    true: str
    predicted: str
    rows: int


@dataclass(frozen=True)
class Evaluation:
    """The evaluated rows of a run, summed up."""

    labels: tuple[str, ...]
    # Confusion matrix (true label, predicted label) in the order of `labels`; () unless each row has one of each.
    counts: tuple[tuple[int, ...], ...]
    # () where nothing is counted per label.
    per_label: tuple[LabelFigures, ...]
    # The worst first: the most confident, or the farthest off.
    mistakes: tuple[Mistake, ...]
    rows: int

    @property
    def confusions(self) -> tuple[Confusion, ...]:
        """The pairs of labels that were confused, the most frequent first; () where there is no matrix."""
        pairs = [
            Confusion(self.labels[i], self.labels[j], count)
            for i, row in enumerate(self.counts)
            for j, count in enumerate(row)
            if i != j and count
        ]
        return tuple(sorted(pairs, key=lambda pair: -pair.rows))


def evaluate(rows: Sequence[EvaluatedRow], labels: Sequence[str]) -> Evaluation:
    """Sum up what `Registry.evaluation` returned.

    A true positive is a row (or the same span of it) that has the label in the data and in the prediction.
    """
    true = [_marks(row, "given", "label") for row in rows]
    predicted = [_marks(row, "said", "predicted") for row in rows]
    known = set(labels)
    single_label = bool(rows) and all(_is_label_of(marks, known) for marks in (*true, *predicted))
    names = tuple(labels) if single_label else _names(true, predicted, labels)
    wrong = [_mistake(row, a, b) for row, a, b in zip(rows, true, predicted, strict=True) if not _right(row)]
    return Evaluation(
        labels=tuple(labels),
        counts=_confusion(true, predicted, labels) if single_label else (),
        per_label=_per_label(true, predicted, names) if known or names else (),
        mistakes=tuple(sorted(wrong, key=lambda mistake: -mistake.degree.value)),
        rows=len(rows),
    )


def _marks(row: EvaluatedRow, key: str, label: str) -> _Marks:
    """Return the marks of a row; a run that is older than they are has one label per row."""
    marks = row.get(key)
    return (
        tuple(Annotation(**mark) for mark in marks)
        if isinstance(marks, list | tuple)
        else (Annotation(str(row[label])),)
    )


def _is_label_of(marks: _Marks, labels: set[str]) -> bool:
    """Return whether these are one of the labels, for the whole text."""
    return len(marks) == 1 and not marks[0].spans and marks[0].label in labels


def _right(row: EvaluatedRow) -> bool:
    return bool(row["right"]) if "right" in row else row["label"] == row["predicted"]


def _mistake(row: EvaluatedRow, true: _Marks, predicted: _Marks) -> Mistake:
    of_spans = any(mark.spans for mark in (*true, *predicted))
    return Mistake(
        row=int(str(row["row"])),
        text=str(row["text"]),
        label=str(row["label"]),
        predicted=str(row["predicted"]),
        degree=Degree.from_fields(row),
        pair=str(row.get("pair", "")),
        true_spans=true if of_spans else (),
        predicted_spans=predicted if of_spans else (),
    )


def _names(true: Sequence[_Marks], predicted: Sequence[_Marks], labels: Sequence[str]) -> tuple[str, ...]:
    """Return the labels that are marked, in the order of `labels`, others by name."""
    used = {mark.label for marks in (*true, *predicted) for mark in marks if mark.label}  # an answer has no name
    known = tuple(label for label in labels if label in used)
    return (*known, *sorted(used - set(known)))


def _per_label(true: Sequence[_Marks], predicted: Sequence[_Marks], names: Sequence[str]) -> tuple[LabelFigures, ...]:
    from sklearn.metrics import precision_recall_fscore_support

    ids = {name: index for index, name in enumerate(names)}
    pairs: list[tuple[int, int]] = []  # (in the data, predicted), -1 for what the other side lacks
    for true_marks, predicted_marks in zip(map(Counter, true), map(Counter, predicted), strict=True):
        matched = true_marks & predicted_marks
        pairs += [(ids.get(mark.label, -1),) * 2 for mark in matched.elements()]
        pairs += [(ids.get(mark.label, -1), -1) for mark in (true_marks - matched).elements()]
        pairs += [(-1, ids.get(mark.label, -1)) for mark in (predicted_marks - matched).elements()]
    true_ids, predicted_ids = zip(*(pairs or [(-1, -1)]), strict=True)
    figures = precision_recall_fscore_support(true_ids, predicted_ids, labels=range(len(names)), zero_division=0.0)
    return tuple(
        LabelFigures(name, float(precision), float(recall), float(f1), int(rows))
        for name, precision, recall, f1, rows in zip(names, *figures, strict=True)
    )


def _confusion(
    true: Sequence[_Marks], predicted: Sequence[_Marks], labels: Sequence[str]
) -> tuple[tuple[int, ...], ...]:
    from sklearn.metrics import confusion_matrix

    true_labels, predicted_labels = ([marks[0].label for marks in side] for side in (true, predicted))
    return tuple(map(tuple, confusion_matrix(true_labels, predicted_labels, labels=list(labels)).tolist()))
