"""RunTrainer in several processes: the steps of one process, each shared, and the evaluation of one process, gathered.

DistributedDataParallel averages the gradients of all processes. Each loss is therefore weighed by what it is the mean
of, so that the average is the gradient of the mean over the whole batch, whatever its size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from torch.utils.data import DataLoader
from transformers.trainer_pt_utils import EvalLoopContainer
from transformers.trainer_utils import EvalLoopOutput, EvalPrediction, denumpify_detensorize

from bertdemo.runs.worker.distributed.shares import COUNTS, Counting, ShareOfRows, items
from bertdemo.runs.worker.training import RunTrainer, positions

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor

    from bertdemo.runs.worker.distributed.world import World

# What pads predictions of different lengths, as in Trainer.
_PADDING = -100
# Of an evaluated batch: its number, its loss, its predictions, its labels.
_Evaluated = tuple[int, "Tensor", Any, Any]


class SharingTrainer(RunTrainer):
    """See the module."""

    def __init__(self, *, world: World, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._world = world
        self._share = 1.0
        self._pass = (0, 0)  # step, and how many of its passes have begun

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return the batches of one process, of which this one reads its part."""
        from accelerate.data_loader import prepare_data_loader

        rows: Any = ShareOfRows(self._encoded, self._world.number, self._world.size)
        loader = DataLoader(
            rows,
            batch_size=self._train_batch_size,
            sampler=self._get_train_sampler(),
            collate_fn=Counting(self.data_collator),
            pin_memory=self.args.dataloader_pin_memory,
        )
        # One process as far as accelerate is concerned: it would hand out whole batches, and repeat rows at the end.
        prepared: DataLoader[Any] = prepare_data_loader(
            loader, self.args.device, num_processes=1, process_index=0, put_on_device=True
        )
        return prepared

    def _prepare_for_training(self, *arguments: Any, **options: Any) -> tuple[Any, Any]:
        model, loader = super()._prepare_for_training(*arguments, **options)  # type: ignore[no-untyped-call]
        plain: Any = self.model
        model.config = plain.config  # a task's loss may read it, and DistributedDataParallel has none
        return model, loader

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Any:
        """Do this process's part of one pass."""
        own = float(inputs.pop(COUNTS)) * items(inputs, self._loss)
        count, everywhere = self._world.sums(own, positions(inputs))
        self._share = self._world.size * own / count if count else 0.0
        self._seed()
        try:
            loss = super().training_step(model, inputs, num_items_in_batch)
        finally:
            self._share = 1.0
        self.work.done += self.work.training_units * (everywhere - positions(inputs))
        return loss

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the task's loss, in training times the share that these rows have in the batch."""
        loss, outputs = super().compute_loss(model, inputs, True, num_items_in_batch)
        return (loss * self._share, outputs) if return_outputs else loss * self._share

    def _seed(self) -> None:
        """Make dropout a function of the seed, the step and the rank: a resumed run needs no state of each process."""
        import numpy as np
        import torch

        step = self.state.global_step
        self._pass = (step, self._pass[1] + 1 if self._pass[0] == step else 0)
        key = [self.args.seed, *self._pass, self._world.number]
        torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))

    # --- evaluation ---

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Any]:
        """Return every n-th batch of those that one process evaluates."""
        dataset: Any = self.eval_dataset if eval_dataset is None else eval_dataset
        batches = self._batches(dataset)[self._world.number :: self._world.size]
        return DataLoader(dataset, batch_sampler=batches, collate_fn=self.data_collator)

    def _batches(self, dataset: Dataset) -> list[list[int]]:
        rows, size = list(range(len(dataset))), self.args.eval_batch_size
        return [rows[start : start + size] for start in range(0, len(rows), size)]

    def evaluation_loop(
        self,
        dataloader: DataLoader[Any],
        description: str,  # noqa: ARG002 - Trainer's
        prediction_loss_only: bool | None = None,  # noqa: ARG002 - Trainer's
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """Evaluate the own batches, and put those of all processes together in the order of the dataset."""
        done = self.work.done
        own = list(self._evaluated(dataloader, ignore_keys))
        self.work.done = done + self._world.sums(self.work.done - done)[0]
        batches = sorted((batch for part in self._world.gathered(own) for batch in part), key=lambda batch: batch[0])
        losses, logits, labels = (_put_together(batches, at) for at in (1, 2, 3))
        score: Any = self.compute_metrics
        scores = score(EvalPrediction(predictions=logits, label_ids=labels))
        metrics = denumpify_detensorize({**scores, "loss": losses.mean()})  # type: ignore[no-untyped-call]
        prefixed = {f"{metric_key_prefix}_{name}": value for name, value in metrics.items()}
        return EvalLoopOutput(logits, labels, prefixed, len(losses))

    def _evaluated(self, loader: DataLoader[Any], ignore_keys: list[str] | None) -> Iterator[_Evaluated]:
        """Yield what the model says of each of the own batches; all processes go through as many rounds."""
        model: Any = self.model
        reduce: Any = self.preprocess_logits_for_metrics
        dataset: Any = loader.dataset
        model.eval()
        reading = iter(loader)
        batches = self._batches(dataset)
        rounds: Any = range(0, len(batches), self._world.size)
        self.callback_handler.eval_dataloader = rounds  # of which the length is read
        for first in rounds:
            number = first + self._world.number
            if number < len(batches):
                loss, logits, labels = self.prediction_step(model, next(reading), False, ignore_keys=ignore_keys)
                kept = _on_cpu(reduce(logits, labels))
                yield number, loss.repeat(len(batches[number])).cpu(), kept, _on_cpu(labels)
            self.control = self.callback_handler.on_prediction_step(self.args, self.state, self.control)


def _on_cpu(value: Any) -> Any:
    return tuple(_on_cpu(part) for part in value) if isinstance(value, tuple | list) else value.cpu()


def _put_together(batches: Sequence[_Evaluated], at: int) -> Any:
    """Return one part of all batches as arrays, those of different lengths padded as Trainer pads them."""
    container: Any = EvalLoopContainer(do_nested_concat=True, padding_index=_PADDING)
    for batch in batches:
        container.add(batch[at])
    return container.get_arrays()
