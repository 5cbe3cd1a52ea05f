"""A study as it was asked for (`Study`), and how far it is (`Progress`); both are stored as JSON.

A study never changes after it was created. Its progress is written by one thread of the server, and holds the scores
that were read of its runs, so that it stays complete when a run is deleted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, field, replace
from typing import Any, Literal, get_args

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from bertdemo.runs.request import RunRequest

Kind = Literal["seeds", "layers", "checkpoints", "search"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Value = str | int | float | bool | None
TrialState = Literal["planned", "running", "pruning", "finished", "pruned", "stopped", "failed", "deleted"]
OVER: frozenset[TrialState] = frozenset({"finished", "pruned", "stopped", "failed", "deleted"})
# `variant`: one of those to compare. `trial`: a trial of a search. `defaults` and `best`: the two runs at its end.
Role = Literal["variant", "trial", "defaults", "best"]


@dataclass(frozen=True)
class Variant:
    """What one run of a study has of its own."""

    settings: Mapping[str, Value] = field(default_factory=dict)
    """Field of RunConfig -> value."""
    checkpoint: str = ""
    """Id of the pretrained model; "" for that of the study."""


@dataclass(frozen=True)
class Dimension:
    """One hyper-parameter of a search space: a field of RunConfig with its range, or with its choices."""

    field: str
    kind: Literal["log", "float", "int", "choice"]
    default: Value
    low: float = 0.0
    high: float = 0.0
    choices: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Study:
    """What a person asked for."""

    id: str
    owner: str
    """Hash of the owner key."""
    created: float
    kind: Kind
    request: RunRequest
    """The run that all are variants of; its paths are inside the folder of the study."""
    variants: tuple[Variant, ...] = ()
    space: tuple[Dimension, ...] = ()
    budget_seconds: float = 0.0
    """Training time of a search, its last two runs included."""

    @property
    def searches(self) -> bool:
        """Whether the runs are chosen one after the other, by what the earlier ones reached."""
        return self.kind == "search"

    def to_json(self) -> str:
        """Return one JSON object; `from_json` gives the same study back."""
        fields = {**asdict(self), "request": json.loads(self.request.to_json())}
        return json.dumps(fields, ensure_ascii=False, indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Study:
        """Rebuild a study; raises ConfigError, ValueError, TypeError or KeyError where it is none."""
        raw = json.loads(text)
        return TypeAdapter(cls).validate_python({**raw, "request": RunRequest.from_json(json.dumps(raw["request"]))})


@dataclass(frozen=True)
class TrialScore:
    """What a run reached in its headline metric."""

    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    lower_is_better: bool = False
    rows: int = 0

    def overlaps(self, other: TrialScore) -> bool | None:
        """Return whether the intervals of both have a point in common; None where one has no interval."""
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return None
        return self.low <= other.high and other.low <= self.high

    def beats(self, other: TrialScore) -> bool:
        """Return whether the value is the better one."""
        return self.value < other.value if self.lower_is_better else self.value > other.value


@dataclass(frozen=True)
class Trial:
    """One run of a study."""

    number: int
    """Its place in the study, from 0."""
    role: Role
    variant: Variant
    asked: int | None = None
    """Number of the trial in Optuna's journal; None for a run that Optuna did not ask for."""
    run: str = ""
    """Id of its run; "" until that was created."""
    state: TrialState = "planned"
    score: TrialScore | None = None
    seconds: float = 0.0
    """Time that its run has taken, without waiting for the device."""
    message: str = ""
    """Locale key of why it failed; "" where it did not."""
    values: Mapping[str, str | int | float] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.state in OVER


@dataclass(frozen=True)
class Progress:
    """How far a study is."""

    trials: tuple[Trial, ...] = ()
    ended: bool = False
    stopped: bool = False
    """Whether a person ended it."""
    note: str = ""
    """Locale key of why it ended early; "" where it did not."""
    importances: Mapping[str, float] = field(default_factory=dict)
    """Dimension -> its share of the variance of the score; empty where too few trials have ended."""

    @property
    def current(self) -> Trial | None:
        """The trial that is not over."""
        return next((trial for trial in self.trials if not trial.over), None)

    @property
    def spent_seconds(self) -> float:
        """Time that all runs have taken."""
        return sum(trial.seconds for trial in self.trials)

    def of_role(self, role: Role) -> list[Trial]:
        """Return the trials with a role, in their order."""
        return [trial for trial in self.trials if trial.role == role]

    def to_json(self) -> str:
        """Return one JSON object; `from_json` gives the same progress back."""
        return json.dumps(asdict(self), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Progress:
        """Rebuild a progress; raises ValueError where it is none."""
        return TypeAdapter(cls).validate_json(text)


def changed(progress: Progress, trial: Trial, **fields: Any) -> Progress:
    """Return the progress with fields of one of its trials changed."""
    now = replace(trial, **fields)
    return replace(progress, trials=tuple(now if it.number == now.number else it for it in progress.trials))
