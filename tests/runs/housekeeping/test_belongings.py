"""Deleting a run deletes all of it: what was uploaded for it and what was exported from it too."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bertdemo import disk
from bertdemo.errors import DiskLow
from bertdemo.runs.housekeeping import belongings
from bertdemo.runs.registry import Registry
from bertdemo.services import Services
from bertdemo.settings import PUBLIC_LIMITS, Limits, Settings
from tests.runs.support import created


@pytest.fixture
def tiny() -> None:
    """No checkpoint is needed here."""


@pytest.fixture
def own_settings(home: Path) -> Settings:
    settings = Settings.from_env({"BERTDEMO_HOME": str(home)})
    for folder in (settings.runs, settings.uploads):
        folder.mkdir()
    return settings


def uploaded(settings: Settings, data: Path, folder: str) -> Path:
    """Put a file where Gradio puts an upload."""
    path = settings.uploads / folder / data.name
    path.parent.mkdir()
    shutil.copyfile(data, path)
    return path


def test_a_deleted_run_takes_its_uploads_and_its_exports_along(
    own_settings: Settings, registry: Registry, data: Path
) -> None:
    table, held_out = uploaded(own_settings, data, "0a"), uploaded(own_settings, data, "1b")
    gone = created(registry, table, test=str(held_out), test_name="t.csv")
    kept = created(registry, data)
    exports = [belongings.new_result_folder(own_settings, run) / "bertdemo.zip" for run in (gone, gone, kept, "")]
    for path in exports:
        path.write_bytes(b"zip")
    registry.delete(gone, "")
    assert [path.exists() for path in (table.parent, held_out.parent)] == [False, False]
    assert [path.parent.exists() for path in exports] == [False, False, True, True]
    registry.delete(kept, "")
    assert data.exists()  # it lay elsewhere
    assert [path.parent.exists() for path in exports[2:]] == [False, True]


def test_an_upload_that_another_run_was_made_of_stays_until_that_goes_too(
    own_settings: Settings, registry: Registry, data: Path
) -> None:
    table = uploaded(own_settings, data, "0a")
    first, second = created(registry, table, owner="a"), created(registry, table, owner="b")
    registry.delete(first, "a")
    assert table.exists()
    registry.delete(second, "b")
    assert not table.parent.exists()


def test_what_run_json_names_elsewhere_is_left_alone(own_settings: Settings, tmp_path: Path, data: Path) -> None:
    outside = tmp_path / "outside" / "a.csv"
    outside.parent.mkdir()
    outside.write_text("a")
    table = uploaded(own_settings, data, "0a")
    names = ["../../outside/a.csv", str(outside), "0a", ".", "", "0a/../../runs"]
    belongings.remove(own_settings, "../x", names)
    assert outside.exists() and table.exists() and own_settings.runs.exists()


def test_a_file_that_could_not_be_made_leaves_no_folder(own_settings: Settings) -> None:
    own_settings.apply()
    services = Services.create(own_settings)
    with pytest.raises(ValueError, match="refused"), services.result_file("a.zip", "run-1") as target:
        target.write_bytes(b"half")
        raise ValueError("refused")
    assert list(own_settings.uploads.iterdir()) == []
    with services.result_file("a.zip", "run-1") as target:
        target.write_bytes(b"whole")
    assert target.parent.name.startswith("result-run-1-")


def test_a_disk_that_is_almost_full_takes_no_run_and_says_the_limit(
    registry: Registry, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (Limits().free_disk_share, PUBLIC_LIMITS.free_disk_share) == (0.02, 0.1)
    monkeypatch.setattr(disk, "free_share", lambda path: 0.0199)
    with pytest.raises(DiskLow) as caught:
        created(registry, data)
    assert caught.value.values == {"free": "2.0%", "least": "2%"}
    assert list(registry._settings.runs.iterdir()) == []
    monkeypatch.setattr(disk, "free_share", lambda path: 0.02)
    assert created(registry, data)


def test_the_first_run_of_all_finds_room_in_a_home_that_is_not_there_yet(tmp_path: Path) -> None:
    home = tmp_path / "not" / "there" / "yet"
    assert disk.free_share(home) == pytest.approx(disk.free_share(tmp_path), abs=0.05) and not home.exists()
