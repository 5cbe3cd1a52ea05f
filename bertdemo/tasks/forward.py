"""Encoded texts in batches, and the one loop that runs a model over them.

A batch holds texts of similar length, so that little is padding; each text comes once, and results come back in the
order of the texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from bertdemo.run_config import Truncation

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.checkpoints.truncation import Encoding
    from bertdemo.tasks.base import EncodeOptions, Inputs


Row = TypeVar("Row")
Batch: TypeAlias = "dict[str, torch.Tensor]"
IndexedBatches: TypeAlias = "Iterable[tuple[list[int], Batch]]"

# The label of a token that has none: cross-entropy in PyTorch ignores this value by default.
IGNORED = -100
# A Korean syllable is normalized to three letters, each of which may be a token; other characters are one at most.
_TOKENS_PER_CHAR = 3
# Rows tokenized between two checks for a stop: well under a second of work.
CHUNK = 1000
# Texts tokenized at once, and their characters: fewer of them leave less to sort by length, and meanwhile nobody else
# can use the tokenizer. 100,000 characters take about a tenth of a second on one core.
_SORTED_TEXTS, _SORTED_CHARS = 4096, 100_000


def forward(
    compute: Callable[[Batch, list[int]], Iterable[Row]],
    indexed: IndexedBatches,
    count: int,
    *,
    device: Any = "cpu",
    progress: Callable[[float], None] = lambda share: None,
) -> list[Row]:
    """Return one result per text, in the order of the texts, of `compute` without gradients.

    `indexed` are batches as `batches` makes them, of `count` texts in all; `compute` gets the tensors of a batch on
    `device` and the indices of its texts, and returns one result per text. `progress` may raise to stop.
    """
    import torch

    # Batches are sorted by length, so results do not come in the order of the texts.
    results: dict[int, Row] = {}
    with torch.inference_mode():
        for indices, batch in indexed:
            on_device = {name: tensor.to(device) for name, tensor in batch.items()}
            results.update(zip(indices, compute(on_device, indices), strict=True))
            progress(len(results) / count)
    return [results[index] for index in range(count)]


@dataclass(frozen=True)
class Inference:
    """A model on its device, with what it needs to read texts."""

    model: Any
    tokenizer: SharedTokenizer
    truncation: Truncation
    progress: Callable[[float], None] = lambda share: None
    """Gets the share that is done, 0 to 1; may raise to stop."""
    batch_tokens: int | None = None
    """Most tokens in a batch, padding included, so that a batch takes a short time; None bounds its texts alone."""

    @property
    def labels(self) -> list[str]:
        """The labels of the model's head in the order of their ids."""
        id2label = self.model.config.id2label
        return [str(id2label[i]) for i in range(len(id2label))]

    def forward(
        self,
        compute: Callable[[Batch, list[int]], Iterable[Row]],
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        batch_size: int = 32,
    ) -> list[Row]:
        """Return one result of `compute` per text, in their order; see the function `forward`."""
        indexed = batches(
            self.tokenizer, texts, pairs, self.truncation, batch_size=batch_size, batch_tokens=self.batch_tokens
        )
        return forward(compute, indexed, len(texts), device=self.model.device, progress=self.progress)


def too_long(inference: Inference, texts: Sequence[str], pairs: Sequence[str] | None = None) -> list[bool]:
    """Return whether each text, or pair of texts, has more tokens than the model reads."""
    most = inference.truncation.max_length
    seconds = [""] * len(texts) if pairs is None else pairs
    # Tokenizing is only needed for what can be too long at all.
    chosen = [i for i, text in enumerate(texts) if _TOKENS_PER_CHAR * (len(text) + len(seconds[i])) > most - 3]
    long = [False] * len(texts)
    for start in range(0, len(chosen), CHUNK):
        part = chosen[start : start + CHUNK]
        paired = None if pairs is None else [pairs[i] for i in part]
        encodings = inference.tokenizer.encode_batch([texts[i] for i in part], paired)
        for index, encoding in zip(part, encodings, strict=True):
            long[index] = len(encoding) > most
    return long


class Collator:
    """Makes a batch of encoded rows: padding, unless a task needs more.

    A training row has a column `epoch`, counted from 0; a row that is evaluated has none.
    """

    not_for_the_model = frozenset({"row", "length", "epoch"})
    """Columns of an encoded row that the model does not take."""

    def __init__(self, pad_id: int) -> None:
        self.pad_id = pad_id

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> Batch:
        """Return tensors of (rows, longest row) for lists and (rows,) for numbers."""
        return pad(
            [{name: row[name] for name in row if name not in self.not_for_the_model} for row in rows], self.pad_id
        )


def batches(
    tokenizer: SharedTokenizer,
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    truncation: Truncation,
    *,
    batch_size: int = 32,
    batch_tokens: int | None = None,
    chunk: int = _SORTED_TEXTS,
) -> Iterator[tuple[list[int], Batch]]:
    """Yield (indices, tensors) of similar length, so that little is padded; every index comes once.

    The tensors are (batch, longest in batch). A batch has at most `batch_size` texts, and at most `batch_tokens` tokens
    with padding unless a single text has more. Texts are tokenized `chunk` at a time, or fewer long ones, to bound
    memory.
    """
    for start, end in _chunks(texts, pairs, chunk):
        chunk_pairs = list(pairs[start:end]) if pairs is not None else None
        encodings = tokenizer.encode_batch(list(texts[start:end]), chunk_pairs, truncation)
        # Attention costs the square of the longest text in a batch, padding included.
        by_length = sorted(range(len(encodings)), key=lambda i: len(encodings[i].ids))
        for members in _cut(by_length, [len(encoding.ids) for encoding in encodings], batch_size, batch_tokens):
            yield [start + i for i in members], pad([columns_of(encodings[i]) for i in members], tokenizer.pad_id)


def _chunks(texts: Sequence[str], pairs: Sequence[str] | None, most: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of what is tokenized at once: at most so many texts, of so many characters."""
    start, chars = 0, 0
    for index, text in enumerate(texts):
        length = len(text) + (len(pairs[index]) if pairs is not None else 0)
        if index > start and (index - start >= most or chars + length > _SORTED_CHARS):
            yield start, index
            start, chars = index, 0
        chars += length
    if start < len(texts):
        yield start, len(texts)


def _cut(by_length: Sequence[int], lengths: Sequence[int], most: int, tokens: int | None) -> Iterator[list[int]]:
    """Yield the texts of each batch; `by_length` has them from the shortest to the longest."""
    batch: list[int] = []
    for index in by_length:
        # The next text is the longest, and all others are padded to it.
        full = len(batch) >= most or (tokens is not None and (len(batch) + 1) * lengths[index] > tokens)
        if batch and full:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


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
    token_labels: Callable[[int, Encoding], list[int]] | None = None,
    **extra: Sequence[Any],
) -> Dataset:
    """Return a Dataset of one sequence per row, in the order of `rows`, with `length`, `row` and `extra` columns.

    `token_labels` makes the column `labels` of a text's index and its encoding, where each token has a label.
    """
    from datasets import Dataset

    columns: dict[str, list[Any]] = {"input_ids": [], "attention_mask": [], "token_type_ids": [], "length": []}
    labels: list[list[int]] = []
    for index, encoding in enumerate(encode_chunks(tokenizer, inputs.texts, inputs.pairs, options)):
        for name, values in columns_of(encoding).items():
            columns[name].append(values)
        columns["length"].append(len(encoding.ids))
        if token_labels is not None:
            labels.append(token_labels(index, encoding))
    return Dataset.from_dict({**columns, **({"labels": labels} if token_labels else {}), **extra, "row": list(rows)})


def encode_chunks(
    tokenizer: SharedTokenizer, texts: Sequence[str], pairs: Sequence[str] | None, options: EncodeOptions
) -> Iterator[Encoding]:
    """Yield the encoding of each text in turn; `options.stop` is called before each chunk."""
    for start in range(0, len(texts), CHUNK):
        options.stop()
        chunk = slice(start, start + CHUNK)
        yield from tokenizer.encode_batch(
            list(texts[chunk]), list(pairs[chunk]) if pairs is not None else None, options.truncation
        )


def pad(rows: Sequence[Mapping[str, Any]], pad_id: int) -> Batch:
    """Return tensors of (rows, longest row) for lists and (rows,) for numbers; padding has attention mask 0.

    Columns named `…input_ids` are filled with `pad_id`, `labels` with -100, everything else with 0.
    """
    import torch

    padded: Batch = {}
    for name, first in rows[0].items():
        if isinstance(first, list):  # one value per token
            longest = max(len(row[name]) for row in rows)
            filler = pad_id if name.endswith("input_ids") else IGNORED if name == "labels" else 0
            values = [row[name] + [filler] * (longest - len(row[name])) for row in rows]
        else:  # one value per row
            values = [row[name] for row in rows]
        padded[name] = torch.tensor(values)
    return padded


def token_losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return (batch, 2): the sum of -log p of the label tokens, in nats, and their number.

    `logits` are (batch, tokens, vocabulary), `labels` (batch, tokens) with -100 where there is no label.
    """
    import torch

    # cross_entropy wants the classes second: (batch, vocabulary, tokens) -> (batch, tokens)
    nats = torch.nn.functional.cross_entropy(
        logits.float().transpose(1, 2), labels, ignore_index=IGNORED, reduction="none"
    )
    return torch.stack([nats.sum(1), (labels != IGNORED).sum(1).to(nats.dtype)], 1)
