"""The rows of a part as token ids, kept in the run folder so that another attempt at the run encodes nothing again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bertdemo.runs.worker.result import Prepared
from bertdemo.tasks.base import EncodeOptions

if TYPE_CHECKING:
    from datasets import Dataset


def encoded(prepared: Prepared, name: str, run: Path, stop: Callable[[], None]) -> Dataset:
    """Encode one part, or load it from the run folder, stored under the hash of everything it depends on.

    Validation and test rows are sorted by length once: as fast as grouping, and in a known order.
    """
    from datasets import load_from_disk

    part = prepared.parts[name]
    config = prepared.config
    cut = f"{config.max_length} {config.keep}"
    depends = [prepared.tokenizer.backend_json(), cut, repr(prepared.labels), name]
    cells = [part.table.columns[column][row] or "" for column in prepared.request.columns.values() for row in part.rows]
    digest = hashlib.sha256("\0".join([*depends, *cells]).encode("utf-8", "surrogatepass")).hexdigest()
    folder = run / "encoded" / f"{name}-{digest[:32]}"
    if folder.exists():
        return load_from_disk(str(folder))
    options = EncodeOptions(config.truncation, name == "train", stop)
    dataset = prepared.task.encode(prepared.source(name), part.rows, prepared.tokenizer, options)
    if name != "train":
        lengths = list(dataset["length"])
        dataset = dataset.select(sorted(range(len(lengths)), key=lengths.__getitem__))
    draft = folder.with_name(f".tmp-{folder.name}")
    dataset.save_to_disk(str(draft))
    draft.rename(folder)
    return dataset
