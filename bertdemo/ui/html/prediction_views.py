"""The fields that each view of a prediction draws, as protocols: any task's prediction may have them.

Scores are probabilities of 0..1, offsets are code points of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bertdemo.tasks.results import LabelScore


class LabelsView(Protocol):
    """`labels`: one label out of several, best first."""

    @property
    def labels(self) -> Sequence[LabelScore]:
        """Labels with their probabilities."""


class ChosenScore(Protocol):
    """One label of a multi-label prediction."""

    @property
    def label(self) -> str:
        """Its name."""

    @property
    def score(self) -> float:
        """Its probability."""

    @property
    def chosen(self) -> bool:
        """Whether it applies."""


class LabelSetView(Protocol):
    """`label_set`: any number of labels, most probable first."""

    @property
    def labels(self) -> Sequence[ChosenScore]:
        """All of them."""

    @property
    def chosen(self) -> Sequence[str]:
        """The names of those that apply."""


class CosineView(Protocol):
    """`cosine`: the cosine similarity of two texts."""

    @property
    def score(self) -> float:
        """The cosine."""


class ScoreView(CosineView, Protocol):
    """`score`: a number on the scale of the data, and the cosine similarity that it was computed from."""

    @property
    def cosine(self) -> float:
        """The cosine."""

    @property
    def low(self) -> float:
        """The lower end of the scale."""

    @property
    def high(self) -> float:
        """The upper end of the scale."""


class MarkedSpan(Protocol):
    """A labeled span of a text."""

    @property
    def start(self) -> int:
        """Its first character."""

    @property
    def end(self) -> int:
        """The character after its last one."""

    @property
    def label(self) -> str:
        """What it is."""

    @property
    def score(self) -> float:
        """Its confidence."""


class EntitiesView(Protocol):
    """`entities`: labeled spans of the text."""

    @property
    def entities(self) -> Sequence[MarkedSpan]:
        """The spans, in the order of the text."""


class AnswerView(Protocol):
    """`answer`: a span of the passage, or no answer."""

    @property
    def answer(self) -> str:
        """Its text."""

    @property
    def start(self) -> int:
        """Its first character."""

    @property
    def end(self) -> int:
        """The character after its last one."""

    @property
    def score(self) -> float:
        """Its confidence."""

    @property
    def no_answer(self) -> bool:
        """Whether there is none."""


class TokenScore(Protocol):
    """One candidate token for a [MASK]."""

    @property
    def token(self) -> str:
        """The token."""

    @property
    def score(self) -> float:
        """Its probability."""


class MasksView(Protocol):
    """`masks`: the best tokens for each [MASK]."""

    @property
    def masks(self) -> Sequence[Sequence[TokenScore]]:
        """Best first, mask by mask."""


class TextView(Protocol):
    """`text`: a generated text."""

    @property
    def text(self) -> str:
        """The text."""

    @property
    def score(self) -> float:
        """Its confidence."""
