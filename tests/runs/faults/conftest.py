"""Fixtures for faults: attempts at one tiny run in this process, in which a kill is an exception."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bertdemo import faults
from bertdemo.runs.registry import Registry
from bertdemo.settings import Settings
from tests.runs.conftest import Work
from tests.runs.resuming import Resumed, killing
from tests.runs.support import rows_of, write_csv


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """A file of so few rows that a run of it takes six steps."""
    return write_csv(tmp_path / "short.csv", rows_of(24))


@pytest.fixture
def runs(work: Work, registry: Registry, own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Resumed]:
    """Attempts in this process: every step is an event, and each second one is followed by a checkpoint."""
    from bertdemo.runs.worker import training
    from bertdemo.runs.worker.training_checkpoints import Saving

    monkeypatch.setattr(training, "STEP_EVENT_SECONDS", 0.0)
    monkeypatch.setattr(Saving, "due", lambda self, step: step % 2 == 0)
    killing(monkeypatch)
    yield Resumed(registry, own_settings, monkeypatch)
    faults.arm("")
