"""Fixtures that every test may use: a home of its own, the bundled tokenizer, tiny checkpoints."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from bertdemo.settings import Settings

# evaluate and datasets read these when they are imported: nothing may land in the tester's own cache.
_CACHE = tempfile.TemporaryDirectory(prefix="bertdemo-tests-")
os.environ.update(
    {
        "OMP_WAIT_POLICY": "PASSIVE",  # as in the app: two processes share the cores
        "HF_MODULES_CACHE": f"{_CACHE.name}/modules",
        "HF_METRICS_CACHE": f"{_CACHE.name}/metrics",
        "HF_DATASETS_CACHE": f"{_CACHE.name}/datasets",
    }
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the browser's tests last: they are the slowest, and Playwright's event loop stays in the main thread."""
    items.sort(key=lambda item: "tests/e2e/" in item.nodeid)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A private BERTDEMO_HOME."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def settings(home: Path) -> Settings:
    """Settings of a local server with that home."""
    env = {"BERTDEMO_HOME": str(home), "HF_HUB_CACHE": str(home / "hub"), "BERTDEMO_SHIPPED_RUN": "0"}
    return Settings.from_env(env)
