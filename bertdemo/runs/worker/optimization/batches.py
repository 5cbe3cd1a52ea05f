"""The order of the training rows in each epoch: a function of the seed and the epoch, and of nothing else.

A resumed epoch therefore has the batches of an unbroken one, whatever was drawn at random before it. Every row carries
the number of its epoch, which decides what is masked of it: a batch that is fetched ahead cannot get it wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

# Rows that are sorted by length together, in batches: as many as in transformers, whose speed was measured. More would
# pad less, but put the same rows into the same batch in every epoch.
_MEGA_BATCH, _MEGA_BATCHES = 50, 4
# An evaluation keeps no gradients, so twice a training batch of 32 fits into the same memory.
_EVALUATION_BATCH = 64
# A row of an epoch, from 0: (epoch, index of the row in the training set).
EpochRow = tuple[int, int]


def evaluation_batch(batch: int) -> int:
    """Return the rows per evaluation batch: twice a training batch, so that a smaller batch saves memory here too."""
    return min(_EVALUATION_BATCH, 2 * batch)


def order_of(rows: int, seed: int, epoch: int) -> list[int]:
    """Return all row indices in the random order of this epoch."""
    import numpy as np

    order: list[int] = np.random.default_rng([seed, epoch]).permutation(rows).tolist()
    return order


def grouped(order: Sequence[int], lengths: Sequence[int], batch: int) -> list[int]:
    """Return the indices with rows of similar length side by side.

    The order is cut into mega-batches, and each is sorted, longest first. The longest row of all comes first of all:
    memory that will not suffice runs out in the first step.
    """
    size = batch * max(1, min(_MEGA_BATCH, len(order) // (batch * _MEGA_BATCHES)))
    parts = [sorted(order[start : start + size], key=lambda row: -lengths[row]) for start in range(0, len(order), size)]
    longest = max(range(len(parts)), key=lambda at: lengths[parts[at][0]])
    parts[0][0], parts[longest][0] = parts[longest][0], parts[0][0]
    return [row for part in parts for row in part]


@dataclass
class TrainingOrder:
    """The sampler of a training set. Trainer calls `set_epoch` before it reads an epoch."""

    rows: int
    seed: int
    batch: int
    lengths: Sequence[int] | None = None
    """Tokens per row, to group by; None for a random order."""
    epoch: int = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that is read next, counted from 0."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[EpochRow]:
        epoch = self.epoch  # fixed here, so that every row of this pass carries the same one
        order = order_of(self.rows, self.seed, epoch)
        if self.lengths is not None:
            order = grouped(order, self.lengths, self.batch)
        return iter([(epoch, row) for row in order])


def padded_positions(order: TrainingOrder, lengths: Sequence[int]) -> int:
    """Return the positions in all batches of the epoch that is chosen, padding included."""
    rows = [row for _, row in order]
    batches = [rows[start : start + order.batch] for start in range(0, len(rows), order.batch)]
    return sum(max(lengths[row] for row in batch) * len(batch) for batch in batches)


@dataclass(frozen=True)
class TrainingRows:
    """An encoded training set that is read by EpochRow; each row gets a column `epoch`."""

    encoded: Dataset

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, key: EpochRow) -> dict[str, Any]:
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[EpochRow]) -> list[dict[str, Any]]:
        rows = self.encoded.__getitems__([row for _, row in keys])
        return [{**row, "epoch": epoch} for row, (epoch, _) in zip(rows, keys, strict=True)]
