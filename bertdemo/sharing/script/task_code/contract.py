"""What differs by task in a script: the fields of a row, how it is encoded, the loss, the metric and the predictions.

The values are code of the script, so each is read as it is: names in capitals are its constants, `row` is one line of a
data file. `loss` and `scores` are bodies of functions, `predict` is the end of the script.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bertdemo.sharing.script import blocks
from bertdemo.sharing.script.encoding import ONE, Encoding


@dataclass(frozen=True)
class DataRow:
    """One row of a part, as the run has read it."""

    text: str
    pair: str
    """The second text, "" where there is none."""
    target: Any
    labels: Sequence[str]
    """All labels of the run, in the order of their ids."""
    index: int
    """Where the row is in the table of its part, from 0."""


@dataclass(frozen=True)
class TaskCode:
    """See the module."""

    what: str
    """The task in words."""
    fields: Callable[[DataRow], Mapping[str, object]]
    """What a line of a data file has, beside the number of the row."""
    loss: str
    scores: str
    """The metrics of an evaluation: `prediction` has `predictions` and `label_ids`."""
    predict: str
    """The loop over the held-out rows, up to what the model says of a batch `rows`."""
    answers: str
    """The rest of the loop, and the metric of the predictions."""
    texts: str = 'row["text"]'
    """What the tokenizer reads of a row."""
    target: str = ""
    """The label of a row as numbers."""
    encoding: Encoding = ONE
    length: str = 'len(row["input_ids"])'
    """The tokens of a row, by which rows are grouped."""
    reading: str = ""
    """Functions that `read` uses."""
    collate: str = blocks.COLLATE
    head: tuple[str, ...] = ("classifier.", ".pooler.")
    """Parts of the names of the weights of the head; () where nothing learns at another rate than the encoder."""
    has_labels: bool = True
    """Whether the script needs the labels of the run."""
    outputs: str = '{"logits": logits}'
    """What the metrics are computed of, beside the loss."""
    options: str = "num_labels=len(LABELS), "
    """Further arguments with which the model is opened, each with a comma behind it; a line may end there."""
    opened: str = ""
    """The lines that open a model with a new head, where `from_pretrained` cannot make it of the base."""
    opened_again: str = ""
    """The lines that open a base of this class whose encoder the settings change."""
    decoder: str = ""
    """How the names of the weights of a second BERT begin, which count as a head: none of them is frozen."""
    helpers: str = ""
    """Functions that `scores` and `predict` use."""
    names_labels: bool = False
    """Whether Trainer has to be told that `labels` are the labels, because the class of the model takes none."""
    notes_epoch: bool = False
    """Whether `collate` has to know the number of the epoch: it is `Order.epoch`."""
    sorts: bool = True
    """Whether held-out rows are sorted by length for `predict`; else they are in the order of their file."""
