"""The Trainer of a run: rows in a known order, two learning rates, and an honest estimate of the work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bertdemo.checkpoints.loading import open_model
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.run_config import RunConfig, Truncation
from bertdemo.runs.request import resolve_defaults
from bertdemo.tables.table import Table
from bertdemo.tasks.base import EncodeOptions, LabeledTable
from bertdemo.tasks.classification import Classification
from tests.runs.support import COLUMNS, rows_of

pytestmark = pytest.mark.slow

LABELS = ("no", "yes", "perhaps")


def trainer_for(
    tiny: Path, folder: Path, rows: int = 100, *, dropout: float | None = None, **fields: Any
) -> tuple[Any, Any]:
    """Return a RunTrainer that groups by length, and its data set (not sorted, three labels)."""
    from bertdemo.runs.work import Work
    from bertdemo.runs.worker.training import RunTrainer, arguments

    task, tokenizer = Classification(), SharedTokenizer.from_folder(tiny)
    pairs = rows_of(rows, LABELS)
    table = Table(
        "t.csv", {"text": tuple(t for t, _ in pairs), "label": tuple(x for _, x in pairs)}, tuple(range(rows))
    )
    dataset = task.encode(LabeledTable(table, COLUMNS, LABELS), range(rows), tokenizer, EncodeOptions(Truncation(64)))
    settings = {"device": "cpu", "epochs": 1, "batch_size": 8, "learning_rate": 1e-4, "weight_decay": 0.05}
    config = RunConfig(**{**settings, "max_length": 64, **fields})
    config = resolve_defaults(config, train_rows=rows, parameters=1, suggested_length=64)
    trainer = RunTrainer(
        task=task,
        config=config,
        work=Work(1, 1, 1, 1),
        model=open_model(tiny, task.architecture, labels=LABELS, seed=0, dropout=dropout).model,
        args=arguments(str(folder), config, on_cpu=True, autocast="float32"),
        train_dataset=dataset,
        eval_dataset=dataset,
        data_collator=task.collator(tokenizer, seed=0),
    )
    return trainer, dataset


def test_predict_answers_in_the_order_of_the_data_set(tiny: Path, tmp_path: Path) -> None:
    trainer, dataset = trainer_for(tiny, tmp_path)
    assert trainer.args.train_sampling_strategy == "group_by_length"
    assert trainer.predict(dataset).label_ids.tolist() == list(dataset["labels"])


def test_an_evaluation_batch_is_small_where_the_training_batch_is(tiny: Path, tmp_path: Path) -> None:
    from bertdemo.runs.worker.optimization.batches import evaluation_batch

    assert [evaluation_batch(batch) for batch in (1, 2, 16, 32, 64, 256)] == [2, 4, 32, 64, 64, 64]
    trainer, _ = trainer_for(tiny, tmp_path)
    assert trainer.args.per_device_eval_batch_size == 16
    assert len(next(iter(trainer.get_eval_dataloader()))["labels"]) == 16


def test_training_takes_rows_of_similar_length_together(tiny: Path, tmp_path: Path) -> None:
    trainer, dataset = trainer_for(tiny, tmp_path)
    batches = [batch["attention_mask"] for batch in trainer.get_train_dataloader()]
    padding = sum(int((mask == 0).sum()) for mask in batches)
    assert sum(len(mask) for mask in batches) == len(dataset)
    assert padding < 0.3 * sum(dataset["length"])  # in random order it is 0.6


def test_the_head_and_the_pooler_learn_by_the_factor_and_biases_do_not_decay(tiny: Path, tmp_path: Path) -> None:
    trainer, _ = trainer_for(tiny, tmp_path)
    optimizer = trainer.create_optimizer()
    names = {id(parameter): name for name, parameter in trainer.model.named_parameters()}
    found = {
        (round(group["lr"], 9), group["weight_decay"]): {names[id(parameter)] for parameter in group["params"]}
        for group in optimizer.param_groups
    }
    assert set(found) == {(1e-4, 0.05), (1e-4, 0.0), (1e-3, 0.05), (1e-3, 0.0)}
    assert found[1e-3, 0.05] == {"classifier.weight", "bert.pooler.dense.weight"}
    assert found[1e-3, 0.0] == {"classifier.bias", "bert.pooler.dense.bias"}
    assert all(name.endswith("bias") or "LayerNorm" in name for name in found[1e-4, 0.0])
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(names)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-4)  # the logged rate is the first group's


def test_padding_counts_as_work_and_grouping_saves_it() -> None:
    from bertdemo.runs.work import padded_tokens

    assert padded_tokens([3, 9, 3, 9], 2, grouped=True) == 3 * 2 + 9 * 2
    assert padded_tokens([5], 32, grouped=False) == 5
    lengths = [4, 40] * 50
    assert sum(lengths) <= padded_tokens(lengths, 10, grouped=True) < padded_tokens(lengths, 10, grouped=False)
    assert padded_tokens(lengths, 10, grouped=False) <= 40 * 100


def test_progress_never_falls_and_reaches_one_only_at_the_end() -> None:
    from bertdemo.runs.work import Work

    work = Work(train_tokens=100, epochs=2, validation_tokens=50, test_tokens=50)
    assert work.total == 2 * (300 + 50) + 50
    work.begin()
    shown = []
    for done in (0, 100, 90, 700, 5000):
        work.done = done
        shown.append(work.progress())
        assert work.seconds_left() >= 0
    assert shown == sorted(shown)
    assert shown[0] == 0
    assert shown[-1] == 0.999


def test_a_better_score_wins_and_the_loss_breaks_a_tie() -> None:
    from bertdemo.runs.worker.training import Best

    best = Best(score=0.8, loss=0.5)
    assert best.beaten_by(0.9, 9.0)
    assert best.beaten_by(0.8, 0.4)
    assert not best.beaten_by(0.8, 0.5)
    assert not best.beaten_by(0.7, 0.1)
