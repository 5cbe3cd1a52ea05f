"""After training: what the kept weights reach on held-out rows, and the checkpoint that is made of them."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertdemo import __version__
from bertdemo.checkpoints import Card
from bertdemo.checkpoints.mean_linear import pooling_of
from bertdemo.checkpoints.models import HEAD_FILE, write
from bertdemo.run_config import RunConfig, RunRequest
from bertdemo.tasks.base import Score, Task

if TYPE_CHECKING:
    from datasets import Dataset

    from bertdemo.checkpoints import Catalogue, CheckpointInfo
    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.data.tables import Table
    from bertdemo.runs.worker.training import Best

STORED_TEXT = 2000
"""Characters of a held-out text that the list of mistakes keeps."""


@dataclass(frozen=True)
class Part:
    """Rows of one table that serve one purpose."""

    table: Table
    rows: tuple[int, ...]
    """Indices into the table."""
    file: str
    """File name as uploaded."""


@dataclass(frozen=True)
class Prepared:
    """Everything that is fixed before the first step."""

    task: Task
    request: RunRequest
    catalogue: Catalogue
    base: Path
    info: CheckpointInfo
    tokenizer: SharedTokenizer
    labels: tuple[str, ...]
    parts: Mapping[str, Part]
    """`train`, `validation` and perhaps `test`."""
    config: RunConfig
    """Resolved: no field is None."""
    encoded: Mapping[str, Dataset]

    def majority(self) -> float:
        """Return what guessing the most frequent training label reaches on the validation rows."""
        most = Counter(self.encoded["train"]["labels"]).most_common(1)[0][0]
        held_out = list(self.encoded["validation"]["labels"])
        return held_out.count(most) / len(held_out)


@dataclass(frozen=True)
class Row:
    """One held-out row and what the model said of it."""

    row: int
    """Where it stands in the file, counted as an editor does."""
    text: str
    label: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class Result:
    """What is reported at the end."""

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
    """Score held-out rows: with `model` by the code that also serves predictions, else from the best epoch's logits.

    The test part is read here, once; without one the validation rows serve, and the page says that they chose
    the epoch. A run that was stopped does not read the test part.
    """
    if model is None:
        return _from_logits(prepared, best)
    on = "test" if "test" in prepared.parts else "validation"
    part = prepared.parts[on]
    columns = prepared.request.columns
    texts = [part.table.columns[columns["text"]][row] or "" for row in part.rows]
    model.eval()
    said = prepared.task.predict(
        model,
        prepared.tokenizer,
        texts,
        max_length=prepared.config.max_length or 0,
        keep=prepared.config.keep,
        progress=progress,
    )
    stop()
    targets = prepared.task.targets(part.table, columns, prepared.labels)
    rows = [
        Row(
            row=part.table.row_numbers[row],
            text=text[:STORED_TEXT],
            label=prepared.labels[targets[row]],
            predicted=prediction.best.label,
            confidence=prediction.best.score,
        )
        for row, text, prediction in zip(part.rows, texts, said, strict=True)
    ]
    return _scored(prepared, rows, on)


def _from_logits(prepared: Prepared, best: Best) -> Result:
    """Use what the best epoch said of the validation rows; nothing where none was evaluated."""
    if best.logits is None:
        return Result((), {}, "")
    import torch

    part, dataset = prepared.parts["validation"], prepared.encoded["validation"]
    probabilities = torch.tensor(best.logits).float().softmax(-1)  # (validation rows, labels)
    texts = part.table.columns[prepared.request.columns["text"]]
    rows = [
        Row(
            row=part.table.row_numbers[index],
            text=(texts[index] or "")[:STORED_TEXT],
            label=prepared.labels[label],
            predicted=prepared.labels[int(row.argmax())],
            confidence=float(row.max()),
        )
        for index, label, row in zip(dataset["row"], dataset["labels"], probabilities, strict=True)
    ]
    return _scored(prepared, sorted(rows, key=lambda row: row.row), "validation")


def _scored(prepared: Prepared, rows: list[Row], on: str) -> Result:
    ids = {label: i for i, label in enumerate(prepared.labels)}
    scores = prepared.task.intervals([ids[row.predicted] for row in rows], [ids[row.label] for row in rows])
    return Result(tuple(rows), scores, on)


def publish(
    run_id: str,
    owner: str,
    prepared: Prepared,
    model: Any,
    result: Result,
    folder: Path,
) -> str:
    """Write the evaluation into the run folder and the checkpoint into the catalogue; return its id."""
    with (folder / "evaluation.jsonl").open("w", encoding="utf-8") as file:
        for row in result.rows:
            file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
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
        name=request.name or request.data_name,
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
        mends=request.mends,
        relabels=dict(request.relabels),
    )


def keep_weights(model: Any, folder: Path) -> None:
    """Store the weights of `model` in a run's folder, whole or not at all."""
    from safetensors.torch import save_file

    folder.mkdir(exist_ok=True, mode=0o700)
    draft = folder / ".tmp-model.safetensors"
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}, draft)
    draft.replace(folder / "model.safetensors")


def restore_weights(model: Any, folder: Path) -> None:
    """Put back what `keep_weights` stored."""
    from safetensors.torch import load_file

    model.load_state_dict(load_file(folder / "model.safetensors"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
