"""How much faster a run trains than Trainer: padded to 128 in float32, and with its best flags, side by side."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

from benchmarks.accuracy import TRAIN, goemotions_rows
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
Way = Callable[[Catalogue, Table], float]


def ratios(services: Services) -> list[Row]:
    """Alternate three ways to train in one process; rows per second of training alone, medians."""
    if not (DATA / "goemotions").is_dir():
        return [
            skipped(f"training throughput, {_WORDS[_padded]}", f"≥ {_WANTED[_padded]} times", "no labeled data here")
        ]
    rows, _ = goemotions_rows()
    table = Table(
        "train.csv", {"text": tuple(t for t, _ in rows), "label": tuple(y for _, y in rows)}, tuple(range(len(rows)))
    )
    catalogue = Catalogue(services.settings)
    speeds: dict[Way, list[float]] = {_padded: [], _best_flags: [], _ours: []}
    for turn in range(PAIRS + 1):
        for way, measured in speeds.items():
            speed = way(catalogue, table)
            if turn:  # the first of a process warms kernels and caches
                measured.append(speed)
    return [_compared(speeds[_ours], speeds[way], way) for way in (_padded, _best_flags)]


def _compared(ours: list[float], theirs: list[float], way: Way) -> Row:
    ratio = statistics.median(ours) / statistics.median(theirs)
    shown = f"{statistics.median(ours):.0f} against {statistics.median(theirs):.1f} examples/s"
    what = f"training throughput against {_WORDS[way]}, batch {BATCH} in both"
    wanted = _WANTED[way]
    return Row(
        what, f"{ratio:.2f} times ({shown}, {2 * TRAIN} rows, medians of {PAIRS})", f"≥ {wanted}", ratio >= wanted
    )


def _ours(catalogue: Catalogue, table: Table) -> float:
    """One epoch as a run trains it: same trainer, sampler, collator and precision."""
    from bertdemo.runs.worker import training
    from bertdemo.runs.worker.optimization.weights import autocast, trainable

    task = tasks.find("classification")
    config = resolve_defaults(
        RunConfig(batch_size=BATCH, epochs=1),
        train_rows=table.rows,
        parameters=0,
        suggested_length=128,
        freezes_embeddings=task.freezes_embeddings,
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
    dataset, opened, pad_id = _prepared(catalogue, table, range(0, table.rows, table.rows // PADDED_ROWS))

    def collate(found: list[dict[str, Any]]) -> dict[str, Any]:
        for row in found:
            missing = PADDED_LENGTH - len(row["input_ids"])
            row["input_ids"] = row["input_ids"] + [pad_id] * missing
            row["attention_mask"] = row["attention_mask"] + [0] * missing
            row["token_type_ids"] = row["token_type_ids"] + [0] * missing
        return Collator(pad_id)(found)

    return _plain(opened.model, dataset, collate)


def _best_flags(catalogue: Catalogue, table: Table) -> float:
    """One epoch with Trainer's best flags: batches by length, padded to their longest row, under bfloat16 autocast."""
    dataset, opened, pad_id = _prepared(catalogue, table, range(table.rows))
    fast = device.precision_for(device.cpu(), "auto") == "bfloat16"
    flags = {"train_sampling_strategy": "group_by_length", "length_column_name": "length", "bf16": fast}
    return _plain(opened.model, dataset, Collator(pad_id), **flags, remove_unused_columns=False)


def _plain(model: Any, dataset: Any, collate: Any, **flags: Any) -> float:
    """Train one epoch with Trainer itself; return the rows per second."""
    from transformers import PrinterCallback, Trainer, TrainingArguments

    args = TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=BATCH,
        num_train_epochs=1,
        use_cpu=True,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=False,
        **flags,
    )
    trainer = Trainer(model=model, args=args, train_dataset=dataset, data_collator=collate)
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


_WORDS = {
    _padded: f"Trainer padded to {PADDED_LENGTH} in float32",
    _best_flags: "Trainer with its best flags (batches by length, bfloat16 autocast)",
}
_WANTED = {_padded: 8.5, _best_flags: 1.15}
