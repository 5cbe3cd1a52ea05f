"""Fixtures that every test may use: a home of its own, the bundled tokenizer, tiny checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertdemo.settings import Settings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A private BERTDEMO_HOME."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def settings(home: Path) -> Settings:
    """Settings of a local server with that home."""
    return Settings.from_env({"BERTDEMO_HOME": str(home), "HF_HUB_CACHE": str(home / "hub")})
