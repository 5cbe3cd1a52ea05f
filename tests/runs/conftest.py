"""Fixtures for runs: a tiny checkpoint, a file to train on, and a worker that runs in this process."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bertdemo import processes
from bertdemo.checkpoints import Catalogue
from bertdemo.dataset.dataset_cache import DatasetCache
from bertdemo.runs.admission import Admission
from bertdemo.runs.dispatch import Dispatcher
from bertdemo.runs.registry import Registry
from bertdemo.runs.request import RunRequest
from bertdemo.settings import Settings
from bertdemo.tables.table_cache import TableCache
from tests.runs.support import FakeLauncher, machine, rows_of, settings_with, write_csv
from tests.tiny import build_tiny_checkpoint

Work = Callable[[RunRequest], Path]


@dataclass(frozen=True)
class Server:
    """What admits and what dispatches runs on one home."""

    admission: Admission
    dispatcher: Dispatcher


Make = Callable[..., Server]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT of 2 layers, offered as `local:tiny`."""
    return build_tiny_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A file of 60 rows with two labels."""
    return write_csv(tmp_path / "reviews.csv", rows_of(60))


@pytest.fixture
def own_settings(home: Path, tiny: Path) -> Settings:
    """Settings with the tiny checkpoint, their folders made."""
    return settings_with(home, tiny)


@pytest.fixture
def registry(own_settings: Settings) -> Registry:
    """The run folders of these settings."""
    return Registry(own_settings)


@pytest.fixture
def environment(own_settings: Settings, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    """Let code that reads the environment see these settings."""
    values = {"BERTDEMO_HOME": str(own_settings.home), "BERTDEMO_CHECKPOINTS": str(tiny), "HF_HUB_OFFLINE": "1"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


@pytest.fixture
def work(registry: Registry, environment: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    """Run the worker's main on a request in this process; the answer is the run folder."""
    import torch

    from bertdemo.runs.worker.__main__ import main

    torch.set_num_threads(1)  # two threads on a busy machine wait for each other

    monkeypatch.setattr(processes, "lower_priority", lambda: None)
    handler = signal.getsignal(signal.SIGTERM)

    def run(request: RunRequest) -> Path:
        folder = registry.folder(registry.create(request, ""))
        main([str(folder)])
        return folder

    yield run
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def launcher() -> FakeLauncher:
    return FakeLauncher()


@pytest.fixture
def make(own_settings: Settings) -> Iterator[Make]:
    """Build servers on one home that are closed at the end; `begin=False` leaves one asleep."""
    built: list[Dispatcher] = []

    def build(
        launcher: FakeLauncher, *gpus: str, begin: bool = True, catalogue: Any = None, settings: Any = None
    ) -> Server:
        settings = settings or own_settings
        datasets, registry = DatasetCache(TableCache(settings)), Registry(settings)
        catalogue = catalogue or Catalogue(settings)
        dispatcher = Dispatcher(settings, registry, catalogue, launcher)
        admission = Admission(registry, catalogue, datasets, dispatcher, settings.limits)
        admission.devices_found(machine(*gpus))
        if begin:
            dispatcher.begin()
        built.append(dispatcher)
        return Server(admission, dispatcher)

    yield build
    for dispatcher in built:
        dispatcher.close()
