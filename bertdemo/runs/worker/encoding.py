"""The encoded rows of a run: made once, stored in its folder under the hash of everything they depend on."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bertdemo.faults import fault
from bertdemo.runs.worker.result import Prepared
from bertdemo.tasks.base import EncodeOptions

if TYPE_CHECKING:
    from datasets import Dataset


def encode(prepared: Prepared, name: str, folder: Path, stop: Callable[[], None]) -> Dataset:
    """Encode one part, or load it from the run's `folder`.

    Validation and test rows are sorted by length once: as fast as grouping, and in a known order.
    """
    from datasets import load_from_disk

    stored = folder / "encoded" / f"{name}-{encoding_hash(prepared, name)[:32]}"
    if stored.exists():
        return load_from_disk(str(stored))
    options = EncodeOptions(prepared.config.truncation, name == "train", stop)
    dataset = prepared.task.encode(prepared.source(name), prepared.parts[name].rows, prepared.tokenizer, options)
    if name != "train":
        lengths = list(dataset["length"])
        dataset = dataset.select(sorted(range(len(lengths)), key=lengths.__getitem__))
    draft = stored.with_name(f".tmp-{stored.name}")
    try:
        fault("write")
        dataset.save_to_disk(str(draft))
        fault("replace")
        draft.rename(stored)
    finally:
        shutil.rmtree(draft, ignore_errors=True)  # only where it was not renamed
    return dataset


def encoding_hash(prepared: Prepared, name: str) -> str:
    """Return the hash of the texts, labels and settings that the encoded rows of a part are made of."""
    part, config = prepared.parts[name], prepared.config
    cut = f"{config.max_length} {config.keep}"
    depends = [prepared.tokenizer.backend_json(), cut, repr(prepared.labels), name]
    cells = [part.table.columns[column][row] or "" for column in prepared.request.columns.values() for row in part.rows]
    return hashlib.sha256("\0".join([*depends, *cells]).encode("utf-8", "surrogatepass")).hexdigest()


def data_hash(prepared: Prepared) -> str:
    """Return one hash of the encoded rows of all parts."""
    parts = "\0".join(f"{name} {encoding_hash(prepared, name)}" for name in sorted(prepared.parts))
    return hashlib.sha256(parts.encode("ascii")).hexdigest()
