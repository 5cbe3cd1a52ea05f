"""What tasks return: predictions, metrics with intervals, evaluated held-out rows, and findings about a table.

Frozen dataclasses that cross module borders; importing them loads no heavy library.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal


@dataclass(frozen=True)
class Score:
    """A metric with its 95% interval; `low` and `high` are None where none was computed."""

    value: float
    low: float | None = None
    high: float | None = None


def scores_with_intervals(names: Sequence[str], **arrays: Any) -> dict[str, Score]:
    """Return metrics with their 95% intervals; `arrays` are the arguments of these metrics in `bertdemo/metrics`."""
    from bertdemo import metrics

    return {name: Score(*estimate) for name, estimate in metrics.estimate(names, **arrays).items()}


@dataclass(frozen=True)
class LabelScore:
    """One label and its probability."""

    label: str
    score: float


@dataclass(frozen=True)
class Annotation:
    """A label of the whole text, or of its code points from `start` up to but not including `end`."""

    label: str
    start: int = 0
    end: int = 0

    @property
    def spans(self) -> bool:
        """Whether it covers a part of the text only."""
        return self.end > self.start


DegreeKind = Literal["confidence", "rank", "error"]
DEGREE_KINDS: tuple[DegreeKind, ...] = ("confidence", "rank", "error")


@dataclass(frozen=True)
class Degree:
    """How confident, or how far off, the model was on one row.

    `confidence` is the probability of the prediction, `rank` the rank of the right document (1 is first), `error`
    the absolute error as a share of the scale. The larger the value, the worse the mistake, in all three.
    """

    kind: DegreeKind
    value: float

    def to_fields(self) -> dict[str, float]:
        """Return what is stored: the value under the name of its kind."""
        return {self.kind: self.value}

    @classmethod
    def from_fields(cls, row: Mapping[str, Any]) -> Degree:
        """Read what `to_fields` stored in a row."""
        kind = next(kind for kind in DEGREE_KINDS if kind in row)
        return cls(kind, float(row[kind]))


@dataclass(frozen=True)
class Judged:
    """One held-out row: its target beside the prediction. The field names are those of evaluation.jsonl."""

    label: str
    """The target as text."""
    predicted: str
    """The prediction as text."""
    degree: Degree
    right: bool
    given: tuple[Annotation, ...] = ()
    """The target label by label, for per-label scores; () for a task without labels."""
    said: tuple[Annotation, ...] = ()
    """The prediction label by label."""


View = Literal["labels", "label_set", "score", "cosine", "entities", "answer", "masks", "text", "number"]
"""How a prediction is drawn. A view needs certain fields, not a certain task: see `ui/html/predictions.py`."""


class Prediction(ABC):
    """The prediction for one input; every task has its own frozen dataclass, which names its view."""

    view: ClassVar[View]

    @abstractmethod
    def to_api(self) -> dict[str, object]:
        """Return the `output` of /predict."""

    @property
    @abstractmethod
    def cell(self) -> str:
        """The prediction as one cell of a file: the column `prediction`."""

    @property
    def confidence(self) -> float | None:
        """A probability, 0 to 1: the column `confidence`; None where the prediction has none."""
        return None

    @property
    def extra_cells(self) -> Mapping[str, str]:
        """Further cells of its row in a file of predictions, by column."""
        return {}

    @property
    def counted(self) -> tuple[str, ...]:
        """The labels that are counted over the rows of a file; () for a prediction without labels."""
        return ()


@dataclass(frozen=True)
class Labels(Prediction):
    """All labels of a text with their probabilities, best first."""

    labels: tuple[LabelScore, ...]
    view = "labels"

    @property
    def best(self) -> LabelScore:
        """The most probable label."""
        return self.labels[0]

    @property
    def cell(self) -> str:
        """The most probable label."""
        return self.best.label

    @property
    def confidence(self) -> float:
        """The probability of the most probable label."""
        return self.best.score

    @property
    def counted(self) -> tuple[str, ...]:
        """The most probable label."""
        return (self.best.label,)

    def to_api(self) -> dict[str, object]:
        """Return {labels: [{label, score}]}, best first."""
        return {"labels": [{"label": item.label, "score": round(item.score, 6)} for item in self.labels]}


@dataclass(frozen=True)
class Problem:
    """A finding about rows that only the task can make; its sentences are under `finding.<code>`.

    A row that is listed here and has no target is left out of training.
    """

    level: Literal["pass", "warn", "fail"]
    code: str
    values: Mapping[str, str | int | float]
    rows: tuple[int, ...] = ()
    """Indices into the table, the first 20."""

    @classmethod
    def at_rows(
        cls, level: Literal["pass", "warn", "fail"], code: str, row_indices: Sequence[int], **values: str | int | float
    ) -> Problem:
        """Return a finding about these rows; their number is the `count` of its sentence unless `values` have one."""
        return cls(level, code, {"count": len(row_indices), **values}, tuple(row_indices[:20]))


@dataclass(frozen=True)
class BaselineScore:
    """The metrics of a model without fine-tuning; `kind` is its name under the locale key `baseline.<kind>`."""

    kind: str
    metrics: Mapping[str, Score]
    rows: int
    folds: int
