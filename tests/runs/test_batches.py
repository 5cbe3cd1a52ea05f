"""The order of the training rows, and what a task draws for them: functions of the seed, the epoch and the row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bertdemo.checkpoints import bundled
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.run_config import Truncation
from bertdemo.runs.worker.optimization.batches import (
    TrainingOrder,
    TrainingRows,
    grouped,
    order_of,
    padded_positions,
)
from bertdemo.tables.table import Table
from bertdemo.tasks.base import EncodeOptions, LabeledTable
from bertdemo.tasks.fill_mask import FillMask
from tests.runs.test_training import trainer_for

LENGTHS = [5 + (row * 37) % 91 for row in range(500)]


def test_the_order_depends_on_the_seed_and_the_epoch_and_on_nothing_that_was_drawn_before() -> None:
    import random

    first = order_of(100, seed=42, epoch=3)
    random.seed(0)
    assert order_of(100, seed=42, epoch=3) == first
    assert sorted(first) == list(range(100))
    assert order_of(100, seed=43, epoch=3) != first != order_of(100, seed=42, epoch=4)


def test_rows_of_similar_length_are_side_by_side_and_the_longest_comes_first() -> None:
    rows = grouped(order_of(500, seed=1, epoch=0), LENGTHS, batch=16)
    assert sorted(rows) == list(range(500))
    assert LENGTHS[rows[0]] == max(LENGTHS)
    batches = [rows[start : start + 16] for start in range(0, 500, 16)]
    padding = sum(max(LENGTHS[row] for row in batch) - LENGTHS[row] for batch in batches for row in batch)
    assert padding < 0.2 * sum(LENGTHS)  # in random order it is 0.8
    assert grouped([0], [7], batch=32) == [0]


def test_an_epoch_that_has_begun_keeps_its_order_and_its_number() -> None:
    order = TrainingOrder(rows=6, seed=7, batch=2)
    order.set_epoch(1)
    rows = iter(order)
    order.set_epoch(2)
    assert list(rows) == [(1, row) for row in order_of(6, 7, 1)]
    assert [epoch for epoch, _ in order] == [2] * 6


def test_the_work_of_an_epoch_is_that_of_its_own_batches() -> None:
    lengths = [3, 9, 4, 8]
    order = TrainingOrder(4, seed=5, batch=2)
    first, second, third, fourth = (lengths[row] for row in order_of(4, 5, 0))
    assert padded_positions(order, lengths) == 2 * max(first, second) + 2 * max(third, fourth)
    spread = TrainingOrder(500, seed=5, batch=16)
    together = TrainingOrder(500, seed=5, batch=16, lengths=LENGTHS)
    assert sum(LENGTHS) < padded_positions(together, LENGTHS) < 0.8 * padded_positions(spread, LENGTHS)


@pytest.mark.slow
def test_a_batch_fetched_ahead_is_masked_for_its_own_epoch() -> None:
    tokenizer = SharedTokenizer.from_folder(bundled.folder())
    texts = tuple(f"the quick brown fox number {number} jumps over the lazy dog" for number in range(6))
    task = FillMask()
    source = LabeledTable(Table("t.csv", {"text": texts}, tuple(range(6))), {"text": "text"})
    rows = TrainingRows(task.encode(source, range(6), tokenizer, EncodeOptions(Truncation(32))))
    collate: Any = task.collator(tokenizer, seed=1)

    def masked(epoch: int) -> list[list[int]]:
        ids: list[list[int]] = collate(rows.__getitems__([(epoch, row) for row in range(6)]))["input_ids"].tolist()
        return ids

    first = masked(0)
    ahead = masked(1)  # fetched while the first epoch goes on
    assert masked(0) == first != ahead
    assert rows[1, 4]["epoch"] == 1 and len(rows) == 6


@pytest.mark.slow
def test_the_trainer_reads_each_epoch_in_its_order_also_when_its_first_batches_are_skipped(
    tiny: Path, tmp_path: Path
) -> None:
    from accelerate import skip_first_batches

    trainer, dataset = trainer_for(tiny, tmp_path)
    loader = trainer.get_train_dataloader()

    def labels(batches: Any) -> list[list[int]]:
        return [batch["labels"].tolist() for batch in batches]

    loader.set_epoch(2)
    expected = grouped(order_of(100, 42, 2), list(dataset["length"]), 8)
    whole = labels(loader)
    assert [label for batch in whole for label in batch] == [dataset["labels"][row] for row in expected]
    skipped = skip_first_batches(loader, 5)
    skipped.set_epoch(2)
    assert labels(skipped) == whole[5:]


@pytest.mark.slow
def test_what_evaluates_draws_nothing_from_the_generators_of_the_training(tiny: Path, tmp_path: Path) -> None:
    import random

    import numpy as np
    import torch

    trainer, _ = trainer_for(tiny, tmp_path)

    def greedy(*_: Any, **__: Any) -> dict[str, float]:
        torch.rand(3), np.random.rand(3), random.random()
        return {"drawn": 1.0}

    trainer.compute_metrics = greedy
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    assert trainer.evaluate()["eval_drawn"] == 1.0
    assert torch.get_rng_state().equal(before[0])
    assert (np.random.get_state()[1] == before[1]).all()
    assert random.getstate() == before[2]
