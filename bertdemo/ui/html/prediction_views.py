"""What each view of a prediction asks for: fields that any task's prediction may have."""

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
    """One label of several that do not compete."""

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
    """`label_set`: any number of labels, best first."""

    @property
    def labels(self) -> Sequence[ChosenScore]:
        """All of them."""

    @property
    def chosen(self) -> Sequence[str]:
        """The names of those that apply."""


class CosineView(Protocol):
    """`cosine`: how near two vectors are."""

    @property
    def score(self) -> float:
        """The cosine."""


class ScoreView(CosineView, Protocol):
    """`score`: a number on a scale, beside the cosine that it was made of."""

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
    """A part of a text with a label."""

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
        """How sure the model is."""


class EntitiesView(Protocol):
    """`entities`: marked parts of the text."""

    @property
    def entities(self) -> Sequence[MarkedSpan]:
        """The parts, in their order."""


class AnswerView(Protocol):
    """`answer`: a part of the second text, or none."""

    @property
    def answer(self) -> str:
        """Its words."""

    @property
    def start(self) -> int:
        """Its first character."""

    @property
    def end(self) -> int:
        """The character after its last one."""

    @property
    def score(self) -> float:
        """How sure the model is."""

    @property
    def no_answer(self) -> bool:
        """Whether there is none."""


class TokenScore(Protocol):
    """One token that could stand at a [MASK]."""

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
    """`text`: a text that was written."""

    @property
    def text(self) -> str:
        """The text."""

    @property
    def score(self) -> float:
        """How sure the model was of it."""
