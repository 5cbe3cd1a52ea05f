"""What is known about a checkpoint: CheckpointInfo for a list, Card for a trained one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

from bertdemo.checkpoints.head_detection import Problem
from bertdemo.errors import CheckpointBroken
from bertdemo.run_config import KEEPS, Keep, Truncation

Source = Literal["bundled", "hub", "local", "trained"]
Language = Literal["en", "zh", "multilingual", "unknown"]
Capability = Literal["tokenize", "embed", "similarity", "fine_tune", "labels", "fill_mask", "chinese"]
CAPABILITIES: tuple[Capability, ...] = (
    "tokenize",
    "embed",
    "similarity",
    "fine_tune",
    "labels",
    "fill_mask",
    "chinese",
)
CARD_FILE = "card.json"
CARD_SCHEMA = 1


@dataclass(frozen=True)
class CheckpointInfo:
    """One checkpoint as a list shows it."""

    id: str
    name: str
    source: Source
    task: str | None
    """Task of its trained head; None where it has none, or one that we cannot name."""
    labels: tuple[str, ...]
    layers: int
    width: int
    heads: int
    parameters: int
    """Numbers in the encoder and the pooler; a head is not counted."""
    positions: int
    """Longest sequence in pieces."""
    vocabulary: int
    language: Language
    can: tuple[Capability, ...]
    cannot: tuple[Capability, ...]
    cased: bool | None
    """None where the files do not say."""
    pooling: str | None
    """How a text vector is meant to be taken: mean, pooler, or None where the model has no pooler."""
    ready: bool
    """True where it can be used without a download."""
    base: str | None = None
    """Id of the checkpoint that a trained one started from."""
    run: str | None = None
    created: float = 0.0
    """Seconds since the epoch; 0 unless trained."""
    metric: float | None = None
    """First metric of a trained one that was evaluated."""
    mean_head: bool = False
    """Its head is a linear layer on the mean, which BertForSequenceClassification does not load."""
    outputs: tuple[str, ...] = ()
    """A name for each output of its trained head on a whole text, those of a regression too."""
    problem: Problem = "single_label_classification"
    """How that head was trained."""
    other_head: str = ""
    """Class of a head of another kind that its file holds, such as BertForTokenClassification."""


@dataclass(frozen=True)
class Card:
    """Everything that a trained checkpoint remembers of its making, saved beside the weights."""

    id: str
    owner: str
    """SHA-256 of the owner key in hex: a card that leaks is no key."""
    name: str
    task: str
    labels: tuple[str, ...]
    columns: Mapping[str, str]
    """Role to column name."""
    base: str
    base_sha256: str
    """Of the base's model.safetensors."""
    base_commit: str | None
    """Commit on the Hub; None for a base that did not come from there."""
    data_name: str
    data_sha256: str
    rows: int
    config: Mapping[str, Any]
    """The fields of RunConfig, as they were used."""
    metrics: Mapping[str, Mapping[str, float | None]]
    """Name to {value, low, high}; the first one is the headline."""
    evaluated_on: str
    versions: Mapping[str, str]
    created: float
    run: str
    language: Language
    pooling: str | None
    max_length: int
    evaluated: bool
    cleaning: tuple[str, ...] = ()
    """Cleaning steps applied to the training file, as in RunRequest; `data_sha256` is of the file as uploaded."""
    relabel: Mapping[str, str] = field(default_factory=dict)

    @property
    def keep(self) -> Keep:
        """What it keeps of a text that is too long; the start, where a card is older than the choice."""
        found = self.config.get("keep", "head")
        return next((one for one in KEEPS if one == found), "head")

    def truncation(self, positions: int) -> Truncation:
        """Return how it cut texts in training; `positions` where its card names no length."""
        return Truncation(self.max_length or positions, self.keep)

    def to_json(self) -> str:
        """Return one JSON object with its schema number; `from_json` gives the same card back."""
        return json.dumps({"schema": CARD_SCHEMA, **asdict(self)}, ensure_ascii=False, indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str, *, checkpoint: str) -> Card:
        """Rebuild a card; CheckpointBroken, which names `checkpoint`, where it is none or a value has another type."""
        try:
            raw = json.loads(text)
            if raw["schema"] != CARD_SCHEMA:
                raise ValueError(raw["schema"])
            return TypeAdapter(cls).validate_python({_OLDER_NAMES.get(name, name): raw[name] for name in raw})
        except (ValueError, KeyError, TypeError, RecursionError):
            raise CheckpointBroken(checkpoint=checkpoint, file=CARD_FILE) from None


_OLDER_NAMES = {"mends": "cleaning", "relabels": "relabel"}
"""What fields of a card were called before November 2026."""


def owner_sha256(owner: str) -> str:
    """Return the hex digest that stands for an owner key on disk; "" is the one owner of a loopback server."""
    return hashlib.sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()


def split_capabilities(can: set[Capability]) -> tuple[tuple[Capability, ...], tuple[Capability, ...]]:
    """Return what is possible and what is not, both in the order of CAPABILITIES."""
    return tuple(c for c in CAPABILITIES if c in can), tuple(c for c in CAPABILITIES if c not in can)
