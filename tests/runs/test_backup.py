"""What a restart of the machine would erase is copied, comes back whole or not at all, and goes when it is deleted."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bertdemo import processes
from bertdemo.runs import events as ev
from bertdemo.runs.backup import snapshots as snapshots_module
from bertdemo.runs.backup.backup import Backup
from bertdemo.runs.backup.snapshots import Snapshots, Torn
from bertdemo.runs.event_log import append_event
from bertdemo.runs.registry import Registry
from bertdemo.runs.resume import checkpoints
from bertdemo.runs.resume.checkpoints import Conditions
from bertdemo.settings import Settings
from tests.e2e.server import Server
from tests.runs.support import request_for

_HERE = Conditions("1", "1", "1", "cpu", "x", "d", "s")


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    return tmp_path / "bucket"


@pytest.fixture
def kept(own_settings: Settings, bucket: Path) -> Settings:
    return replace(own_settings, backup=bucket)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write_checkpoint(run: Path, step: int) -> None:
    def write(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(f"weights {step}".encode())

    checkpoints.publish(run, step, 1, _HERE, write, evaluated=False)


def erase(settings: Settings) -> None:
    """Lose the disk, as a Space does."""
    for folder in (settings.runs, settings.trained, settings.studies):
        shutil.rmtree(folder, ignore_errors=True)


def test_a_run_comes_back_after_the_disk_was_erased(kept: Settings, registry: Registry, data: Path) -> None:
    run = registry.create(request_for(data), "somebody")
    write_checkpoint(registry.folder(run), 4)
    trained = kept.trained / run
    trained.mkdir()
    (trained / "card.json").write_text("{}", encoding="utf-8")
    before = contents(registry.folder(run))
    Backup(kept).copy()
    erase(kept)
    assert Backup(kept).bring_back() == 2
    assert contents(registry.folder(run)) == before
    assert (trained / "card.json").read_text(encoding="utf-8") == "{}"
    view = Registry(kept).summary(run, "somebody")
    assert (view.state, view.name) == ("queued", data.name)
    assert checkpoints.verify(checkpoints.folders(registry.folder(run))[0]).manifest.step == 4


def test_what_is_here_is_not_replaced_by_its_copy(kept: Settings, registry: Registry, data: Path) -> None:
    run = registry.create(request_for(data), "somebody")
    Backup(kept).copy()
    append_event(registry.folder(run), ev.Launched(seq=2, attempt=1, at=0.0))
    before = contents(registry.folder(run))
    assert Backup(kept).bring_back() == 0
    assert contents(registry.folder(run)) == before


def test_a_run_that_trains_is_copied_at_its_checkpoints_and_not_at_its_steps(
    kept: Settings, registry: Registry, data: Path, bucket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = registry.create(request_for(data), "somebody")
    folder, backup = registry.folder(run), Backup(kept)
    saved: list[str] = []
    save = Snapshots.save
    monkeypatch.setattr(
        Snapshots, "save", lambda self, kind, name, files: (saved.append(kind), save(self, kind, name, files))
    )
    monkeypatch.setattr("bertdemo.runs.backup.backup.is_held", lambda path: True)
    backup.copy()
    append_event(folder, ev.Launched(seq=2, attempt=1, at=0.0))
    backup.copy()
    assert saved == ["runs"]
    write_checkpoint(folder, 8)
    backup.copy()
    assert saved == ["runs", "runs"]
    names = json.loads((bucket / "runs" / run / "manifest.json").read_text(encoding="utf-8"))["files"]
    assert "resume/step-00000008/model.safetensors" in names
    monkeypatch.setattr("bertdemo.runs.backup.backup.is_held", lambda path: False)
    backup.copy()  # its worker has ended
    assert len(saved) == 3


def test_a_file_is_copied_once_and_one_that_is_gone_leaves_no_copy(
    kept: Settings, registry: Registry, data: Path, bucket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = registry.create(request_for(data), "somebody")
    backup, copied = Backup(kept), []
    copy = snapshots_module._copy
    monkeypatch.setattr(
        snapshots_module, "_copy", lambda source, target: (copied.append(source.name), copy(source, target))[1]
    )
    write_checkpoint(registry.folder(run), 1)
    backup.copy()
    first = list(copied)
    assert "model.safetensors" in first
    for step in (2, 3):  # the first is rotated away
        write_checkpoint(registry.folder(run), step)
        backup.copy()
    assert "train.csv" in first and "train.csv" not in copied[len(first) :]
    stored = {path.read_bytes() for path in (bucket / "runs" / run / "files").iterdir()}
    assert b"weights 1" not in stored and {b"weights 2", b"weights 3"} <= stored


def test_locks_and_caches_are_not_copied(kept: Settings, registry: Registry, data: Path, bucket: Path) -> None:
    run = registry.create(request_for(data), "somebody")
    folder = registry.folder(run)
    for name in ("lock", "process.json"):
        (folder / name).touch()
    for name in ("encoded", "best", "tokens"):
        (folder / name).mkdir()
        (folder / name / "file").write_bytes(b"x")
    (folder / "resume").mkdir()
    (folder / "resume" / ".tmp-1").mkdir()
    (folder / "resume" / ".tmp-1" / "model.safetensors").write_bytes(b"torn")
    Backup(kept).copy()
    names = set(json.loads((bucket / "runs" / run / "manifest.json").read_text(encoding="utf-8"))["files"])
    assert names == {"run.json", "events.jsonl", "data/train.csv"}


def test_what_was_deleted_has_no_copy_and_does_not_come_back(
    kept: Settings, registry: Registry, data: Path, bucket: Path
) -> None:
    run, other = (registry.create(request_for(data), "somebody") for _ in range(2))
    backup = Backup(kept)
    backup.copy()
    registry.hide(run, "somebody")
    backup.copy()
    erase(kept)
    Backup(kept).bring_back()  # the server died between a deletion and its removal
    assert Registry(kept).ids("somebody") == [other]
    backup = Backup(kept)
    backup.copy()
    registry.delete(run, None)
    backup.copy()
    assert Snapshots(bucket).names("runs") == [other]
    assert not (bucket / "runs" / run).exists()


@pytest.mark.parametrize("damage", ["cut", "changed", "missing", "no_manifest", "deep", "outside"])
def test_a_torn_copy_is_left_out_and_leaves_nothing(
    kept: Settings, registry: Registry, data: Path, bucket: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    whole, torn = (registry.create(request_for(data), "somebody") for _ in range(2))
    Backup(kept).copy()
    erase(kept)
    _damage(bucket / "runs" / torn, damage)
    Backup(kept).bring_back()
    assert Registry(kept).ids("somebody") == [whole]
    assert {path.name for path in kept.runs.iterdir()} == {whole}
    assert {path.name for path in kept.home.iterdir()} >= {"runs"} and not (kept.home / "escaped").exists()
    if damage != "no_manifest":  # then nobody knows of it
        assert torn in caplog.text


def _damage(copy: Path, damage: str) -> None:
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    first = copy / "files" / manifest["files"]["run.json"][1]
    if damage == "cut":
        first.write_bytes(first.read_bytes()[:-1])
    elif damage == "changed":
        first.write_bytes(b"x" + first.read_bytes()[1:])
    elif damage == "missing":
        first.unlink()
    elif damage == "no_manifest":
        (copy / "manifest.json").unlink()
    elif damage == "deep":
        (copy / "manifest.json").write_text("[" * 100_000, encoding="utf-8")
    else:
        manifest["files"]["../../escaped"] = manifest["files"].pop("run.json")
        (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.parametrize("k", range(1, 9))
def test_a_copy_that_is_interrupted_leaves_the_one_before_it(
    kept: Settings, registry: Registry, data: Path, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = registry.create(request_for(data), "somebody")
    backup = Backup(kept)
    backup.copy()
    first = contents(registry.folder(run))
    write_checkpoint(registry.folder(run), 2)
    second = contents(registry.folder(run))
    operations = 0

    def fails(real: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal operations
            operations += 1
            if operations == k:
                raise OSError(28, "No space left on device")
            return real(*arguments, **options)

        return call

    with monkeypatch.context() as patched:
        patched.setattr(snapshots_module, "_copy", fails(snapshots_module._copy))
        patched.setattr(snapshots_module, "write_atomic", fails(processes.write_atomic))
        patched.setattr(snapshots_module.Path, "replace", fails(Path.replace))
        backup.copy()
    assert backup.failing is (operations >= k)
    erase(kept)
    Backup(kept).bring_back()
    assert contents(registry.folder(run)) == (first if operations >= k else second)


def test_a_failure_is_told_once_and_the_next_look_tries_again(
    kept: Settings, registry: Registry, data: Path, bucket: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = registry.create(request_for(data), "somebody")
    bucket.write_text("not a folder", encoding="utf-8")
    backup = Backup(kept)
    for _ in range(3):
        backup.copy()
    assert backup.failing and caplog.text.count("was not copied") == 1
    bucket.unlink()
    backup.copy()
    assert not backup.failing and Snapshots(bucket).names("runs") == [run]


def test_without_a_folder_nothing_happens(own_settings: Settings, registry: Registry, data: Path) -> None:
    registry.create(request_for(data), "somebody")
    backup = Backup(own_settings)
    backup.begin()
    backup.copy()
    assert (backup.on, backup.failing, backup.bring_back()) == (False, False, 0)
    backup.close()


def test_what_has_changed_is_copied_when_the_server_ends(
    kept: Settings, registry: Registry, data: Path, bucket: Path
) -> None:
    backup = Backup(kept)
    backup.begin()
    run = registry.create(request_for(data), "somebody")
    backup.close()
    assert Snapshots(bucket).names("runs") == [run]


@pytest.mark.slow
def test_a_server_that_is_told_to_end_copies_what_has_changed_first(home: Path, tiny: Path, bucket: Path) -> None:
    server = Server(home, tiny, {"BERTDEMO_BACKUP": str(bucket), "BERTDEMO_SPARE_WORKER": "0"})
    server.start()
    study = home / "studies" / "20261129-study"
    study.mkdir(parents=True)
    (study / "study.json").write_text("{}", encoding="utf-8")
    assert server.end() == 143
    assert Snapshots(bucket).names("studies") == [study.name]


def test_a_manifest_of_a_newer_version_is_not_guessed_at(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    store = Snapshots(tmp_path / "store")
    store.save("runs", "a", {"file": tmp_path / "file"})
    manifest = tmp_path / "store" / "runs" / "a" / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"schema": 1', '"schema": 2'), encoding="utf-8")
    with pytest.raises(Torn):
        store.restore("runs", "a", tmp_path / "back")
