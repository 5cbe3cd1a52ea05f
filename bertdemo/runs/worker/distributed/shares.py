"""The part of each batch that a process trains on, and how much its mean loss counts in that of the batch.

All processes go through the same batches in the same order. Each reads every n-th row of a batch, n being the number
of processes: a batch holds rows of similar length, longest first, so the parts take about as long. Where a batch has
fewer rows than there are processes, one without a row reads the first one, and it counts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.runs.worker.optimization.batches import EpochRow, TrainingRows
from bertdemo.tasks.base import LossOptions

if TYPE_CHECKING:
    from torch import Tensor

# The column that tells whether the rows of a part count, and the entry of a batch made of it.
COUNTS = "counts"
# The label of a token that has none, as everywhere in torch.
_IGNORED = -100


@dataclass(frozen=True)
class ShareOfRows(TrainingRows):
    """A training set of which each batch is read in part."""

    number: int
    size: int

    def __getitems__(self, keys: Sequence[EpochRow]) -> list[dict[str, Any]]:
        own = keys[self.number :: self.size]
        return [{**row, COUNTS: bool(own)} for row in super().__getitems__(own or keys[:1])]


@dataclass(frozen=True)
class Counting:
    """The collator of a task, which keeps whether the rows count."""

    collate: Any
    """A Collator."""

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """Return the batch, with whether it counts under COUNTS."""
        import torch

        plain = [{name: value for name, value in row.items() if name != COUNTS} for row in rows]
        return {**self.collate(plain), COUNTS: torch.tensor(float(all(row[COUNTS] for row in rows)))}


def items(inputs: Mapping[str, Tensor], options: LossOptions) -> float:
    """Return what the mean loss of these rows is divided by: rows, labeled tokens, or the weights of their labels."""
    import torch

    labels = inputs.get("labels")
    if labels is None:  # start and end of an answer: one of each per row
        return float(len(inputs["input_ids"]))
    if options.label_weights:
        return float(torch.tensor(options.label_weights)[labels.cpu()].sum())
    return float((labels != _IGNORED).sum())
