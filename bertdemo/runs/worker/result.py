"""After training: the evaluation of the kept weights on held-out rows, and the published checkpoint."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertdemo import __version__
from bertdemo.checkpoints import Card
from bertdemo.checkpoints.loading import HEAD_FILE, restore_tensors, write
from bertdemo.checkpoints.mean_pooling_head import pooling_of
from bertdemo.disk import save_tensors
from bertdemo.faults import fault
from bertdemo.processes import write_atomic
from bertdemo.run_config import RunConfig
from bertdemo.runs.notes import RunNotes
from bertdemo.runs.request import RunRequest
from bertdemo.tasks.base import PLAIN, HeadOptions, Inputs, LabeledTable, LossOptions, Task
from bertdemo.tasks.forward import Inference
from bertdemo.tasks.results import Judged, Score

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor

    from bertdemo.checkpoints import Catalogue, CheckpointInfo
    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.dataset.prepared import Part, PreparedDataset
    from bertdemo.runs.worker.training import Best

# Characters of a held-out text that the list of mistakes keeps: a mistake is recognized by its beginning, and a million
# long texts would fill the disk.
STORED_TEXT = 2000


@dataclass(frozen=True)
class Prepared:
    """Everything that is fixed before the first step."""

    task: Task
    request: RunRequest
    catalogue: Catalogue
    base: Path
    info: CheckpointInfo
    tokenizer: SharedTokenizer
    dataset: PreparedDataset
    config: RunConfig
    """Resolved: no field is None."""
    encoded: Mapping[str, Dataset]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in the order of their ids."""
        return self.dataset.labels

    @cached_property
    def parts(self) -> dict[str, Part]:
        """`train`, `validation` and perhaps `test`: the parts that have rows."""
        return {name: part for name, part in self.dataset.parts.items() if part.rows}

    @cached_property
    def loss(self) -> LossOptions:
        """What the settings change of the task's training loss."""
        if "class_weights" not in self.task.options:
            return PLAIN
        weights = label_weights(self.targets("train"), len(self.labels))
        return LossOptions(weights if self.config.class_weights == "balanced" else (), self.config.label_smoothing)

    @property
    def head_options(self) -> HeadOptions:
        """What the model is built with."""
        config = self.config
        return HeadOptions(
            labels=self.labels,
            seed=config.seed,
            targets=self.targets("train"),
            pooling=config.pooling,
            layers=config.layers,
            dropout=config.dropout,
        )

    def inputs(self, name: str) -> Inputs:
        """Return the model inputs of the rows of a part."""
        part = self.parts[name]
        return self.task.inputs(part.table, self.request.columns, part.rows)

    def targets(self, name: str) -> list[Any]:
        """Return the target of each row of a part."""
        return self.dataset.targets(name)

    def source(self, name: str) -> LabeledTable:
        """Return the table of a part, with its columns and the labels."""
        return LabeledTable(self.parts[name].table, self.request.columns, self.labels)

    def facts(self) -> dict[str, Any]:
        """Return the fields of the event Started that are known before a device is."""
        rows = {name: len(part.rows) for name, part in self.parts.items()}
        epochs = 0 if self.config.frozen else self.config.epochs or 1
        return {
            "steps": self.config.steps_per_epoch(rows["train"]) * epochs,
            "epochs": epochs,
            "train_rows": rows["train"],
            "validation_rows": rows["validation"],
            "test_rows": rows.get("test", 0),
            "labels": self.labels,
            "majority": self.majority(),
            "config": self.config.used(),
            "metric": self.task.chosen_by or self.task.metrics[0],
            "lower_is_better": self.task.lower_is_better,
        }

    def majority(self) -> float | None:
        """Return the trivial baseline on the validation set; None where the task has none."""
        return self.task.trivial_baseline(self.targets("train"), self.targets("validation"))


def label_weights(targets: Sequence[int], labels: int) -> tuple[float, ...]:
    """Return a weight per label, inverse to its training rows, their mean over the rows 1; 0 for one without rows."""
    counts = Counter(targets)
    return tuple(len(targets) / (len(counts) * counts[label]) if counts[label] else 0.0 for label in range(labels))


@dataclass(frozen=True)
class Row:
    """One held-out row and its prediction."""

    row: int
    """Its line in the file, counted as an editor counts."""
    text: str
    pair: str
    judged: Judged

    def to_fields(self) -> dict[str, object]:
        """Return the fields stored in evaluation.jsonl."""
        judged = {**asdict(self.judged), **self.judged.degree.to_fields()}
        del judged["degree"]
        fields = {"row": self.row, "text": self.text, **judged}
        if self.pair:
            fields["pair"] = self.pair
        return fields


@dataclass(frozen=True)
class Result:
    """The final evaluation."""

    rows: tuple[Row, ...]
    scores: Mapping[str, Score]
    evaluated_on: str
    """`test`, `validation`, or "" where nothing was evaluated."""


def measure(
    prepared: Prepared,
    best: Best,
    model: Any | None,
    stop: Callable[[], None],
    progress: Callable[[float], None],
) -> Result:
    """Evaluate held-out rows: with `model` by the code that serves predictions, else from the best epoch's logits.

    The test set is read here, once. Without a test set the validation set is used, and the page says that it chose the
    epoch. A stopped run (`model` is None) does not read the test set.
    """
    if model is None:
        return _from_logits(prepared, best)
    on = "test" if "test" in prepared.parts else "validation"
    model.eval()
    inference = Inference(model, prepared.tokenizer, prepared.config.truncation, progress)
    predictions = prepared.task.predict_held_out(inference, prepared.inputs(on))
    stop()
    return _judged(prepared, on, predictions)


def _from_logits(prepared: Prepared, best: Best) -> Result:
    """Use the logits of the best epoch on the validation set; empty where none was evaluated.

    A task that cannot decode logits gives the metrics of that epoch, without intervals and mistakes.
    """
    if best.logits is None:
        return Result((), {}, "")
    by_row = prepared.task.decode(best.logits, prepared.encoded["validation"], prepared.source("validation"))
    if by_row is None:
        known = {*prepared.task.metrics, prepared.task.chosen_by}
        scores = {name: Score(value) for name, value in best.metrics.items() if name in known}
        return Result((), scores, "validation")
    return _judged(prepared, "validation", [by_row[row] for row in prepared.parts["validation"].rows])


def _judged(prepared: Prepared, on: str, predictions: Sequence[Any]) -> Result:
    """Compare the predictions of a part with its targets; both are in the order of its rows."""
    part, inputs, targets = prepared.parts[on], prepared.inputs(on), prepared.targets(on)
    rows = [
        Row(
            row=part.table.row_numbers[row],
            text=text[:STORED_TEXT],
            pair=inputs.pair(at)[:STORED_TEXT],
            judged=prepared.task.judge(prediction, target, prepared.labels),
        )
        for at, (row, text, prediction, target) in enumerate(
            zip(part.rows, inputs.texts, predictions, targets, strict=True)
        )
    ]
    scores = prepared.task.intervals(predictions, targets, prepared.labels)
    return Result(tuple(sorted(rows, key=lambda row: row.row)), scores, on)


def publish(
    run_id: str,
    owner: str,
    prepared: Prepared,
    model: Any,
    result: Result,
    folder: Path,
) -> str:
    """Write the evaluation into the run folder and the checkpoint into the catalogue; return its id.

    A trial of a search keeps no checkpoint, and "" is returned: it is trained on a part of the training set.
    """
    lines = (json.dumps(row.to_fields(), ensure_ascii=False) + "\n" for row in result.rows)
    write_atomic(folder / "evaluation.jsonl", "".join(lines))
    if prepared.request.is_trial:
        return ""
    draft = prepared.catalogue.new_draft()
    try:
        write(model, prepared.base, draft)
        if (folder / HEAD_FILE).exists():
            shutil.copyfile(folder / HEAD_FILE, draft / HEAD_FILE)
        prepared.catalogue.save(draft, _card(run_id, owner, prepared, result, folder, pooling_of(model)))
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return run_id


def _card(run_id: str, owner: str, prepared: Prepared, result: Result, folder: Path, pooling: str) -> Card:
    request, info = prepared.request, prepared.info
    origin = prepared.catalogue.origin(info.id, None)
    return Card(
        id=run_id,
        owner=owner,
        name=RunNotes.read(folder).name or request.name or request.data_name,  # it may be renamed while it trains
        task=prepared.task.id,
        labels=prepared.labels,
        columns=dict(request.columns),
        base=info.id,
        base_sha256=origin[0],
        base_commit=origin[1],
        data_name=request.data_name,
        data_sha256=_sha256(folder / request.data),
        rows=len(prepared.parts["train"].rows),
        config=prepared.config.used(),
        metrics={name: asdict(score) for name, score in result.scores.items()},
        evaluated_on=result.evaluated_on,
        versions={"bertdemo": __version__, **{name: version(name) for name in ("torch", "transformers", "tokenizers")}},
        created=time.time(),
        run=run_id,
        language=info.language,
        pooling=pooling,
        max_length=prepared.config.max_length or 0,
        evaluated=bool(result.scores),
        cleaning=request.cleaning,
        relabel=dict(request.relabel),
    )


def keep_weights(tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Store the weights of a model in a run's folder, whole or not at all."""
    folder.mkdir(exist_ok=True, mode=0o700)
    draft = folder / ".tmp-model.safetensors"
    try:
        save_tensors(tensors, draft)
        fault("replace")
        draft.replace(folder / "model.safetensors")
    finally:
        draft.unlink(missing_ok=True)  # it exists only where the write failed


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file that is never written in place a second name; a copy where the disk has no hard links."""
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        shutil.copyfile(source, target)


def restore_weights(model: Any, folder: Path) -> None:
    """Put back what `keep_weights` stored; raises ValueError where that is not the whole model."""
    from safetensors.torch import load_file

    restore_tensors(model, load_file(folder / "model.safetensors"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
