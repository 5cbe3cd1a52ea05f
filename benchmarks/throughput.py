"""How much faster the run's way of training is than Trainer with padding to 128 in float32, side by side."""

from __future__ import annotations

import statistics
import tempfile
import time
from typing import Any

from benchmarks.accuracy import TRAIN, _first, _two_classes
from benchmarks.row import DATA, Row, skipped
from bertdemo import device, tasks
from bertdemo.checkpoints import Catalogue
from bertdemo.run_config import RunConfig, Truncation
from bertdemo.runs.request import resolve_defaults
from bertdemo.services import Services
from bertdemo.tables.table import Table
from bertdemo.tasks.base import EncodeOptions, HeadOptions, LabeledTable
from bertdemo.tasks.forward import Collator

PADDED_ROWS, PAIRS, BATCH, PADDED_LENGTH = 256, 3, 32, 128


def ratio(services: Services) -> Row:
    """Alternate both settings in one process; rows per second of training alone, medians."""
    what = f"training throughput against Trainer padded to {PADDED_LENGTH} in float32, batch {BATCH} in both"
    wanted = "≥ 6 times"
    if not (DATA / "goemotions").is_dir():
        return skipped(what, wanted, "no labeled data beside the checkout")
    rows, _ = _first(_two_classes(DATA / "goemotions" / "train.csv"))
    table = Table(
        "train.csv", {"text": tuple(t for t, _ in rows), "label": tuple(y for _, y in rows)}, tuple(range(len(rows)))
    )
    catalogue = Catalogue(services.settings)
    ours, padded = [], []
    for turn in range(PAIRS + 1):
        slow, fast = _padded(catalogue, table), _ours(catalogue, table)
        if turn:  # the first of a process warms kernels and caches
            padded.append(slow)
            ours.append(fast)
    found = statistics.median(ours) / statistics.median(padded)
    shown = f"{statistics.median(ours):.0f} against {statistics.median(padded):.1f} examples/s"
    return Row(what, f"{found:.1f} times ({shown}, {2 * TRAIN} rows, medians of {PAIRS})", wanted, found >= 6)


def _ours(catalogue: Catalogue, table: Table) -> float:
    """One epoch as a run trains it: same trainer, sampler, collator and precision."""
    from bertdemo.runs.worker import training
    from bertdemo.runs.worker.optimization.weights import autocast, trainable

    task = tasks.find("classification")
    config = resolve_defaults(
        RunConfig(batch_size=BATCH, epochs=1), train_rows=table.rows, parameters=0, suggested_length=128
    )
    dataset, opened, pad_id = _prepared(catalogue, table, range(table.rows))
    here = device.cpu()
    precision = device.precision_for(here, "auto")
    args = training.arguments(tempfile.mkdtemp(), config, on_cpu=True, autocast=autocast(config, precision))
    args.eval_strategy = "no"
    trainer = training.RunTrainer(
        task=task,
        config=config,
        work=training.Work(1, 1, 1, 1),
        model=trainable(opened.model, task, config, precision),
        args=args,
        train_dataset=dataset,
        data_collator=Collator(pad_id),
    )
    return _rows_per_second(trainer, table.rows)


def _padded(catalogue: Catalogue, table: Table) -> float:
    """One epoch with Trainer's own order and optimizer, every row padded to 128, in float32."""
    from transformers import PrinterCallback, Trainer, TrainingArguments

    dataset, opened, pad_id = _prepared(catalogue, table, range(0, table.rows, table.rows // PADDED_ROWS))

    def collate(found: list[dict[str, Any]]) -> dict[str, Any]:
        for row in found:
            missing = PADDED_LENGTH - len(row["input_ids"])
            row["input_ids"] = row["input_ids"] + [pad_id] * missing
            row["attention_mask"] = row["attention_mask"] + [0] * missing
            row["token_type_ids"] = row["token_type_ids"] + [0] * missing
        return Collator(pad_id)(found)

    args = TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=BATCH,
        num_train_epochs=1,
        use_cpu=True,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    trainer = Trainer(model=opened.model, args=args, train_dataset=dataset, data_collator=collate)
    trainer.remove_callback(PrinterCallback)
    return _rows_per_second(trainer, len(dataset))


def _prepared(catalogue: Catalogue, table: Table, rows: range) -> tuple[Any, Any, int]:
    task, tokenizer = tasks.find("classification"), catalogue.tokenizer("bundled", None)
    columns = {"text": "text", "label": "label"}
    labels = task.labels(table, columns)
    options = EncodeOptions(Truncation(PADDED_LENGTH))
    dataset = task.encode(LabeledTable(table, columns, labels), list(rows), tokenizer, options)
    opened = task.model(catalogue.folder("bundled", None), HeadOptions(labels=labels, seed=0))
    return dataset, opened, tokenizer.pad_id


def _rows_per_second(trainer: Any, rows: int) -> float:
    began = time.perf_counter()
    trainer.train()
    return rows / (time.perf_counter() - began)
