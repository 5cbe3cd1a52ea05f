"""The layers that do not train: they run without dropout, so what leaves them is kept in place of computed every epoch.

What leaves the frozen layers is then a function of the row alone. It is computed once, before the first step, from rows
of similar length side by side, and an epoch costs the layers above alone (docs/decisions/0019). The batches of that
pass depend on the rows and the settings alone, so a resumed run computes the same values again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import TrainerCallback

from bertdemo.run_config import RunConfig
from bertdemo.runs.worker.optimization.batches import evaluation_batch
from bertdemo.runs.worker.record import note_kept_outputs

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from bertdemo.tasks.base import Task
    from bertdemo.tasks.forward import Batch, Collator

# More is not kept. AdamW holds 12 bytes for each of the 85M weights in the layers of bert-base, 1.0 GB: so a run takes
# no more memory with kept outputs than one that trains everything. At a hidden size of 384 in bfloat16 this is 1.4
# million tokens. A constant, not a share of the memory that is free: a resumed run must decide as before.
MOST_BYTES = 2**30
_IDS, _OUTPUTS = "input_ids", "frozen_outputs"


class FrozenLayers:
    """The embeddings and the `count` lowest layers of a BertModel; with 0 nothing is frozen here."""

    def __init__(self, encoder: Any, count: int) -> None:
        self._encoder, self._count = encoder, count

    def _settle(self) -> None:
        """Turn dropout off: Trainer has put the whole model into training mode."""
        if self._count:
            for module in (self._encoder.embeddings, *self._encoder.encoder.layer[: self._count]):
                module.eval()

    def outputs(self, batch: Mapping[str, torch.Tensor]) -> Batch:
        """Return what leaves the frozen layers, (rows, tokens, hidden) per sequence; a bi-encoder has two per row."""
        stack, found = self._encoder.encoder, {}
        layers = stack.layer
        stack.layer = layers[: self._count]
        self._settle()
        try:
            with torch.no_grad():
                for prefix in prefixes(batch):
                    names = [name for name in _SEQUENCE if prefix + name in batch]
                    inputs = {name: batch[prefix + name] for name in names}
                    found[prefix + _OUTPUTS] = self._encoder(**inputs).last_hidden_state
        finally:
            stack.layer = layers
        return found

    @contextmanager
    def applied(self, inputs: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield a batch for the model, without dropout in the frozen layers.

        Where the batch brings what leaves these layers, the encoder starts above them inside the block. Which sequence
        it is given is known by the tensor of its IDs, whatever the order of a task.
        """
        self._settle()
        kept = [(inputs[prefix + _IDS], inputs[prefix + _OUTPUTS]) for prefix in prefixes(inputs, _OUTPUTS)]
        if not kept:
            yield inputs
            return

        def embeddings(input_ids: torch.Tensor, **_: Any) -> torch.Tensor:
            found: torch.Tensor = next(outputs for ids, outputs in kept if ids is input_ids)
            return found

        below, stack = self._encoder.embeddings, self._encoder.encoder
        layers = stack.layer
        stack.layer, below.forward = layers[self._count :], embeddings
        try:
            yield {name: value for name, value in inputs.items() if not name.endswith(_OUTPUTS)}
        finally:
            stack.layer = layers
            del below.forward


_SEQUENCE = (_IDS, "attention_mask", "token_type_ids")


def prefixes(columns: Mapping[str, Any], ending: str = _IDS) -> list[str]:
    """Return what stands before `ending` in the columns that have it: "" and, of a bi-encoder, that of its pair."""
    return [name.removesuffix(ending) for name in columns if name.endswith(ending)]


class KeptRows:
    """An encoded dataset; after `fill`, its rows have what leaves the frozen layers, (tokens, hidden)."""

    def __init__(self, encoded: Dataset) -> None:
        self._encoded = encoded
        self._lengths: Sequence[int] = list(encoded["length"])
        self._outputs: dict[str, torch.Tensor] = {}
        self._starts: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self._encoded)

    def __getitem__(self, key: int | str) -> Any:
        return self._encoded[key] if isinstance(key, str) else self.__getitems__([key])[0]

    def __getitems__(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        found = self._encoded.__getitems__(list(rows))
        return [{**values, **self._of(row)} for row, values in zip(rows, found, strict=True)]

    def _of(self, row: int) -> Batch:
        starts = self._starts.items()
        return {name: self._outputs[name][start[row] : start[row + 1]] for name, start in starts}

    @property
    def tokens(self) -> int:
        """The tokens of all rows, without padding."""
        return sum(self._lengths)

    def fill(self, outputs: Callable[[list[Any]], Batch], batch: int, progress: Callable[[int], None]) -> None:
        """Compute the outputs by `outputs`, for so many rows at a time; `progress` gets the number of rows of each."""
        order = sorted(range(len(self)), key=self._lengths.__getitem__)
        for first in range(0, len(order), batch):
            chosen = order[first : first + batch]
            rows = self._encoded.__getitems__(chosen)
            for name, states in outputs(rows).items():
                if name not in self._outputs:
                    self._make_room(name, states)
                start = self._starts[name]
                for at, row in enumerate(chosen):
                    self._outputs[name][start[row] : start[row + 1]] = states[at, : start[row + 1] - start[row]]
            progress(len(chosen))

    def _make_room(self, name: str, states: torch.Tensor) -> None:
        start = [0]
        for ids in self._encoded[name.removesuffix(_OUTPUTS) + _IDS]:
            start.append(start[-1] + len(ids))
        self._starts[name] = start
        self._outputs[name] = torch.empty((start[-1], states.shape[-1]), dtype=states.dtype)


@dataclass
class KeptOutputs(TrainerCallback):
    """The rows of a training with what leaves its frozen layers, their batches, and the pass that computes it."""

    frozen: FrozenLayers
    parts: Mapping[str, KeptRows]
    collator: Collator
    batch: int
    progress: Callable[[float], None]
    """Gets the share that is done, 0 to 1; may raise to stop."""
    _done: int = field(default=0, init=False)

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> Batch:
        """Return the batch of the task's collator, with the outputs as (rows, longest row, hidden), padded with 0."""
        names = [name for name in rows[0] if name.endswith(_OUTPUTS)]
        batch = self.collator([{name: row[name] for name in row if name not in names} for row in rows])
        return {**batch, **{name: pad_sequence([row[name] for row in rows], batch_first=True) for name in names}}

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,  # noqa: ARG002 - Trainer's
        control: TrainerControl,  # noqa: ARG002 - Trainer's
        **_: Any,
    ) -> None:
        """Compute the outputs: of the weights that a resumed run has loaded, on the device that trains."""

        def outputs(rows: list[Any]) -> Batch:
            batch = self.collator(rows)
            with torch.autocast(args.device.type, torch.float16, enabled=args.fp16):  # as Trainer trains
                return self.frozen.outputs({name: tensor.to(args.device) for name, tensor in batch.items()})

        self._done = 0
        for rows in self.parts.values():
            rows.fill(outputs, self.batch, self._progress)

    def _progress(self, rows: int) -> None:
        self._done += rows
        self.progress(self._done / sum(map(len, self.parts.values())))


def kept_outputs(
    task: Task,
    model: Any,
    config: RunConfig,
    parts: Mapping[str, Dataset],
    collator: Collator,
    progress: Callable[[float], None],
    run: Path,
) -> KeptOutputs | None:
    """Return what keeps the outputs of the frozen layers; None where nothing is gained, or they are too large.

    The record in the folder of the run says so then.
    """
    if not config.keeps_frozen_outputs or not task.outputs_are_fixed:
        return None
    encoder = task.encoder(model)
    read = {name: KeptRows(parts[name]) for name in ("train", "validation")}
    weight = next(encoder.parameters())
    size = sum(rows.tokens for rows in read.values()) * encoder.config.hidden_size * weight.element_size()
    if size > MOST_BYTES:
        return None
    note_kept_outputs(run)
    frozen = FrozenLayers(encoder, config.frozen_layers)
    return KeptOutputs(frozen, read, collator, evaluation_batch(config.rows_per_pass), progress)
