"""The hyper-parameters of a training run.

Each RunConfig field carries its default, its bounds and a sentence. The settings form, the API and the stored run
all read them from here, so a new hyper-parameter is one field plus its use and its two locale keys
(`config.<field>` and `config.help.<field>`). `None` means "chosen for this data":
`runs.request.resolve_defaults` fills it in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AllowInfNan,
    Field,
    ModelWrapValidatorHandler,
    Strict,
    StrictBool,
    StrictInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails

from bertdemo.errors import ConfigError, FieldNotChoice, FieldNotNumber, FieldOutOfBounds, FieldUnknown

Kind = Literal["int", "float", "choice", "flag", "device"]
Keep = Literal["head", "tail", "both"]
# Which tokens of a text that is too long are read: its start, its end, or half of the limit from each.
KEEPS: tuple[Keep, ...] = get_args(Keep)
Number = Annotated[float, Strict(), AllowInfNan(False)]

Group = Literal["learning", "weights", "loss", "text", "hardware"]
# The headings of *All settings*, in their order; a field that names none is under the first.
GROUPS: tuple[Group, ...] = get_args(Group)
_WEIGHTS, _LOSS, _TEXT, _HARDWARE = ({"group": group} for group in GROUPS[1:])
Method = Literal["contrastive", "fine_tune", "regression"]
# A linear probe takes no optimizer steps, so it reads only these fields.
_LINEAR_PROBE_FIELDS = ("device", "max_length", "batch_size", "layers", "seed", "method")
# Contrastive tuning has no head while it trains, draws its batches by label, and trains the whole encoder.
_CONTRASTIVE_UNUSED = (
    "head_init", "pooling", "head_learning_rate_factor", "group_by_length", "layer_decay", "embeddings",
    "frozen_layers", "lora_rank", "class_weights", "label_smoothing", "early_stopping", "accumulation",
    "gradient_checkpointing",
)  # fmt: skip
# Fields that only some tasks read: each task names its own in `Task.options`.
TASK_FIELDS = ("head_init", "pooling", "class_weights", "label_smoothing")
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# JSON schema types of the fields; a string without choices is the device, whose choices depend on the machine.
_KINDS: Mapping[str, Kind] = {"integer": "int", "number": "float", "boolean": "flag", "string": "device"}
# Characters of a rejected value that its error message repeats.
_VALUE_SHOWN = 60


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
    group: Group


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Hyper-parameters of one run.

    Raises FieldNotNumber, FieldOutOfBounds or FieldNotChoice, each naming the first field that is wrong. A field
    that this version does not know is ignored, so that a run stored by a newer version can be read.
    """

    device: Annotated[str, Field(json_schema_extra=_HARDWARE)] = "auto"
    """`auto`, or an id that `device.report()` lists (`cpu`, `cuda:0`, `mps`)."""
    epochs: Annotated[StrictInt | None, Field(ge=1, le=50)] = None
    """Passes over the training set; chosen so that a small data set still gets enough optimizer steps."""
    max_length: Annotated[StrictInt | None, Field(ge=8, le=512, json_schema_extra=_TEXT)] = None
    """Longest input in tokens, [CLS] and [SEP] included; chosen so that 99% of the rows fit."""
    keep: Annotated[Keep, Field(json_schema_extra=_TEXT)] = "head"
    """Truncation side of a text longer than `max_length`; every later use of the checkpoint does the same."""
    learning_rate: Annotated[Number | None, Field(ge=1e-7, le=1e-2)] = None
    """Peak learning rate of the encoder; in fine-tuning 1e-4 up to 35M parameters, 3e-5 above."""
    batch_size: Annotated[StrictInt | None, Field(ge=1, le=256, json_schema_extra=_HARDWARE)] = None
    """Rows per optimizer step; in fine-tuning 16 below 600 training rows, otherwise 32. `accumulation` splits them."""
    head_init: Annotated[Literal["random", "probe"], Field(json_schema_extra=_WEIGHTS)] = "random"
    """How the new head starts: from random weights, or as the linear probe on the mean vectors of the encoder.

    A probe is better than chance from the first step on, and fine-tuning distorts the encoder less (Kumar et al. 2022,
    arXiv:2202.10054). Only for a task whose probe can be kept.
    """
    pooling: Annotated[Literal["auto", "pooler", "mean"], Field(json_schema_extra=_WEIGHTS)] = "auto"
    """What a classification head reads: [CLS] through the tanh pooler, or the mean of the last layer's vectors; `auto`
    takes the pooler, and the mean where a linear probe is the head (docs/decisions/0015)."""
    head_learning_rate_factor: Annotated[Number | None, Field(ge=1, le=100)] = None
    """Learning-rate multiplier of the head and the pooler, relative to the encoder; 10 for a random head, 2 for a
    linear probe, which has little left to learn."""
    # Mosbach et al. 2021 (arXiv:2006.04884) fine-tune BERT stably with 10% warmup and a weight decay of 0.01.
    warmup: Annotated[Number, Field(ge=0, le=0.5)] = 0.1
    """Share of all steps in which the learning rate rises from zero; afterwards it falls linearly to zero."""
    weight_decay: Annotated[Number, Field(ge=0, le=0.3)] = 0.01
    """AdamW weight decay of every weight that is neither a bias nor in a LayerNorm."""
    layer_decay: Annotated[Number, Field(ge=0.5, le=1)] = 1.0
    """Learning-rate decay per layer: the highest layer has the full learning rate, each one below this share of it.

    Zhang et al. 2021 (arXiv:2006.05987) use 0.95; 1 trains all layers alike.
    """
    dropout: Annotated[Number | None, Field(ge=0, le=0.5)] = None
    """Dropout rate in every layer and before the head while it trains; the checkpoint's own where left open, which is
    0.1 for the published BERT models."""
    layers: Annotated[StrictInt | None, Field(ge=1, le=48, json_schema_extra=_WEIGHTS)] = None
    """Lowest Transformer layers that are kept; the ones above are left out, so that training and prediction cost less.
    All of them where left open."""
    embeddings: Annotated[Literal["auto", "train", "freeze"], Field(json_schema_extra=_WEIGHTS)] = "auto"
    """Whether the token and position embeddings train. They are half of the weights of a small BERT; `auto` freezes
    them for a task where accuracy was measured to be the same (docs/benchmarks.md)."""
    frozen_layers: Annotated[StrictInt, Field(ge=0, le=48, json_schema_extra=_WEIGHTS)] = 0
    """Lowest Transformer layers that stay as they are, with the embeddings, and run without dropout; 0 trains
    everything."""
    lora_rank: Annotated[StrictInt, Field(ge=0, le=64, json_schema_extra=_WEIGHTS)] = 0
    """Rank of the low-rank updates (LoRA, Hu et al. 2021, arXiv:2106.09685) that train in place of the encoder's
    weights; 0 trains the weights themselves."""
    class_weights: Annotated[Literal["auto", "none", "balanced"], Field(json_schema_extra=_LOSS)] = "auto"
    """Weights of the labels in the loss: `balanced` counts a rare label as much as a frequent one; `auto` does so
    where the most frequent label has more than four times the rows of the rarest."""
    label_smoothing: Annotated[Number, Field(ge=0, le=0.3, json_schema_extra=_LOSS)] = 0.0
    """Share of the target probability that is spread over all labels."""
    early_stopping: Annotated[StrictInt, Field(ge=0, le=20)] = 0
    """Epochs in a row without a better score after which training ends; 0 trains every epoch."""
    accumulation: Annotated[StrictInt, Field(ge=1, le=256, json_schema_extra=_HARDWARE)] = 1
    """Parts in which each batch is computed: less memory, the same batch size."""
    gradient_checkpointing: Annotated[StrictBool, Field(json_schema_extra=_HARDWARE)] = False
    """Whether activations are computed again in the backward pass: less memory, about a third slower."""
    precision: Annotated[Literal["auto", "float32", "bfloat16", "float16"], Field(json_schema_extra=_HARDWARE)] = "auto"
    """Numeric precision; `auto` takes bfloat16 or float16 where the device is faster with it."""
    group_by_length: Annotated[StrictBool, Field(json_schema_extra=_HARDWARE)] = True
    """Whether a batch holds rows of similar length: the same result with far less padding."""
    seed: Annotated[StrictInt, Field(ge=0, le=2**31 - 1)] = 42
    """Seed of the new head, the order of the rows and dropout; the split has its own seed."""
    method: Annotated[Method | None, Field(json_schema_extra=_WEIGHTS)] = None
    """`fine_tune` trains every weight; `regression` fits a linear probe on the mean vectors of the frozen encoder;
    `contrastive` pulls the mean vectors of rows with one label together first. Chosen by `runs.recipes`."""

    @model_validator(mode="wrap")
    @classmethod
    def _raise_config_error(cls, values: object, handler: ModelWrapValidatorHandler[RunConfig]) -> RunConfig:
        """Turn the first validation error into the ConfigError that the page can translate."""
        try:
            return handler(values)
        except ValidationError as invalid:
            raise _config_error(invalid.errors()[0]) from None

    @property
    def frozen(self) -> bool:
        """Whether the encoder's weights stay unchanged."""
        return self.method == "regression"

    @property
    def contrastive(self) -> bool:
        """Whether the encoder is tuned by pairs of rows, and the head is fitted after that."""
        return self.method == "contrastive"

    @property
    def keeps_frozen_outputs(self) -> bool:
        """Whether what leaves the frozen layers is computed once: a single epoch reads each row once anyhow.

        LoRA is left out: its gain is memory. So is a run whose outputs are too large or differ from epoch to epoch,
        which the settings do not tell (docs/decisions/0019).
        """
        return self.method == "fine_tune" and self.frozen_layers > 0 and not self.lora_rank and (self.epochs or 1) > 1

    @property
    def task_options(self) -> frozenset[str]:
        """The fields that only some tasks read and that ask for something."""
        chosen = {
            "pooling": self.pooling != "auto",
            "class_weights": self.class_weights == "balanced",
            "label_smoothing": self.label_smoothing > 0,
            "head_init": self.head_init == "probe",
        }
        return frozenset(name for name in TASK_FIELDS if chosen[name])

    @property
    def rows_per_pass(self) -> int:
        """Rows of one forward and backward pass, once `resolve_defaults` has filled in the batch size."""
        return -(-(self.batch_size or 1) // self.accumulation)

    @property
    def passes_per_step(self) -> int:
        """Forward and backward passes per optimizer step: `accumulation`, unless the batch has fewer rows."""
        return -(-(self.batch_size or 1) // self.rows_per_pass)

    def steps_per_epoch(self, rows: int) -> int:
        """Return the optimizer steps of one pass over so many training rows; the last one may have fewer rows."""
        return math.ceil(math.ceil(rows / self.rows_per_pass) / self.passes_per_step)

    @property
    def needs_probe(self) -> bool:
        """Whether the run fits a linear probe, to keep it or to start from it."""
        return self.frozen or self.contrastive or self.head_init == "probe"

    @property
    def truncation(self) -> Truncation:
        """How much of a text is read, once `resolve_defaults` has filled in the length."""
        return Truncation(self.max_length or 0, self.keep)

    def used(self) -> dict[str, object]:
        """Return the fields that a run of this method reads, with their values."""
        names = [spec.name for spec in specs()]
        if self.frozen:
            names = [name for name in names if name in _LINEAR_PROBE_FIELDS]
        elif self.contrastive:
            names = [name for name in names if name not in _CONTRASTIVE_UNUSED]
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_fields(cls, values: Mapping[str, object]) -> RunConfig:
        """Build from what a form or an API call sent: numbers may be text, "" and None mean the default.

        Raises FieldUnknown for a name that is no field, otherwise as RunConfig.
        """
        known = {spec.name: spec for spec in specs()}
        for name in values:
            if name not in known:
                raise FieldUnknown(field=str(name)[:_VALUE_SHOWN], fields=", ".join(known))
        filled = {name: value for name, value in values.items() if value is not None and str(value).strip()}
        fields: dict[str, Any] = {name: _from_text(known[name], value) for name, value in filled.items()}
        return cls(**fields)


@cache
def specs() -> tuple[FieldSpec, ...]:
    """Return one FieldSpec per RunConfig field, in the order of the form."""
    properties = TypeAdapter(RunConfig).json_schema()["properties"]
    return tuple(_spec(name, schema) for name, schema in properties.items())


def _spec(name: str, schema: Mapping[str, Any]) -> FieldSpec:
    value, *null = schema.get("anyOf", [schema])
    return FieldSpec(
        name=name,
        kind="choice" if "enum" in value else _KINDS[value["type"]],
        default=schema["default"],
        low=value.get("minimum", 0),
        high=value.get("maximum", 0),
        choices=tuple(value.get("enum", ())),
        optional=bool(null),
        group=schema.get("group", GROUPS[0]),
    )


def _from_text(spec: FieldSpec, value: object) -> object:
    """Return the value converted to the type of its field; unchanged where that fails, so that RunConfig rejects it."""
    text = str(value).strip()
    if spec.kind in {"choice", "device"}:
        return text
    if spec.kind == "flag":
        return _FLAGS.get(text.lower(), text.lower())
    try:
        number = float(text)
    except ValueError:
        return value
    if spec.kind == "float":
        return number
    return int(number) if number.is_integer() else text


def _config_error(detail: ErrorDetails) -> ConfigError:
    name, value = str(detail["loc"][0]), detail["input"]
    spec = next(spec for spec in specs() if spec.name == name)
    written = str(value)[:_VALUE_SHOWN]
    if spec.kind not in {"int", "float"}:
        choices = ("true", "false") if spec.kind == "flag" else spec.choices
        return FieldNotChoice(field=name, value=written, choices=", ".join(choices))
    if detail["type"].endswith("_type"):
        return FieldNotNumber(field=name, value=written)
    return FieldOutOfBounds(field=name, value=f"{value:g}", low=f"{spec.low:g}", high=f"{spec.high:g}")
