"""Held-out rows summed up: per label, as a confusion matrix, and as a list of mistakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bertdemo.tasks.results import Annotation, Degree

_NOT_A_CONFIDENCE: Mapping[str, Callable[[float], Degree]] = MappingProxyType({
    "search": lambda stored: Degree("rank", round(1 / (1 - stored))),
    "similarity": lambda stored: Degree("error", stored),
})  # fmt: skip
"""Task -> what a row of an older run keeps under `confidence`, where that is another number."""


def current(row: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Return a row that a run of `task` kept, with its number under the name of what it measures."""
    if task not in _NOT_A_CONFIDENCE or "confidence" not in row:
        return dict(row)
    degree = _NOT_A_CONFIDENCE[task](float(row["confidence"]))
    return {**{name: value for name, value in row.items() if name != "confidence"}, **degree.to_fields()}


@dataclass(frozen=True)
class Mistake:
    """One row on which the model was wrong; `row` counts as an editor does."""

    row: int
    text: str
    label: str
    predicted: str
    degree: Degree
    pair: str = ""
    given: tuple[Annotation, ...] = ()
    """What the data mark in the text; () where labels are of whole texts."""
    said: tuple[Annotation, ...] = ()


@dataclass(frozen=True)
class LabelFigures:
    """How well one label was found; `rows` carry it in the data, or so many spans do."""

    label: str
    precision: float
    recall: float
    f1: float
    rows: int


@dataclass(frozen=True)
class Evaluation:
    """What the held-out rows say."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """(true label, predicted label) rows, in the order of `labels`; () where a row has not just one of each."""
    per_label: tuple[LabelFigures, ...]
    """() where nothing is counted by label."""
    mistakes: tuple[Mistake, ...]
    """The worst first: the most confident, or the farthest off."""
    rows: int


def evaluate(rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Evaluation:
    """Sum up what `Registry.evaluation` returned.

    A label is found where a row (or the same characters of it) has it in the data and in what was said. Precision is
    the share of what was said that is found, recall the share of what is in the data, F1 their harmonic mean.
    """
    given, said = [_marks(row, "given", "label") for row in rows], [_marks(row, "said", "predicted") for row in rows]
    alone = all(len(a) == len(b) == 1 and not (*a, *b)[0].spans for a, b in zip(given, said, strict=True))
    known = set(labels)
    single = (
        alone
        and bool(rows)
        and all(a[0].label in known and b[0].label in known for a, b in zip(given, said, strict=True))
    )
    names = tuple(labels) if single else _names(given, said, labels)
    wrong = [_mistake(row, a, b) for row, a, b in zip(rows, given, said, strict=True) if not _right(row)]
    return Evaluation(
        labels=tuple(labels),
        counts=_confusion(given, said, labels) if single else (),
        per_label=_per_label(given, said, names) if known or names else (),
        mistakes=tuple(sorted(wrong, key=lambda mistake: -mistake.degree.value)),
        rows=len(rows),
    )


_Labels = tuple[Annotation, ...]


def _marks(row: Mapping[str, Any], key: str, label: str) -> _Labels:
    """Return the marks of a row; a run that is older than they are has one label a row."""
    if key not in row:
        return (Annotation(str(row[label])),)
    return tuple(Annotation(**mark) for mark in row[key])


def _right(row: Mapping[str, Any]) -> bool:
    return bool(row["right"]) if "right" in row else row["label"] == row["predicted"]


def _mistake(row: Mapping[str, Any], given: _Labels, said: _Labels) -> Mistake:
    spans = any(mark.spans for mark in (*given, *said))
    return Mistake(
        row=int(row["row"]),
        text=str(row["text"]),
        label=str(row["label"]),
        predicted=str(row["predicted"]),
        degree=Degree.from_fields(row),
        pair=str(row.get("pair", "")),
        given=given if spans else (),
        said=said if spans else (),
    )


def _names(given: Sequence[_Labels], said: Sequence[_Labels], labels: Sequence[str]) -> tuple[str, ...]:
    """Return the labels that are marked, in the order of `labels`, others by name."""
    used = {mark.label for marks in (*given, *said) for mark in marks if mark.label}  # an answer has no name
    known = tuple(label for label in labels if label in used)
    return (*known, *sorted(used - set(known)))


def _per_label(given: Sequence[_Labels], said: Sequence[_Labels], names: Sequence[str]) -> tuple[LabelFigures, ...]:
    from sklearn.metrics import precision_recall_fscore_support

    ids = {name: at for at, name in enumerate(names)}
    pairs: list[tuple[int, int]] = []  # (in the data, predicted), -1 for what the other side lacks
    for a, b in zip(given, said, strict=True):
        matched = Counter(a) & Counter(b)
        pairs += [(ids.get(mark.label, -1),) * 2 for mark in matched.elements()]
        pairs += [(ids.get(mark.label, -1), -1) for mark in (Counter(a) - matched).elements()]
        pairs += [(-1, ids.get(mark.label, -1)) for mark in (Counter(b) - matched).elements()]
    true, predicted = zip(*(pairs or [(-1, -1)]), strict=True)
    figures = precision_recall_fscore_support(true, predicted, labels=range(len(names)), zero_division=0.0)
    return tuple(
        LabelFigures(name, float(precision), float(recall), float(f1), int(rows))
        for name, precision, recall, f1, rows in zip(names, *figures, strict=True)
    )


def _confusion(given: Sequence[_Labels], said: Sequence[_Labels], labels: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    from sklearn.metrics import confusion_matrix

    ids = {name: at for at, name in enumerate(labels)}
    true, predicted = ([ids[marks[0].label] for marks in side] for side in (given, said))
    return tuple(map(tuple, confusion_matrix(true, predicted, labels=range(len(labels))).tolist()))
