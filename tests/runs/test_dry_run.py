"""The longest batch is tried before the first epoch, and computed in parts where it does not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bertdemo.run_config import RunConfig
from bertdemo.runs.worker.optimization.dry_run import fitting, fitting_config, longest
from tests.runs.test_training import trainer_for


class Memory:
    """A device on which so many rows fit."""

    def __init__(self, rows: int) -> None:
        self.rows, self.tried, self.freed = rows, list[int](), 0

    def step(self, rows: int) -> None:
        self.tried.append(rows)
        if rows > self.rows:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    def free(self) -> None:
        self.freed += 1


@pytest.mark.parametrize(
    ("batch", "fits", "tried", "passes"),
    [(32, 32, [32], 1), (32, 31, [32, 16], 2), (32, 5, [32, 16, 8, 4], 8), (6, 2, [6, 3, 1], 6), (256, 1, None, 256)],
)
def test_rows_are_halved_until_they_fit_and_the_batch_stays(
    batch: int, fits: int, tried: list[int] | None, passes: int
) -> None:
    memory = Memory(fits)
    fitted = fitting(RunConfig(batch_size=batch), memory.step, memory.free)
    assert memory.tried == (tried or memory.tried)
    assert (fitted.batch_size, fitted.passes_per_step) == (batch, passes)
    assert fitted.rows_per_pass == memory.tried[-1] <= fits
    assert memory.freed == len(memory.tried) - 1


def test_one_row_that_does_not_fit_is_an_error_and_so_is_every_other_failure() -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        fitting(RunConfig(batch_size=4), Memory(0).step, lambda: None)

    def broken(_: int) -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        fitting(RunConfig(batch_size=4), broken, lambda: None)


@pytest.mark.slow
def test_the_dry_run_changes_neither_weights_nor_random_state(tiny: Path, tmp_path: Path) -> None:
    import torch

    trainer, dataset = trainer_for(tiny, tmp_path)
    assert [row["length"] for row in longest(dataset, 3)] == sorted(dataset["length"], reverse=True)[:3]
    limited, tried = small_memory(trainer.model.forward, rows=2)
    trainer.model.forward = limited
    before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    config = fitting_config(trainer.model, trainer._task, trainer._config, dataset, trainer.data_collator, "cpu")
    assert (tried, config.rows_per_pass, config.passes_per_step) == ([8, 4, 2], 2, 4)
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(before[name], tensor) for name, tensor in trainer.model.state_dict().items())
    assert all(weight.grad is None for weight in trainer.model.parameters())


def small_memory(forward: Callable[..., Any], rows: int) -> tuple[Callable[..., Any], list[int]]:
    """Return a forward pass that runs out of memory above so many rows, and the rows that it was given."""
    tried: list[int] = []

    def limited(*args: Any, **inputs: Any) -> Any:
        tried.append(len(inputs["input_ids"]))
        if tried[-1] > rows:
            raise RuntimeError("CUDA out of memory.")
        return forward(*args, **inputs)

    return limited, tried
