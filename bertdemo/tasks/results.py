"""What tasks say: predictions, scores with their intervals, held-out rows judged, and problems found in a table.

Frozen dataclasses that cross borders; nothing here imports a heavy library.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal


@dataclass(frozen=True)
class Score:
    """A metric with its 95% interval; `low` and `high` are None where none was computed."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class LabelScore:
    """One label and its probability."""

    label: str
    score: float


@dataclass(frozen=True)
class Mark:
    """A label, of the whole text or of its characters `start` to `end` (code points, `end` not included)."""

    label: str
    start: int = 0
    end: int = 0

    @property
    def spans(self) -> bool:
        """Whether it is of a part of the text."""
        return self.end > self.start


DegreeKind = Literal["confidence", "rank", "error"]
DEGREE_KINDS: tuple[DegreeKind, ...] = ("confidence", "rank", "error")


@dataclass(frozen=True)
class Degree:
    """How sure, or how far off, the model was on one row: a number that says what it measures.

    `confidence` is a probability of what was said, `rank` the place of the right document (1 is first), `error` the
    absolute error as a share of the scale. Each is a worse mistake the larger it is.
    """

    kind: DegreeKind
    value: float

    def to_fields(self) -> dict[str, float]:
        """Return what is stored of it: the number under the name of what it measures."""
        return {self.kind: self.value}

    @classmethod
    def from_fields(cls, row: Mapping[str, Any]) -> Degree:
        """Read what `to_fields` stored in a row."""
        kind = next(kind for kind in DEGREE_KINDS if kind in row)
        return cls(kind, float(row[kind]))


@dataclass(frozen=True)
class Judged:
    """One held-out row beside what the model said of it."""

    label: str
    """What the data say, in words."""
    predicted: str
    """What the model said, in words."""
    degree: Degree
    right: bool
    given: tuple[Mark, ...] = ()
    """What the data say, as it is counted label by label; () where nothing is."""
    said: tuple[Mark, ...] = ()


View = Literal["labels", "label_set", "score", "cosine", "entities", "answer", "masks", "text", "number"]
"""How a prediction is drawn. A view asks for fields, not for a task: see `ui/html/predictions.py` for which."""


class Prediction(ABC):
    """What a model says of one input; every task has a frozen dataclass of its own, which says how it is drawn."""

    view: ClassVar[View]

    @abstractmethod
    def to_api(self) -> dict[str, Any]:
        """Return the `output` of /predict."""

    @property
    @abstractmethod
    def words(self) -> str:
        """What was said as one cell of a file: the column `prediction`."""

    @property
    def confidence(self) -> float | None:
        """How sure it is, 0 to 1: the column `confidence`; None where it has no such thing."""
        return None

    @property
    def more(self) -> Mapping[str, str]:
        """Further cells of its row in a file of predictions, by column."""
        return {}


@dataclass(frozen=True)
class Labels(Prediction):
    """All labels of a text with their probabilities, best first."""

    labels: tuple[LabelScore, ...]
    view = "labels"

    @property
    def best(self) -> LabelScore:
        """The label that is chosen."""
        return self.labels[0]

    @property
    def words(self) -> str:
        """The label that is chosen."""
        return self.best.label

    @property
    def confidence(self) -> float:
        """Its probability."""
        return self.best.score

    def to_api(self) -> dict[str, Any]:
        """Return {labels: [{label, score}]}, best first."""
        return {"labels": [{"label": item.label, "score": round(item.score, 6)} for item in self.labels]}


@dataclass(frozen=True)
class Problem:
    """What is wrong with rows in a way that only the task knows; sentences are under `finding.<code>`.

    A row that is named here and has no target is left out of training.
    """

    level: Literal["pass", "warn", "fail"]
    code: str
    values: Mapping[str, str | int | float]
    rows: tuple[int, ...] = ()
    """Indices into the table, the first 20."""


@dataclass(frozen=True)
class BaselineScore:
    """How far a model without fine-tuning reaches; `kind` is its name under the locale key `baseline.<kind>`."""

    kind: str
    metrics: Mapping[str, Score]
    rows: int
    folds: int
