"""The parts of a batch and their weights: together they are the batch, for every task that may be shared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bertdemo import tasks
from bertdemo.runs.registry import Registry
from bertdemo.runs.worker.distributed.shares import COUNTS, Counting, ShareOfRows, items
from bertdemo.runs.worker.optimization.batches import TrainingOrder
from bertdemo.runs.worker.preparing import prepare
from bertdemo.runs.worker.result import label_weights
from bertdemo.settings import Settings
from bertdemo.tasks.base import PLAIN, HeadOptions, LossOptions
from tests import sweep
from tests.runs.test_every_task import SAMPLES, request_of

pytestmark = pytest.mark.slow

SHARED = [task for task in SAMPLES if tasks.find(task).rows_are_independent]


class Rows(list[dict[str, Any]]):
    """Encoded rows that say which of them were read."""

    def __init__(self, count: int) -> None:
        super().__init__({"input_ids": [at]} for at in range(count))
        self.read: list[int] = []

    def __getitems__(self, indices: list[int]) -> list[dict[str, Any]]:
        self.read += indices
        return [self[at] for at in indices]


def test_each_process_reads_its_rows_only_and_all_together_read_each_row_once() -> None:
    rows, keys = Rows(11), list(TrainingOrder(11, seed=3, batch=11))
    parts = [ShareOfRows(rows, number, 3).__getitems__(keys) for number in range(3)]  # type: ignore[arg-type]
    assert [len(part) for part in parts] == [4, 4, 3]
    assert sorted(rows.read) == list(range(11))
    assert all(row[COUNTS] for part in parts for row in part)


def test_a_process_without_a_row_reads_one_that_does_not_count() -> None:
    rows, keys = Rows(2), [(0, 1), (0, 0)]
    (padding,) = ShareOfRows(rows, 2, 3).__getitems__(keys)  # type: ignore[arg-type]
    assert (padding["input_ids"], padding[COUNTS]) == ([1], False)


def test_only_a_search_compares_the_rows_of_a_batch() -> None:
    assert set(SAMPLES) - set(SHARED) == {"search"}


@pytest.mark.parametrize("task_id", SHARED if sweep.WHOLE else ["classification", "fill_mask", "text_to_text"])
def test_the_weighed_losses_of_the_parts_are_the_loss_of_the_batch(
    task_id: str, registry: Registry, own_settings: Settings
) -> None:
    request = request_of(task_id)
    folder = registry.folder(registry.create(request, ""))
    prepared = prepare(folder, request, own_settings, lambda *_, **__: None, lambda: None)
    task, targets = prepared.task, prepared.targets("train")
    model = task.model(prepared.base, HeadOptions(prepared.labels, 1, targets)).model.eval()
    collate = Counting(task.collator(prepared.tokenizer, 1))
    options = PLAIN
    if "class_weights" in task.options:
        options = LossOptions(label_weights(targets, len(prepared.labels)), 0.1)

    def loss_and_items(number: int, size: int) -> tuple[float, float]:
        batch = collate(ShareOfRows(prepared.encoded["train"], number, size).__getitems__([(0, at) for at in range(7)]))
        counts = float(batch.pop(COUNTS))
        loss, _ = task.loss(model, batch, options)
        return float(loss.detach()), counts * items(batch, options)

    whole, count = loss_and_items(0, 1)
    for size in (2, 3, 9):
        parts = [loss_and_items(number, size) for number in range(size)]
        assert sum(weight for _, weight in parts) == pytest.approx(count)
        assert sum(loss * weight for loss, weight in parts) / count == pytest.approx(whole, rel=1e-4)


def test_the_folder_of_a_run_is_prepared_once(registry: Registry, own_settings: Settings, data: Path) -> None:
    request = request_of("classification")
    folder = registry.folder(registry.create(request, ""))
    prepare(folder, request, own_settings, lambda *_, **__: None, lambda: None)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    prepare(folder, request, own_settings, lambda *_, **__: None, lambda: None, again=True)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before
