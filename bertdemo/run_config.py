"""What a training run is asked to do: hyper-parameters (RunConfig) and everything around them (RunRequest).

Each RunConfig field carries its default, its bounds and a sentence. The settings form, the API and the saved
run all read them from here, so a new hyper-parameter is one field plus its use and its two locale keys
(`config.<field>` and `config.<field>.help`). `None` means "chosen for this data": `resolve_defaults` fills it in.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from bertdemo.errors import FieldNotChoice, FieldNotNumber, FieldOutOfBounds, FieldUnknown

Kind = Literal["int", "float", "choice", "flag", "device"]
Keep = Literal["head", "tail", "both"]
KEEPS: tuple[Keep, ...] = ("head", "tail", "both")
"""What stays of a text that is too long: its start, its end, or half from each."""


@dataclass(frozen=True)
class Truncation:
    """How much of a text is read: at most `max_length` tokens, [CLS] and [SEP] included, and which ones stay."""

    max_length: int
    keep: Keep = "head"


@dataclass(frozen=True)
class FieldSpec:
    """How one hyper-parameter may be set; `low` and `high` are inclusive."""

    name: str
    kind: Kind
    default: object
    low: float
    high: float
    choices: tuple[str, ...]
    optional: bool
    basic: bool
    """Shown at once; the others stand under *All settings*."""


def _setting(
    default: object,
    kind: Kind,
    *,
    low: float = 0,
    high: float = 0,
    choices: tuple[str, ...] = (),
    optional: bool = False,
    basic: bool = False,
) -> Any:
    spec = {"kind": kind, "low": low, "high": high, "choices": choices, "optional": optional, "basic": basic}
    return field(default=default, metadata=spec)


@dataclass(frozen=True)
class RunConfig:
    """Hyper-parameters of one run. Raises a ConfigError that names the field when one is out of bounds."""

    device: str = _setting("auto", "device", basic=True)
    """`auto`, or an id that `device.report()` lists (`cpu`, `cuda:0`, `mps`)."""
    epochs: int | None = _setting(None, "int", low=1, high=50, optional=True, basic=True)
    """Passes over the training rows; chosen so that small data still sees enough steps."""
    max_length: int | None = _setting(None, "int", low=8, high=512, optional=True, basic=True)
    """Longest input in pieces, [CLS] and [SEP] included; chosen so that 99% of the rows fit."""
    keep: Keep = _setting("head", "choice", choices=KEEPS)  # noqa: RUF009 - a field like the others
    """What stays of a text that is longer than `max_length`; every later use of the checkpoint cuts in the same way."""
    learning_rate: float | None = _setting(None, "float", low=1e-7, high=1e-2, optional=True)
    """Peak learning rate of the encoder; 1e-4 up to 35M parameters, 3e-5 above."""
    batch_size: int | None = _setting(None, "int", low=1, high=256, optional=True)
    """Rows in one optimizer step; 16 below 600 training rows, else 32."""
    head_learning_rate_factor: float = _setting(10.0, "float", low=1, high=100)
    """The new head (and the pooler) learns this many times faster than the encoder."""
    warmup: float = _setting(0.1, "float", low=0, high=0.5)
    """Share of all steps in which the learning rate rises from zero; afterwards it falls linearly to zero."""
    weight_decay: float = _setting(0.01, "float", low=0, high=0.3)
    """AdamW's decay of every weight that is not a bias or a LayerNorm."""
    precision: str = _setting("auto", "choice", choices=("auto", "float32", "bfloat16", "float16"))
    """`auto` takes bfloat16 or float16 where the device is faster with it."""
    group_by_length: bool = _setting(True, "flag")
    """Batches of rows of similar length: the same result with far less padding."""
    seed: int = _setting(42, "int", low=0, high=2**31 - 1)
    """Seed of the new head, the order of rows and dropout; the split has its own."""
    method: str = _setting("fine_tune", "choice", choices=("fine_tune", "regression"))
    """`fine_tune` trains every weight; `regression` fits one linear layer on the frozen encoder's mean vectors."""

    def __post_init__(self) -> None:
        for spec in specs():
            _check(spec, getattr(self, spec.name))

    @property
    def frozen(self) -> bool:
        """Whether the encoder stays as it is."""
        return self.method == "regression"

    @property
    def truncation(self) -> Truncation:
        """How much of a text is read, once `resolve_defaults` has filled in the length."""
        return Truncation(self.max_length or 0, self.keep)

    def used(self) -> dict[str, object]:
        """Return the fields that such a run reads: a regression takes no steps, so it has no use for most."""
        return {spec.name: getattr(self, spec.name) for spec in specs() if not self.frozen or spec.name in _FROZEN_USES}

    @classmethod
    def from_fields(cls, values: Mapping[str, object]) -> RunConfig:
        """Build from what a form or an API call sent: numbers may be text, "" and None mean the default."""
        known = {spec.name: spec for spec in specs()}
        for name in values:
            if name not in known:
                raise FieldUnknown(field=str(name)[:60], fields=", ".join(known))
        parsed: dict[str, Any] = {name: _parse(known[name], value) for name, value in values.items()}
        return cls(**parsed)


_FROZEN_USES = ("device", "max_length", "batch_size", "seed", "method")


def specs() -> tuple[FieldSpec, ...]:
    """Return one FieldSpec per RunConfig field, in the order of the form."""
    return tuple(FieldSpec(name=f.name, default=f.default, **f.metadata) for f in fields(RunConfig))


_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _parse(spec: FieldSpec, value: object) -> object:
    if value is None or (isinstance(value, str) and not value.strip()):
        return spec.default
    if spec.kind == "flag":
        word = str(value).strip().lower()
        if word not in _FLAGS:
            raise FieldNotChoice(field=spec.name, value=word[:60], choices="true, false")
        return _FLAGS[word]
    if spec.kind in {"choice", "device"}:
        return str(value).strip()
    try:
        number = float(str(value))
    except ValueError:
        raise FieldNotNumber(field=spec.name, value=str(value)[:60]) from None
    if spec.kind == "int":
        if not math.isfinite(number) or number != int(number):
            raise FieldNotNumber(field=spec.name, value=str(value)[:60])
        return int(number)
    return number


def _check(spec: FieldSpec, value: object) -> None:
    if value is None and spec.optional:
        return
    if spec.kind == "choice" and value not in spec.choices:
        raise FieldNotChoice(field=spec.name, value=str(value)[:60], choices=", ".join(spec.choices))
    if spec.kind in {"int", "float"}:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FieldNotNumber(field=spec.name, value=str(value)[:60])
        if not (math.isfinite(value) and spec.low <= value <= spec.high):
            raise FieldOutOfBounds(field=spec.name, value=f"{value:g}", low=f"{spec.low:g}", high=f"{spec.high:g}")


# About this many optimizer steps are needed before a small data set stops improving (Mosbach et al. 2021
# train RTE for 20 epochs where 3 are common); below it, more epochs are taken, above it, three suffice.
_WANTED_STEPS = 100
_WANTED_STEPS_PER_LABEL = 12
"""A new head learns each label from its own rows: 77 intents need more steps than two moods."""
_SMALL_MODEL_PARAMETERS = 35_000_000


def resolve_defaults(
    config: RunConfig,
    *,
    train_rows: int,
    parameters: int,
    suggested_length: int,
    labels: int = 2,
    step_multiplier: float = 1.0,
) -> RunConfig:
    """Fill in every field that was left to us.

    `suggested_length` is the length in pieces that fits 99% of the rows, already capped by the checkpoint;
    `effort` is the task's (see tasks.base.Task).
    """
    batch = config.batch_size or (16 if train_rows < 600 else 32)
    steps = max(1, math.ceil(train_rows / batch))
    wanted = step_multiplier * max(_WANTED_STEPS, _WANTED_STEPS_PER_LABEL * labels)
    return replace(
        config,
        batch_size=batch,
        epochs=config.epochs or min(10, max(3, math.ceil(wanted / steps))),
        learning_rate=config.learning_rate or (1e-4 if parameters <= _SMALL_MODEL_PARAMETERS else 3e-5),
        max_length=config.max_length or suggested_length,
    )


_ROW_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class RunRequest:
    """Everything a training child needs to know; the paths are inside the run folder once it is written."""

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
    """What a person corrected of how the training file is read: fields of `tables.parse_options.ParseOptions`."""
    cleaning: tuple[str, ...] = ()
    """Cleaning steps applied to the training file: names of `dataset.cleaning.CLEANING_STEPS`."""
    relabel: Mapping[str, str] = field(default_factory=dict)
    """Row number in the training file -> its new label, or "" to leave the row out; applied before the cleaning."""
    split_seed: int = 42
    """Seed of the split (dataset.split.SEED), apart from `config.seed`, so that several runs share their rows."""
    baselines: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """What was found before training, kind -> {value, low, high, macro_f1, rows, folds, seconds}: kept, not used."""

    def __post_init__(self) -> None:
        for number, label in self.relabel.items():
            if not (isinstance(number, str) and _ROW_NUMBER.fullmatch(number) and isinstance(label, str)):
                raise ValueError(f"relabels: {number!r}: {label!r} is not a row number and a label")

    def to_json(self) -> str:
        """Return one JSON object; `from_json` gives the same request back."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> RunRequest:
        """Rebuild a request that `to_json` wrote; what another version knew and this one does not is left out."""
        raw = {_OLDER_NAMES.get(name, name): value for name, value in json.loads(text).items()}
        config = {name: value for name, value in raw["config"].items() if name in _names(RunConfig)}
        request = {name: value for name, value in raw.items() if name in _names(cls)}
        seeds = {"split_seed": request.get("split_seed", config.get("seed", 42))}  # one seed served both once
        steps = tuple(request.get("cleaning", ()))
        return cls(**{**request, **seeds, "cleaning": steps, "config": RunConfig(**config)})


_OLDER_NAMES = {"mends": "cleaning", "relabels": "relabel", "reading": "parse"}
"""What fields of a stored request were called before November 2026."""


def _names(cls: Any) -> set[str]:
    return {f.name for f in fields(cls)}
