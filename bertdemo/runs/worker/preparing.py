"""Everything that is fixed before the first step: the dataset, its token ids, and the settings with their defaults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bertdemo import tasks
from bertdemo.analysis.report import suggested_length
from bertdemo.checkpoints import Catalogue
from bertdemo.dataset import kept_tokens
from bertdemo.errors import LengthBeyondModel
from bertdemo.runs.request import RunRequest, check_layers, resolve_defaults
from bertdemo.runs.worker.encoding import encode
from bertdemo.runs.worker.result import Prepared
from bertdemo.runs.worker.run_dataset import dataset_of, store_split
from bertdemo.settings import Settings
from bertdemo.tasks.base import Task

if TYPE_CHECKING:
    from bertdemo.checkpoints import CheckpointInfo
    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.dataset.prepared import PreparedDataset
    from bertdemo.run_config import RunConfig


def prepare(
    run: Path,
    request: RunRequest,
    settings: Settings,
    emit: Callable[..., None],
    stop: Callable[[], None],
    *,
    again: bool = False,
) -> Prepared:
    """Load, check and encode the dataset of a run folder; resolve the settings that were left to us.

    With `again`, another process of the run has done so just now: nothing is written, and its encoded rows are read.

    Raises the DataError, TableError or ConfigError that makes it unusable, and what `stop` raises between two steps.
    """
    task, catalogue = tasks.find(request.task), Catalogue(settings)
    info = catalogue.describe(request.checkpoint, None)
    tokens = run / kept_tokens.FOLDER
    tokenizer = catalogue.tokenizer(request.checkpoint, None)
    tokenizer = tokenizer if again else kept_tokens.KeptTokenizer.open(tokenizer, tokens)  # which has one writer
    dataset = dataset_of(run, request, task, settings.limits)
    stop()
    dataset.check(settings.limits.labels)
    if dataset.leaked:
        emit("Warned", message="warning.leaked", values={"rows": dataset.leaked})
    if not again:
        store_split(run, dataset)
    stop()
    config = _resolved(request, task, dataset, info, tokenizer)
    if (length := config.max_length or 0) > info.positions:
        raise LengthBeyondModel(length=length, positions=info.positions, checkpoint=info.name)
    check_layers(config, task, info.layers, info.name)
    prepared = Prepared(
        task=task,
        request=request,
        catalogue=catalogue,
        base=catalogue.folder(request.checkpoint, None),
        info=info,
        tokenizer=tokenizer,
        dataset=dataset,
        config=config,
        encoded={},
    )
    parts = {name: encode(prepared, name, run, stop) for name in prepared.parts}
    if isinstance(tokenizer, kept_tokens.KeptTokenizer):
        tokenizer.save(tokens)  # for the next attempt
    return replace(prepared, encoded=parts)


def _resolved(
    request: RunRequest, task: Task, dataset: PreparedDataset, info: CheckpointInfo, tokenizer: SharedTokenizer
) -> RunConfig:
    """Return the settings, those that were left to us chosen for this dataset and checkpoint."""
    read = task.inputs(dataset.table, request.columns, dataset.parts["train"].rows)
    return resolve_defaults(
        request.config,
        train_rows=len(read.texts),
        parameters=info.parameters,
        suggested_length=suggested_length(read.texts, tokenizer, positions=info.positions, pairs=read.pairs),
        labels=len(dataset.labels),
        step_multiplier=task.step_multiplier,
        can_probe=task.can_freeze,
        label_counts=_label_counts(task, dataset),
        freezes_embeddings=task.freezes_embeddings,
    )


def _label_counts(task: Task, dataset: PreparedDataset) -> list[int]:
    """Return the training rows of each label that has any; [] for a task whose loss knows no label weights."""
    if "class_weights" not in task.options:
        return []
    return list(Counter(dataset.targets("train")).values())
