"""Facts about a checkpoint: CheckpointInfo for every one, Card for a trained one."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from pydantic import TypeAdapter

from bertdemo.checkpoints.head_detection import Problem
from bertdemo.errors import CheckpointBroken
from bertdemo.run_config import KEEPS, Keep, Truncation

Source = Literal["bundled", "hub", "local", "trained"]
Language = Literal["en", "zh", "multilingual", "unknown"]
Capability = Literal["tokenize", "embed", "similarity", "fine_tune", "labels", "fill_mask", "chinese"]
CAPABILITIES: tuple[Capability, ...] = get_args(Capability)
# The owner of what ships with the app, in place of a hash: no key has this one.
PUBLIC = "public"
CARD_FILE = "card.json"
CARD_SCHEMA = 1


@dataclass(frozen=True)
class CheckpointInfo:
    """One checkpoint, as in a list."""

    id: str
    name: str
    source: Source
    task: str | None
    """Task that it was trained for here; None for any other checkpoint: see `tasks.for_checkpoint`."""
    labels: tuple[str, ...]
    layers: int
    width: int
    heads: int
    parameters: int
    """Number of parameters of the encoder and the pooler, without a head."""
    positions: int
    """The longest sequence, in tokens."""
    vocabulary: int
    language: Language
    can: tuple[Capability, ...]
    cannot: tuple[Capability, ...]
    cased: bool | None
    """None where the files do not tell."""
    pooling: str | None
    """How a text is meant to be pooled: mean, pooler, or None where the model has no pooler."""
    ready: bool
    """Whether it can be used without a download."""
    base: str | None = None
    """Id of the checkpoint that training started from."""
    run: str | None = None
    shipped: bool = False
    """Whether it is that of the run that ships with the app."""
    created: float = 0.0
    """Seconds since the epoch; 0 unless trained."""
    metric: float | None = None
    """First metric of a trained one that was evaluated."""
    mean_head: bool = False
    """Whether its head is a linear layer on the mean, which BertForSequenceClassification does not load."""
    outputs: tuple[str, ...] = ()
    """A name for each output of its trained head on a whole text, also of a regression."""
    problem: Problem = "single_label_classification"
    """How that head was trained."""
    other_head: str = ""
    """Class of a head of another kind in its file, such as BertForTokenClassification."""


@dataclass(frozen=True)
class Card:
    """Where a trained checkpoint comes from: its run, data and configuration, saved beside the weights."""

    id: str
    owner: str
    """SHA-256 of the owner key in hex, so that a card that leaks does not reveal the key."""
    name: str
    task: str
    labels: tuple[str, ...]
    columns: Mapping[str, str]
    """Role -> column name."""
    base: str
    base_sha256: str
    """SHA-256 of the model.safetensors of the base."""
    base_commit: str | None
    """Commit on the Hub; None for a base that is not from there."""
    data_name: str
    data_sha256: str
    rows: int
    config: Mapping[str, Any]
    """The fields of RunConfig, resolved."""
    metrics: Mapping[str, Mapping[str, float | None]]
    """Name -> {value, low, high}; the first one is the headline."""
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
        """Which part of a long text it keeps; the start, where the card is older than this choice."""
        return next((keep for keep in KEEPS if keep == self.config.get("keep")), "head")

    def truncation(self, positions: int) -> Truncation:
        """Return the truncation of its training; to `positions` where its card has no length."""
        return Truncation(self.max_length or positions, self.keep)

    def to_json(self) -> str:
        """Return one JSON object with its schema number; `from_json` returns the same card."""
        return json.dumps({"schema": CARD_SCHEMA, **asdict(self)}, ensure_ascii=False, indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str, *, checkpoint: str) -> Card:
        """Rebuild a card; CheckpointBroken, which names `checkpoint`, where the text is not a valid card."""
        try:
            raw = json.loads(text)
            if raw["schema"] != CARD_SCHEMA:
                raise ValueError(raw["schema"])
            return TypeAdapter(cls).validate_python({_OLDER_NAMES.get(name, name): raw[name] for name in raw})
        except (ValueError, KeyError, TypeError, RecursionError):
            raise CheckpointBroken(checkpoint=checkpoint, file=CARD_FILE) from None


# Names of fields of a card before November 2026.
_OLDER_NAMES = {"mends": "cleaning", "relabels": "relabel"}


class StoredOwner(str):
    """The hash of an owner key, in place of the key itself, which is stored nowhere.

    With it the server acts for an owner who is not there. What comes from a visitor is never of this class.
    """


def owner_sha256(owner: str) -> str:
    """Return the hex digest that is stored instead of an owner key; "" is the only owner of a loopback server."""
    if isinstance(owner, StoredOwner):
        return str(owner)
    return hashlib.sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()


def may_read(stored: str, owner: str | None) -> bool:
    """Return whether this owner may read what has this stored owner; None is the dispatcher, who may read all."""
    return owner is None or stored == PUBLIC or hmac.compare_digest(stored.encode(), owner_sha256(owner).encode())


def split_capabilities(can: set[Capability]) -> tuple[tuple[Capability, ...], tuple[Capability, ...]]:
    """Return what a checkpoint can and cannot do, both in the order of CAPABILITIES."""
    return tuple(name for name in CAPABILITIES if name in can), tuple(name for name in CAPABILITIES if name not in can)
