"""Validation rows out of the training set, so that many settings can be tried without a look at the held-out rows.

Who chooses the best of many runs on the validation set has fitted it: its score is too high. The trials of a search
are therefore trained and evaluated on the training set alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bertdemo.dataset.prepared import Part, PreparedDataset
from bertdemo.dataset.split import split


def inner(prepared: PreparedDataset) -> PreparedDataset:
    """Return the dataset with its training rows divided into training and validation set, and without any other row.

    The same dataset gives the same division. Copies of a text are in the same part.
    """
    part = prepared.parts["train"]
    # Without a test set: every row beyond the validation set trains.
    divided = split(_strata(prepared), seed=prepared.split_seed, test_file=True, texts=_texts(prepared))

    def rows(positions: Sequence[int]) -> Part:
        return Part(part.table, tuple(part.rows[at] for at in positions), part.file)

    parts = {"train": rows(divided.train), "validation": rows(divided.validation), "test": rows(())}
    return replace(prepared, parts=parts, leaked=0, known=None)


def _strata(prepared: PreparedDataset) -> list[str]:
    return prepared.task.strata(prepared.targets("train"), prepared.labels)


def _texts(prepared: PreparedDataset) -> list[str]:
    """Return what the model reads of each training row; two texts are joined by a character that is in neither."""
    part = prepared.parts["train"]
    inputs = prepared.task.inputs(part.table, prepared.columns, part.rows)
    return [f"{text}\x00{inputs.pair(at)}" for at, text in enumerate(inputs.texts)]
