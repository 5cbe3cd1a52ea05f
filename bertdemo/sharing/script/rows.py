"""The data files of a script: the cleaned rows of each part as JSON lines, in the order in which the run read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from bertdemo import tasks
from bertdemo.checkpoints.tokenizers import well_formed
from bertdemo.dataset.prepared import PreparedDataset
from bertdemo.runs.request import RunRequest
from bertdemo.runs.worker.run_dataset import dataset_of
from bertdemo.settings import Limits
from bertdemo.sharing.script.task_code import TaskCode
from bertdemo.sharing.script.task_code.contract import DataRow


def parts_of(folder: Path, request: RunRequest, code: TaskCode, limits: Limits) -> dict[str, Iterator[str]]:
    """Return file name -> lines for each part of a run that has rows."""
    dataset = dataset_of(folder, request, tasks.find(request.task), limits)
    return {f"{name}.jsonl": _lines(dataset, name, code) for name, part in dataset.parts.items() if part.rows}


def _lines(dataset: PreparedDataset, name: str, code: TaskCode) -> Iterator[str]:
    """Yield one JSON object per row of a part; `row` is its number in the file."""
    part = dataset.parts[name]
    inputs = dataset.task.inputs(part.table, dataset.columns, part.rows)
    for at, (number, target) in enumerate(zip(part.numbers, dataset.targets(name), strict=True)):
        text, pair = well_formed(inputs.texts[at]), well_formed(inputs.pair(at))
        fields = code.fields(DataRow(text, pair, target, dataset.labels, part.rows[at]))
        yield json.dumps({"row": number, **fields}, ensure_ascii=False) + "\n"
