"""The longest batch, tried before the first epoch: what does not fit into a GPU's memory is computed in parts.

A run that dies of its longest batch dies after minutes or hours, because that batch comes at random. The dry run does
a whole optimizer step at a learning rate of zero, so that the optimizer's own memory is counted, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bertdemo import device as devices
from bertdemo.run_config import RunConfig

if TYPE_CHECKING:
    from datasets import Dataset

    from bertdemo.tasks.base import Task
    from bertdemo.tasks.forward import Collator

Step = Callable[[int], None]


def fitting(config: RunConfig, step: Step, free: Callable[[], None]) -> RunConfig:
    """Return the settings with `accumulation` doubled until `step(rows)` does not run out of memory.

    `step` does one forward and backward pass of so many rows, the longest ones; `free` gives back what it took. Raises
    what `step` raises where even one row does not fit, or where it fails for another reason.
    """
    while True:
        try:
            step(config.rows_per_pass)
            return config
        except (RuntimeError, MemoryError) as error:
            if not devices.out_of_memory(error) or config.rows_per_pass == 1:
                raise
        free()  # outside the handler: until it ends, the error keeps the tensors of the failed pass alive
        config = replace(config, accumulation=-(-(config.batch_size or 1) // (config.rows_per_pass // 2)))


def fitting_config(
    model: Any, task: Task, config: RunConfig, dataset: Dataset, collate: Collator, device_id: str
) -> RunConfig:
    """Return the settings whose longest batch fits into the memory of a GPU; weights and random state do not change.

    Raises torch.OutOfMemoryError where one row does not fit. On a CPU nothing would be raised: Linux hands out more
    memory than it has.
    """
    import torch

    def free() -> None:
        model.zero_grad(set_to_none=True)
        devices.free_memory()

    model.to(device_id).train()
    with torch.random.fork_rng():
        fitted = fitting(config, _stepping(model, task, dataset, collate, device_id), free)
    free()
    return fitted


def _stepping(model: Any, task: Task, dataset: Dataset, collate: Collator, device_id: str) -> Step:
    """Return a function that does an optimizer step at a learning rate of zero on the longest rows."""
    import torch

    from bertdemo.runs.worker.optimization.optimizer import optimizer_of

    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = optimizer_of([{"params": weights, "lr": 0.0, "weight_decay": 0.0}], torch.optim.AdamW, {})

    def step(rows: int) -> None:
        batch = {name: tensor.to(device_id) for name, tensor in collate(longest(dataset, rows)).items()}
        loss, _ = task.loss(model, batch)
        loss.backward()
        optimizer.step()

    return step


def longest(dataset: Dataset, rows: int) -> list[Any]:
    """Return the encoded rows with the most tokens."""
    lengths: Sequence[int] = dataset["length"]
    order = sorted(range(len(lengths)), key=lambda at: -lengths[at])
    return [dataset[at] for at in order[:rows]]
