"""What a killed server leaves behind goes by age; nothing young, locked, or of anybody else does."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from bertdemo.processes import hold
from bertdemo.runs.housekeeping import sweeper
from bertdemo.runs.housekeeping.sweeper import Sweeper
from bertdemo.runs.registry import Registry
from bertdemo.settings import Settings
from tests.runs.support import created

HOUR, DAY = 3600, 86_400


@pytest.fixture
def tiny() -> None:
    """No checkpoint is needed here."""


@pytest.fixture
def own_settings(home: Path) -> Settings:
    settings = Settings.from_env({"BERTDEMO_HOME": str(home)})
    for folder in (settings.runs, settings.trained, settings.uploads):
        folder.mkdir()
    return settings


def made(path: Path, age: float, content: bytes = b"x") -> Path:
    """Write a file whose folder and itself were changed so many seconds ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    age_of(path, age)
    return path


def age_of(path: Path, age: float) -> None:
    then = time.time() - age
    os.utime(path, (then, then))


def test_uploads_and_results_go_after_a_day_and_what_was_broken_off_after_an_hour(own_settings: Settings) -> None:
    uploads = own_settings.uploads
    old = [made(uploads / name / "a.csv", DAY + 60) for name in ("0a1b", "result-x-1")]
    for path in old:
        age_of(path.parent, DAY + 60)
    made(uploads / "tmpabc", HOUR + 60)
    young = [
        made(uploads / "2c3d" / "b.csv", DAY - 60),
        made(uploads / "result-y" / "b.zip", 60),
        made(uploads / "tmpdef", HOUR - 60),
    ]
    age_of(young[0].parent, 2 * DAY)  # the file in it is younger
    Sweeper(own_settings).sweep()
    assert {path for path in uploads.rglob("*") if path.is_file()} == set(young)
    assert not old[0].parent.exists()


def test_drafts_go_after_an_hour_and_those_of_a_run_that_trains_stay(
    own_settings: Settings, registry: Registry, data: Path
) -> None:
    ended, trains = created(registry, data), created(registry, data)
    old = [
        made(own_settings.home / ".tmp-1", HOUR + 60),
        made(registry.folder(ended) / ".tmp-2", HOUR + 60),
        made(own_settings.runs / ".trash-3" / "run.json", HOUR + 60),
        made(own_settings.trained / ".tmp-4" / "model.safetensors", HOUR + 60),
    ]
    for path in old[2:]:
        age_of(path.parent, HOUR + 60)
    kept = [
        made(registry.folder(trains) / ".tmp-5", HOUR + 60),
        made(registry.folder(ended) / ".tmp-6", 60),
        made(registry.folder(ended) / "worker.log", 100 * DAY),
    ]
    with hold(registry.folder(trains) / "lock"):
        Sweeper(own_settings).sweep()
    assert [path for path in old if path.exists()] == []
    assert [path for path in kept if not path.exists()] == []
    assert set(registry.ids("")) == {ended, trains}


def test_nothing_outside_is_touched_through_a_link(own_settings: Settings, tmp_path: Path) -> None:
    outside = made(tmp_path / "outside" / "a.csv", 100 * DAY)
    (own_settings.uploads / "link").symlink_to(outside.parent)
    (own_settings.runs / ".tmp-link").symlink_to(outside.parent)
    age_of(outside.parent, 100 * DAY)
    Sweeper(own_settings).sweep()
    assert outside.exists()


def test_a_log_beside_the_runs_loses_its_older_part(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "_LOG_BYTES", 100)
    monkeypatch.setattr(sweeper, "_LOG_KEPT", 50)
    log = made(own_settings.home / "spare.log", 0, b"".join(b"line %03d\n" % number for number in range(50)))
    with log.open("ab") as appending:
        Sweeper(own_settings).sweep()
        appending.write(b"last\n")
    lines = log.read_text().splitlines()
    assert lines == ["line 045", "line 046", "line 047", "line 048", "line 049", "last"]


def test_a_server_sweeps_as_it_starts(own_settings: Settings) -> None:
    made(own_settings.uploads / "tmpabc", HOUR + 60)
    sweeping = Sweeper(own_settings)
    sweeping.begin()
    sweeping.close()
    sweeping._thread.join(60)
    assert not (own_settings.uploads / "tmpabc").exists()
