"""The fields that each view of a prediction draws, as protocols: any task's prediction may have them.

Scores are probabilities of 0..1, offsets are code points of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bertdemo.tasks.results import LabelScore


class LabelsView(Protocol):
    """`labels`: one label out of several."""

    labels: Sequence[LabelScore]  # most probable first


class ChosenScore(Protocol):
    """One label of a multi-label prediction."""

    label: str
    score: float
    chosen: bool  # whether the score reaches the threshold of the label
    threshold: float | None  # None where it is not known


class LabelSetView(Protocol):
    """`label_set`: any number of labels."""

    labels: Sequence[ChosenScore]  # all of them, most probable first
    chosen: Sequence[str]  # the names of those that apply


class CosineView(Protocol):
    """`cosine`: the cosine similarity of two texts."""

    score: float  # -1..1


class ScoreView(CosineView, Protocol):
    """`score`: a number on the scale of the data, and the cosine similarity that it was computed from."""

    cosine: float
    low: float  # the ends of the scale
    high: float


class LabeledSpan(Protocol):
    """A labeled span of a text; `end` is not included."""

    start: int
    end: int
    label: str
    score: float


class EntitiesView(Protocol):
    """`entities`: labeled spans of the text."""

    entities: Sequence[LabeledSpan]  # in the order of the text


class AnswerView(Protocol):
    """`answer`: a span of the passage, or no answer."""

    answer: str
    start: int
    end: int
    score: float
    no_answer: bool


class TokenScore(Protocol):
    """One candidate token for a [MASK]."""

    token: str
    score: float


class MasksView(Protocol):
    """`masks`: the candidates for each [MASK]."""

    masks: Sequence[Sequence[TokenScore]]  # mask by mask, most probable first


class TextView(Protocol):
    """`text`: a generated text."""

    text: str
    score: float
