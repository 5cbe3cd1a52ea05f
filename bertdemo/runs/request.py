"""What a person asks of a training run, and what is chosen for the data where they left it open."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import StringConstraints, TypeAdapter
from pydantic.dataclasses import dataclass

from bertdemo.checkpoints.info import PUBLIC
from bertdemo.errors import AllLayersFrozen, ConfigError, LayersBeyondModel
from bertdemo.run_config import RunConfig
from bertdemo.runs import recipes
from bertdemo.runs.recipes import contrastive
from bertdemo.tasks.base import Task

RowNumber = Annotated[str, StringConstraints(pattern="^(0|[1-9][0-9]{0,17})$")]

_LOG = logging.getLogger(__name__)
# Seconds since the epoch at the end of the year 9999: a later time cannot be written as a date.
_LATEST = 253_402_300_800
# What fields of a stored request were called before November 2026.
_OLDER_NAMES = {"mends": "cleaning", "relabels": "relabel", "reading": "parse"}

# A small data set stops improving only after about this many optimizer steps, so it gets more epochs; three suffice
# above it. Mosbach et al. 2021 (arXiv:2006.04884) train RTE for 20 epochs where 3 are common.
_MINIMUM_STEPS = 100
# A new head learns each label from the rows of that label: 77 intents need more steps than two sentiments.
_MINIMUM_STEPS_PER_LABEL = 12
# Bounds of the epochs that are chosen; a visitor may choose others.
_FEWEST_EPOCHS, _MOST_EPOCHS = 3, 10
# Below this many training rows a batch of 32 leaves fewer than 20 steps per epoch, so half of it is taken.
_SMALL_TRAINING_SET = 600
# Small models want a higher learning rate (Turc et al. 2019, arXiv:1908.08962): the bundled model has 22.7M
# parameters, BERT-base 110M.
_SMALL_MODEL_PARAMETERS = 35_000_000
# How many times faster than the encoder a head learns: one from random weights has far to go, a fitted one has not.
_HEAD_FACTORS = {"random": 10.0, "probe": 2.0}
# LoRA wants about ten times the learning rate of full fine-tuning (Biderman et al. 2024, arXiv:2405.09673, section 5).
_LORA_RATE = 10.0
# Where the most frequent label has more than four times the rows of the rarest, the loss counts both alike: below, the
# order of the labels by frequency costs the rare ones little.
_BALANCED_ABOVE = 4


@dataclass(frozen=True)
class StudyMember:
    """Which run of which study this is (see `runs.studies`)."""

    id: str
    number: int
    inner: bool = False
    """Whether it is a trial: its validation rows come out of the training set, and no checkpoint is kept."""


@dataclass(frozen=True)
class RunRequest:
    """Everything a training child needs to know; the paths are inside the run folder once it is written.

    Raises pydantic's ValidationError, a ValueError, where a value has another type.
    """

    task: str
    columns: Mapping[str, str]
    """Role (text, pair, label, …) to column name."""
    checkpoint: str
    config: RunConfig
    data: str
    """Path of the training file."""
    data_name: str
    """Its name as uploaded, for people."""
    validation: str | None = None
    validation_name: str | None = None
    test: str | None = None
    test_name: str | None = None
    name: str = ""
    origin: str = ""
    """Where the training file came from, where that was the Hub: `owner/name@commit configuration/split`."""
    parse: Mapping[str, str] = field(default_factory=dict)
    """What a person corrected of how the training file is parsed: fields of `tables.parse_options.ParseOptions`."""
    cleaning: tuple[str, ...] = ()
    """Cleaning steps applied to the training file: names of `dataset.cleaning.CLEANING_STEPS`."""
    relabel: Mapping[RowNumber, str] = field(default_factory=dict)
    """Row number in the training file -> its new label, or "" to leave the row out; applied before the cleaning."""
    split_seed: int = 42
    """Seed of the split (dataset.split.SEED), apart from `config.seed`, so that several runs share their rows."""
    baselines: Mapping[str, Mapping[str, str | int | float | None]] = field(default_factory=dict)
    """Baselines known before training, as `analysis.baseline_cache.as_fields` returns them: stored, not used."""
    study: StudyMember | None = None

    @property
    def is_trial(self) -> bool:
        """Whether the run only helps to choose settings."""
        return self.study is not None and self.study.inner

    def to_json(self) -> str:
        """Return one JSON object; `from_json` gives the same request back."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> RunRequest:
        """Rebuild a request that `to_json` of this or an older version wrote; unknown fields are ignored.

        Raises ConfigError, ValueError, TypeError or KeyError where it is no such request.
        """
        raw = {_OLDER_NAMES.get(name, name): value for name, value in json.loads(text).items()}
        raw.setdefault("split_seed", raw["config"].get("seed", 42))  # old requests have no seed for the split
        for baseline in raw.get("baselines", {}).values():
            baseline.setdefault("metric", "accuracy")  # what every baseline was until it named its metric
        return TypeAdapter(cls).validate_python(raw)


@dataclass(frozen=True)
class RunRecord:
    """run.json of a run folder; `owner` is a hash, or PUBLIC for a run that ships with the app."""

    owner: str
    created: float
    request: RunRequest
    uploads: tuple[str, ...] = ()
    """The uploaded files that it was made of, below the folder of all uploads; they go with the run."""

    @property
    def shipped(self) -> bool:
        """Whether all may read it and nobody may change it."""
        return self.owner == PUBLIC

    @classmethod
    def read(cls, path: Path) -> RunRecord | None:
        """Return the record in this file; None where there is none, or where it cannot be read."""
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            created = float(raw["created"])
            if not 0 <= created < _LATEST:
                raise ValueError(created)
            request = RunRequest.from_json(json.dumps(raw["request"]))
            return cls(str(raw["owner"]), created, request, tuple(map(str, raw.get("uploads", ()))))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ConfigError, OverflowError, RecursionError):
            _LOG.warning("unreadable %s", path)  # its owner is unknown, so nobody gets it
            return None


def resolve_defaults(
    config: RunConfig,
    *,
    train_rows: int,
    parameters: int,
    suggested_length: int,
    labels: int = 2,
    step_multiplier: float = 1.0,
    label_counts: Sequence[int] = (),
    freezes_embeddings: bool = False,
    can_probe: bool = False,
) -> RunConfig:
    """Fill in every field that was left open.

    `parameters` counts those of the encoder. `suggested_length` is the length in tokens that fits 99% of the rows,
    capped by the checkpoint. `step_multiplier` is the task's (see tasks.base.Task): how many times the usual steps
    it needs. `can_probe` is the task's `can_freeze`; it decides with the data which recipe is taken. `label_counts`
    are the training rows of each label, for a task whose loss can weigh labels; `freezes_embeddings` is the task's too.
    """
    config = recipes.applied(config, can_probe, train_rows / max(1, labels), parameters)
    if config.contrastive:
        return contrastive.resolve(config, train_rows, parameters, suggested_length)
    batch = config.batch_size or (16 if train_rows < _SMALL_TRAINING_SET else 32)
    steps_per_epoch = max(1, math.ceil(train_rows / batch))
    minimum_steps = step_multiplier * max(_MINIMUM_STEPS, _MINIMUM_STEPS_PER_LABEL * labels)
    epochs = min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, math.ceil(minimum_steps / steps_per_epoch)))
    return replace(
        config,
        batch_size=batch,
        epochs=config.epochs or epochs,
        learning_rate=config.learning_rate or _learning_rate(config, parameters),
        max_length=config.max_length or suggested_length,
        head_learning_rate_factor=config.head_learning_rate_factor or _head_factor(config),
        class_weights=_class_weights(config, label_counts),
        embeddings=_embeddings(config, freezes_embeddings),
        pooling=_pooling(config) if can_probe else config.pooling,
    )


def check_layers(config: RunConfig, task: Task, layers: int, checkpoint: str) -> None:
    """Raise where the layers of the checkpoint do not allow the settings.

    LayersBeyondModel where more are to be kept than it has, AllLayersFrozen where nothing would train.
    """
    if config.layers is not None and config.layers > layers:
        raise LayersBeyondModel(layers=config.layers, most=layers, checkpoint=checkpoint)
    kept = config.layers or layers
    if config.frozen_layers >= kept and not config.lora_rank and not task.adds_head:
        raise AllLayersFrozen(layers=kept, most=kept - 1)


def _learning_rate(config: RunConfig, parameters: int) -> float:
    rate = 1e-4 if parameters <= _SMALL_MODEL_PARAMETERS else 3e-5
    return rate * _LORA_RATE if config.lora_rank else rate


def _head_factor(config: RunConfig) -> float:
    """Return how many times faster the head learns; beside LoRA, whose rate is that of a head, it is as fast."""
    return 1.0 if config.lora_rank else _HEAD_FACTORS[config.head_init]


def _class_weights(config: RunConfig, label_counts: Sequence[int]) -> Literal["auto", "none", "balanced"]:
    if config.class_weights != "auto" or not label_counts:
        return "none" if config.class_weights == "auto" else config.class_weights
    return "balanced" if max(label_counts) > _BALANCED_ABOVE * min(label_counts) else "none"


def _pooling(config: RunConfig) -> Literal["auto", "pooler", "mean"]:
    """Return what the head reads; a linear probe is fitted on the mean."""
    if config.pooling != "auto":
        return config.pooling
    return "mean" if config.needs_probe else "pooler"


def _embeddings(config: RunConfig, freezes: bool) -> Literal["auto", "train", "freeze"]:
    if config.embeddings != "auto":
        return config.embeddings
    return "freeze" if freezes or config.frozen_layers or config.lora_rank else "train"
