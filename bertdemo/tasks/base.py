"""The contract of a task: everything the app must know about one use of BERT, and nothing about runs or pages.

A new task is one file with one subclass of `Task`, one line in `tasks/__init__.py`, its locale keys and a test.
Nothing elsewhere asks which task it is: it calls these methods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bertdemo.run_config import Keep

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from datasets import Dataset
    from transformers import PreTrainedModel

    from bertdemo.checkpoints import Opened
    from bertdemo.checkpoints.cutting import Encoding
    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.data.tables import Table


@dataclass(frozen=True)
class Role:
    """What a column is for: `text`, `pair`, `label`, …"""

    name: str
    required: bool = True


@dataclass(frozen=True)
class EncodeOptions:
    """What a task needs to turn rows into tensors; `max_length` counts [CLS] and [SEP]."""

    max_length: int
    keep: Keep = "head"
    """What stays of a text that is cut."""
    stop: Callable[[], None] = lambda: None
    """Called now and then; raises where the work should end."""


@dataclass(frozen=True)
class HeadOptions:
    """What a task needs to build a model with a head of its own."""

    labels: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class Score:
    """A metric with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class LabelScore:
    """One label and its probability."""

    label: str
    score: float


@dataclass(frozen=True)
class Prediction:
    """What classification says of one text: all labels, best first."""

    labels: tuple[LabelScore, ...]
    kind: Literal["labels"] = "labels"

    @property
    def best(self) -> LabelScore:
        """The label that is chosen."""
        return self.labels[0]

    def to_api(self) -> dict[str, Any]:
        """Return the `output` of /predict."""
        return {"labels": [{"label": item.label, "score": round(item.score, 6)} for item in self.labels]}


class Task(ABC):
    """One use of BERT. Instances are stateless."""

    id: str
    roles: tuple[Role, ...]
    metrics: tuple[str, ...]
    """Names under `bertdemo/metrics`; the first is the one that is shown and that chooses the epoch."""
    head: Literal["classification"]
    """The head that `checkpoints.open_model` puts on the encoder."""

    @abstractmethod
    def columns(self, table: Table) -> dict[str, str]:
        """Guess which column has which role; ColumnsNotFound names the role that none fits."""

    @abstractmethod
    def check(self, table: Table, columns: Mapping[str, str], *, label_limit: int) -> None:
        """Raise the DataError that makes this table unusable for the task, if there is one."""

    @abstractmethod
    def check_held_out(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> None:
        """Raise the DataError that makes a validation or test file unusable beside training data with `labels`."""

    @abstractmethod
    def labels(self, table: Table, columns: Mapping[str, str]) -> tuple[str, ...]:
        """Return the labels in the order of their ids."""

    @abstractmethod
    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[int]:
        """Return one label id a row; UnknownLabel names a row whose label is not among `labels`."""

    @abstractmethod
    def encode(
        self,
        table: Table,
        columns: Mapping[str, str],
        rows: Sequence[int],
        labels: Sequence[str],
        tokenizer: SharedTokenizer,
        options: EncodeOptions,
    ) -> Dataset:
        """Return a Dataset of `input_ids`, `attention_mask`, `token_type_ids`, `labels`, `length`, `row`."""

    @abstractmethod
    def model(self, folder: Path, options: HeadOptions) -> Opened:
        """Return the checkpoint in `folder` with this task's head, new where it has none for these labels."""

    @abstractmethod
    def score(self, logits: Any, references: Any) -> dict[str, float]:
        """Return the metrics of (rows, labels) logits against (rows,) label ids; without intervals, during training."""

    @abstractmethod
    def intervals(self, predictions: Sequence[int], references: Sequence[int]) -> dict[str, Score]:
        """Return the metrics with their intervals, at the end."""

    @abstractmethod
    def predict(
        self,
        model: PreTrainedModel,
        tokenizer: SharedTokenizer,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        max_length: int,
        keep: Keep = "head",
        progress: Callable[[float], None] = lambda share: None,
    ) -> list[Prediction]:
        """Return one result a text, in the order of `texts`."""

    def is_head(self, parameter: str) -> bool:
        """Return whether a parameter belongs to the head, which learns faster than the encoder.

        The pooler counts: sequence classification reads it, and it was trained for another purpose.
        """
        return parameter.startswith(("classifier.", "linear.")) or ".pooler." in parameter


def batches(
    tokenizer: SharedTokenizer,
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    *,
    max_length: int,
    keep: Keep = "head",
    batch_size: int = 32,
    chunk: int = 4096,
) -> Iterator[tuple[list[int], dict[str, torch.Tensor]]]:
    """Yield (indices, tensors) of similar length, so that little is padding; every index comes once.

    The tensors are (batch, longest in batch). Texts are tokenised `chunk` at a time to bound memory.
    """
    for start in range(0, len(texts), chunk):
        part = list(texts[start : start + chunk])
        seconds = list(pairs[start : start + chunk]) if pairs is not None else None
        encodings = tokenizer.encode_batch(part, seconds, max_length=max_length, keep=keep)
        order = sorted(range(len(part)), key=lambda i: len(encodings[i].ids))
        for first in range(0, len(order), batch_size):
            chosen = order[first : first + batch_size]
            yield [start + i for i in chosen], pad([columns_of(encodings[i]) for i in chosen], tokenizer.pad_id)


def columns_of(encoding: Encoding) -> dict[str, list[int]]:
    """Return what BERT reads of one encoding, as plain lists."""
    return {
        "input_ids": encoding.ids,
        "attention_mask": encoding.attention_mask,
        "token_type_ids": encoding.type_ids,
    }


def pad(rows: Sequence[Mapping[str, Any]], pad_id: int) -> dict[str, torch.Tensor]:
    """Return tensors of (rows, longest row) for lists and (rows,) for numbers; padding has attention mask 0."""
    import torch

    longest = max(len(row["input_ids"]) for row in rows)
    filler = {"input_ids": pad_id}
    padded: dict[str, torch.Tensor] = {}
    for name, first in rows[0].items():
        if isinstance(first, list):
            values = [row[name] + [filler.get(name, 0)] * (longest - len(row[name])) for row in rows]
        else:
            values = [row[name] for row in rows]
        padded[name] = torch.tensor(values)
    return padded
