"""What the tests of runs share: small data, requests, a launcher that starts nothing, and waiting."""

from __future__ import annotations

import contextlib
import csv
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bertdemo.checkpoints import bundled
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.device import Device, DeviceReport
from bertdemo.errors import CheckpointUnknown
from bertdemo.run_config import RunConfig
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry, append_event
from bertdemo.runs.request import RunRequest
from bertdemo.settings import Settings

COLUMNS = {"text": "text", "label": "label"}
_WORDS = {"no": ("bad", "poor", "awful", "hate"), "yes": ("good", "great", "nice", "love")}


def rows_of(count: int, labels: Sequence[str] = ("no", "yes")) -> list[tuple[str, str]]:
    """Return (text, label) rows that a tiny BERT can learn; no two texts are alike, their lengths differ."""
    rows = []
    for number in range(count):
        kind = "yes" if number % len(labels) == len(labels) - 1 else "no"
        word = _WORDS[kind][number % 4]
        rows.append((f"{word} film {number}{' the very' * (number * 7 % 11)}", labels[number % len(labels)]))
    return rows


def write_csv(path: Path, rows: Sequence[tuple[str, ...]], header: Sequence[str] = ("text", "label")) -> Path:
    """Write rows as a CSV file and return its path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return path


def request_for(
    data: Path, *, checkpoint: str = "local:tiny", config: Mapping[str, Any] | None = None, **more: Any
) -> RunRequest:
    """Return a request for a file; two epochs unless said otherwise."""
    fields = {"device": "cpu", "epochs": 2, "learning_rate": 1e-3, "precision": "float32", **(config or {})}
    return RunRequest(
        task="classification",
        columns=COLUMNS,
        checkpoint=checkpoint,
        config=RunConfig(**fields),
        data=str(data),
        data_name=data.name,
        **more,
    )


@contextlib.contextmanager
def unchanged_environment() -> Iterator[None]:
    """Undo what the block writes to os.environ."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def settings_with(home: Path, checkpoints: Path | None = None, **more: str) -> Settings:
    """Return settings whose children find Python and the tiny checkpoint; its folders are made."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    env = {**kept, "BERTDEMO_HOME": str(home), "HF_HUB_CACHE": str(home / "hub"), "HF_HUB_OFFLINE": "1", **more}
    settings = Settings.from_env({**env, "BERTDEMO_CHECKPOINTS": str(checkpoints)} if checkpoints else env)
    with unchanged_environment():
        settings.apply()
    return settings


def sharpened(folder: Path) -> Path:
    """Make the random weights of a tiny checkpoint larger, so that different texts get clearly different answers."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    tensors = load_file(path)
    for name, tensor in tensors.items():
        if tensor.ndim == 2 and "embeddings" not in name:
            tensors[name] = tensor * 8
    save_file(tensors, path, metadata={"format": "pt"})
    return folder


def eventually(seen: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Return the first truthy answer of `seen`; fail when there is none for a time that means a hang."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := seen():
            return found
        time.sleep(0.02)
    pytest.fail(f"nothing seen in {seconds:g} seconds")


def events_of(folder: Path, cls: type[Any] = ev.RunEvent) -> list[Any]:
    """Return the events of one kind in a run folder."""
    found = ev.parse((folder / "events.jsonl").read_text(encoding="utf-8"))
    return [event for event in found if isinstance(event, cls)]


class FakeLauncher:
    """Takes run folders and starts nothing; a test plays the worker with `start` and `finish`."""

    def __init__(self) -> None:
        self.launched: list[Path] = []
        self.ended: list[tuple[Path, int]] = []
        self.warmed = 0
        self.locks: dict[str, Any] = {}

    def launch(self, folder: Path) -> bool:
        """Remember the folder."""
        self.launched.append(folder)
        return False

    def slot(self, device: str) -> str:
        """Return the device."""
        return device

    def is_warm(self) -> bool:
        """Never."""
        return False

    def warm(self) -> None:
        """Count."""
        self.warmed += 1

    def reap(self) -> list[tuple[Path, int]]:
        """Hand out what the test put into `ended`."""
        ended, self.ended = self.ended, []
        return ended

    def close(self) -> None:
        """Hold nothing."""

    @property
    def ids(self) -> list[str]:
        """Ids of the launched runs, in their order."""
        return [folder.name for folder in self.launched]

    def finish(self, run_id: str) -> None:
        """Play a worker that has done its work."""
        folder = next(folder for folder in self.launched if folder.name == run_id)
        end = ev.Finished(
            seq=9, attempt=1, at=time.time(), checkpoint="", metrics={}, evaluated_on="", rows=0, seconds=1
        )
        append_event(folder, end)
        self.ended.append((folder, 0))


def started(seq: int = 3, **more: Any) -> ev.Started:
    """Return a Started event."""
    fields: dict[str, Any] = {
        "steps": 4, "epochs": 2, "train_rows": 8, "validation_rows": 2, "test_rows": 0, "labels": ("no", "yes"),
        "majority": 0.5, "device": "cpu", "device_name": "CPU", "precision": "float32", "config": {"epochs": 2},
    }  # fmt: skip
    return ev.Started(seq=seq, attempt=1, at=1.0, **{**fields, **more})


def step(seq: int, **more: Any) -> ev.Step:
    """Return a Step event."""
    fields: dict[str, Any] = {
        "step": 1, "steps": 4, "epoch": 0.5, "loss": 0.7, "learning_rate": 1e-4, "grad_norm": 1.0, "progress": 0.2,
        "seconds_left": 3.0, "rows_per_second": 10.0, "memory_bytes": 1000,
    }  # fmt: skip
    return ev.Step(seq=seq, attempt=1, at=2.0, **{**fields, **more})


def created(registry: Registry, data: Path, owner: str = "", **more: Any) -> str:
    """Return the id of a run that was just created."""
    return registry.create(request_for(data, **more), owner)


def machine(*gpus: str) -> DeviceReport:
    kinds = [(gpu, "cuda") for gpu in gpus] + [("cpu", "cpu")]
    return DeviceReport(tuple(Device(name, kind, name, 1, 1, False, False) for name, kind in kinds))  # type: ignore[arg-type]


def ask(data: Path, device: str = "cpu", **more: Any) -> RunRequest:
    return request_for(data, checkpoint="bundled", config={"device": device}, **more)


class StubCatalogue:
    """One Hub checkpoint that is not on this machine; `on_fetch` is what fetching it does."""

    def __init__(self, on_fetch: Callable[[Any], None] = lambda say: None) -> None:
        self.on_fetch = on_fetch
        self.trained: set[str] = set()
        self.gone = False

    def describe(self, checkpoint: str, owner: str | None) -> Any:
        if self.gone:
            raise CheckpointUnknown(checkpoint=checkpoint)
        ready = "/" not in checkpoint
        return SimpleNamespace(layers=6, name=checkpoint, id=checkpoint, ready=ready, parameters=22_700_000)

    def folder(self, checkpoint: str, owner: str | None, say: Any) -> Path:
        self.on_fetch(say)
        return Path()

    def tokenizer(self, checkpoint: str, owner: str | None) -> SharedTokenizer:
        return SharedTokenizer.from_folder(bundled.folder())

    def owns(self, checkpoint: str, owner: str | None) -> bool:
        return checkpoint in self.trained

    def delete(self, checkpoint: str, owner: str | None) -> None:
        self.trained.remove(checkpoint)
