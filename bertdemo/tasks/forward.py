"""Encoded texts in batches, and the one loop that runs a model over them.

A batch holds texts of similar length, so that little is padding; each text comes once, and results come back in the
order of the texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from bertdemo.run_config import Truncation

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.checkpoints.truncation import Encoding
    from bertdemo.tasks.base import EncodeOptions, Inputs


Row = TypeVar("Row")


def forward(
    compute: Callable[[dict[str, torch.Tensor], list[int]], Iterable[Row]],
    read: Iterable[tuple[list[int], dict[str, torch.Tensor]]],
    count: int,
    *,
    device: Any = "cpu",
    progress: Callable[[float], None] = lambda share: None,
) -> list[Row]:
    """Return one result per text, in the order of the texts, of `compute` without gradients.

    `read` are batches as `batches` makes them, of `count` texts in all; `compute` gets the tensors of a batch on
    `device` and the indices of its texts, and returns a result for each. `progress` may raise to stop.
    """
    import torch

    results: dict[int, Row] = {}
    with torch.inference_mode():
        for indices, batch in read:
            on_device = {name: tensor.to(device) for name, tensor in batch.items()}
            results.update(zip(indices, compute(on_device, indices), strict=True))
            progress(len(results) / count)
    return [results[index] for index in range(count)]


class Collator:
    """Makes a batch of encoded rows: padding, unless a task needs more. `epoch` counts from 0."""

    not_for_the_model = frozenset({"row", "length"})
    """Columns of an encoded row that the model does not take."""

    def __init__(self, pad_id: int) -> None:
        self.pad_id = pad_id
        self.epoch = 0

    def begin(self, epoch: int) -> None:
        """Take note of an epoch that begins, counted from 0."""
        self.epoch = epoch

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Return tensors of (rows, longest row) for lists and (rows,) for numbers."""
        kept = [{name: row[name] for name in row if name not in self.not_for_the_model} for row in rows]
        return pad(kept, self.pad_id)


def batches(
    tokenizer: SharedTokenizer,
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    truncation: Truncation,
    *,
    batch_size: int = 32,
    chunk: int = 4096,
) -> Iterator[tuple[list[int], dict[str, torch.Tensor]]]:
    """Yield (indices, tensors) of similar length, so that little is padding; every index comes once.

    The tensors are (batch, longest in batch). Texts are tokenized `chunk` at a time to bound memory.
    """
    for start in range(0, len(texts), chunk):
        part = list(texts[start : start + chunk])
        seconds = list(pairs[start : start + chunk]) if pairs is not None else None
        encodings = tokenizer.encode_batch(part, seconds, truncation)
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


def encoded(
    inputs: Inputs,
    rows: Sequence[int],
    tokenizer: SharedTokenizer,
    options: EncodeOptions,
    **more: Sequence[Any],
) -> Dataset:
    """Return a Dataset of one sequence a row, in the order of `rows`, with `length`, `row` and the columns `more`."""
    from datasets import Dataset

    found: dict[str, list[Any]] = {"input_ids": [], "attention_mask": [], "token_type_ids": [], "length": []}
    for start in range(0, len(rows), _CHUNK):
        options.stop()
        part = slice(start, start + _CHUNK)
        pairs = inputs.pairs[part] if inputs.pairs is not None else None
        for encoding in tokenizer.encode_batch(inputs.texts[part], pairs, options.truncation):
            for name, ids in columns_of(encoding).items():
                found[name].append(ids)
            found["length"].append(len(encoding.ids))
    return Dataset.from_dict({**found, **more, "row": list(rows)})


_CHUNK = 1000
IGNORED = -100
"""The label of a position that has none; PyTorch's cross-entropy leaves it out by default."""


def pad(rows: Sequence[Mapping[str, Any]], pad_id: int) -> dict[str, torch.Tensor]:
    """Return tensors of (rows, longest row) for lists and (rows,) for numbers; padding has attention mask 0.

    What is named `…input_ids` is filled with `pad_id`, `labels` with -100, everything else with 0.
    """
    import torch

    padded: dict[str, torch.Tensor] = {}
    for name, first in rows[0].items():
        if isinstance(first, list):
            longest = max(len(row[name]) for row in rows)
            filler = pad_id if name.endswith("input_ids") else IGNORED if name == "labels" else 0
            values = [row[name] + [filler] * (longest - len(row[name])) for row in rows]
        else:
            values = [row[name] for row in rows]
        padded[name] = torch.tensor(values)
    return padded


def piece_costs(logits: Any, labels: Any) -> Any:
    """Return (batch, 2), the sum of -log p of the right pieces and how many there are.

    `logits` are (batch, n, vocabulary), `labels` (batch, n).
    """
    import torch

    nats = torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORED, reduction="none")
    return torch.stack([nats.sum(1), (labels != IGNORED).sum(1).to(nats.dtype)], 1)
