"""Fixtures of Fine-tune."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bertdemo.services import Services
from tests.runs.support import machine, settings_with
from tests.tiny import build_tiny_checkpoint


@pytest.fixture
def services(home: Path, tmp_path: Path) -> Iterator[Services]:
    """Services with a tiny checkpoint and a known device; nothing trains."""
    tiny = build_tiny_checkpoint(tmp_path / "tiny")
    built = Services.create(replace(settings_with(home), checkpoint_folders=(tiny,)))
    built.admission.devices_found(machine())
    yield built
    built.close()
