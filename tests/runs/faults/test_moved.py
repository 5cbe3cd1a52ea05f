"""A run folder holds no path of where it lies: a home that was moved is resumed as if it had always lain there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bertdemo.runs.registry import Registry
from tests.runs.resuming import Resumed
from tests.runs.support import request_for, settings_with

pytestmark = pytest.mark.slow


def test_a_killed_run_is_resumed_to_the_same_weights_where_its_home_was_moved(
    runs: Resumed, short: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_for(short, config={"method": "fine_tune", "batch_size": 8, "max_length": 16})
    expected = runs.outcome(runs.started(request))
    run = runs.started(request, "step:5:kill").name
    moved = tmp_path / "elsewhere"
    shutil.move(runs.settings.home, moved)
    monkeypatch.setenv("BERTDEMO_HOME", str(moved))
    settings = settings_with(moved, tiny)
    later = Resumed(Registry(settings), settings, monkeypatch)
    assert later.registry.read(run, "").state == "interrupted"
    later.again(settings.runs / run)
    assert later.outcome(settings.runs / run) == expected
    assert not runs.settings.home.exists()
