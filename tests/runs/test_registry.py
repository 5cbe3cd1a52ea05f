"""Run folders: whose they are, what is in them, and reading what a worker writes meanwhile."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bertdemo.errors import RunAlive, RunUnknown, TooManyRuns
from bertdemo.processes import hold
from bertdemo.runs import events as ev
from bertdemo.runs.liveness.process_files import note_exit
from bertdemo.runs.registry import Registry, append_event
from bertdemo.settings import Settings
from tests.runs.support import created, started, step, write_csv


@pytest.fixture
def tiny() -> None:
    """No checkpoint is needed here."""


@pytest.fixture
def own_settings(home: Path) -> Settings:
    settings = Settings.from_env({"BERTDEMO_HOME": str(home)})
    settings.runs.mkdir()
    return settings


def test_a_run_holds_copies_of_its_files_under_names_of_ours(registry: Registry, tmp_path: Path, data: Path) -> None:
    odd = write_csv(tmp_path / "..%2f<b> 报告.CSV", [("a", "b")])
    run_id = created(registry, odd, validation=str(data), validation_name="v.csv", test=str(odd), test_name="t.csv")
    odd.unlink()
    folder = registry.folder(run_id)
    assert {path.name for path in (folder / "data").iterdir()} == {"train.csv", "validation.csv", "test.csv"}
    request = registry.read(run_id, "").request
    assert (request.data, request.validation, request.test) == (
        "data/train.csv",
        "data/validation.csv",
        "data/test.csv",
    )
    assert request.data_name == "..%2f<b> 报告.CSV"
    assert (folder / "data" / "validation.csv").read_bytes() == data.read_bytes()


def test_a_new_run_is_queued_private_and_says_nothing_of_its_owner(registry: Registry, data: Path) -> None:
    run_id = created(registry, data, owner="the-secret-key")
    folder = registry.folder(run_id)
    view = registry.read(run_id, "the-secret-key")
    assert (view.state, view.seq, view.stopping, view.log) == ("queued", 1, False, "")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(b"the-secret-key" not in path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "\u2028\x00'\"", "名" * 500, "\ud800"])
def test_any_name_is_kept_as_text(registry: Registry, data: Path, name: str) -> None:
    run_id = created(registry, data, name=name)
    assert Registry(registry._settings).read(run_id, "").name == name


def test_another_owner_sees_nothing_and_is_told_what_a_wrong_id_is_told(registry: Registry, data: Path) -> None:
    run_id = created(registry, data, owner="a")
    assert registry.ids("a") == [run_id]
    assert registry.ids("b") == []
    messages = []
    for wrong, owner in ((run_id, "b"), (run_id[:-1] + "z", "a")):
        for call in (registry.read, registry.ask_to_stop, registry.delete, registry.evaluation):
            with pytest.raises(RunUnknown) as caught:
                call(wrong, owner)  # type: ignore[operator]
            messages.append((caught.value.key, caught.value.values == {"run": wrong}))
    assert set(messages) == {("run_unknown", True)}
    assert registry.read(run_id, "a").state == "queued"
    assert not (registry.folder(run_id) / "cancel").exists()


@pytest.mark.parametrize("run_id", ["../x", "..", "", "a/b", "/etc", "x\n", "X", "a" * 65, ".tmp-x", "%2e%2e", "a\x00"])
def test_what_is_no_run_id_never_becomes_a_path(registry: Registry, run_id: str) -> None:
    with pytest.raises(RunUnknown):
        registry.folder(run_id)
    with pytest.raises(RunUnknown):
        registry.read(run_id, None)


def test_runs_are_listed_newest_first_and_drafts_are_not_listed(registry: Registry, data: Path) -> None:
    first = created(registry, data)
    time.sleep(0.01)
    second = created(registry, data)
    shutil.copytree(registry.folder(first), registry.folder(first).with_name(f".tmp-{first}"))
    assert registry.ids("") == [second, first]
    assert registry.ids(None) == [second, first]


def test_a_folder_that_cannot_be_read_is_nobodys_and_hides_no_other(registry: Registry, data: Path) -> None:
    run_id = created(registry, data)
    for name, text in (("a", "{"), ("b", "[]"), ("c", '{"owner": 1}'), ("d", "")):
        (registry.folder(name)).mkdir()
        (registry.folder(name) / "run.json").write_text(text)
    assert registry.ids(None) == [run_id]
    with pytest.raises(RunUnknown):
        registry.read("a", None)


def test_only_so_many_runs_are_kept(own_settings: Settings, data: Path) -> None:
    registry = Registry(replace(own_settings, limits=replace(own_settings.limits, kept_runs=2)))
    created(registry, data, owner="a")
    created(registry, data, owner="a")
    with pytest.raises(TooManyRuns) as caught:
        created(registry, data, owner="a")
    assert caught.value.values == {"limit": 2}
    assert created(registry, data, owner="b")


def test_a_run_whose_file_cannot_be_copied_leaves_nothing(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        created(registry, tmp_path / "gone.csv")
    assert list(registry._settings.runs.iterdir()) == []


def test_a_run_that_trains_cannot_be_deleted(registry: Registry, data: Path) -> None:
    run_id = created(registry, data)
    folder = registry.folder(run_id)
    append_event(folder, ev.Launched(2, 1, time.time()))
    with pytest.raises(RunAlive):
        registry.delete(run_id, "")
    with hold(folder / "lock"):
        append_event(folder, started())
        with pytest.raises(RunAlive):
            registry.delete(run_id, "")
    assert registry.read(run_id, "").state == "interrupted"
    registry.delete(run_id, "")
    with pytest.raises(RunUnknown):
        registry.read(run_id, "")
    assert list(registry._settings.runs.iterdir()) == []


def test_a_run_that_somebody_else_deleted_is_unknown_and_not_remembered(registry: Registry, data: Path) -> None:
    run_id = created(registry, data)
    registry.read(run_id, "")
    Registry(registry._settings).delete(run_id, "")
    assert registry.ids("") == []
    with pytest.raises(RunUnknown):
        registry.read(run_id, "")
    with pytest.raises(RunUnknown):
        registry.delete(run_id, "")
    assert not registry._logs
    assert not registry._records


def test_events_are_read_forward_and_only_once(registry: Registry, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = created(registry, data)
    registry.read(run_id, "")
    parsed: list[str] = []
    parse = ev.parse
    monkeypatch.setattr(ev, "parse", lambda text: (parsed.append(text), parse(text))[1])
    with hold(registry.folder(run_id) / "lock"):
        append_event(registry.folder(run_id), started(seq=2))
        assert registry.read(run_id, "").seq == 2
        assert registry.read(run_id, "").seq == 2
    assert parsed == [ev.to_line(started(seq=2))]


def test_a_torn_line_is_read_once_it_is_whole(registry: Registry, data: Path) -> None:
    run_id = created(registry, data)
    log = registry.folder(run_id) / "events.jsonl"
    line = ev.to_line(started(seq=2, labels=("好", "坏"))).encode()
    for cut in range(0, len(line), 7):
        with log.open("ab") as file:
            file.write(line[cut : cut + 7])
        assert registry.read(run_id, "").seq == (2 if cut + 7 >= len(line) else 1)


def test_an_event_after_a_torn_line_starts_a_line_of_its_own(registry: Registry, data: Path) -> None:
    run_id = created(registry, data)
    with (registry.folder(run_id) / "events.jsonl").open("a") as file:
        file.write('{"kind": "step", "seq"')
    registry.append(run_id, started(seq=3))
    assert [event.seq for event in registry.read(run_id, "").events] == [1, 3]


def test_a_file_that_became_shorter_or_was_replaced_is_read_anew(registry: Registry, data: Path) -> None:
    run_id = created(registry, data)
    log = registry.folder(run_id) / "events.jsonl"
    first = log.read_text()
    registry.append(run_id, started(seq=2))
    registry.append(run_id, step(3))
    assert registry.read(run_id, "").seq == 3
    log.write_text(first)
    assert registry.read(run_id, "").seq == 1
    other = log.with_name("other")
    other.write_text(ev.to_line(step(7)) + ev.to_line(step(8)))
    other.replace(log)
    assert registry.read(run_id, "").seq == 8


def test_a_stop_shows_until_the_run_has_ended(registry: Registry, data: Path) -> None:
    run_id = created(registry, data)
    registry.ask_to_stop(run_id, "")
    assert registry.read(run_id, "").stopping
    registry.append(run_id, ev.Cancelled(2, 1, 1.0, checkpoint="", evaluated=False, step=0))
    assert not registry.read(run_id, "").stopping


def test_exit_codes_and_the_end_of_the_log_are_shown(registry: Registry, data: Path) -> None:
    run_id = created(registry, data)
    note_exit(registry.folder(run_id), -9)
    (registry.folder(run_id) / "worker.log").write_bytes(b"x" * 9000 + "ende ü".encode())
    view = registry.read(run_id, "")
    assert view.exit_code == -9
    assert view.log.endswith("ende ü")
    assert len(view.log) <= 4096
    note_exit(registry._settings.runs / "gone", 0)  # deleted meanwhile: nothing to note, nothing made
    assert not (registry._settings.runs / "gone").exists()


def test_held_out_rows_with_line_separators_come_back_whole(registry: Registry, data: Path) -> None:
    run_id = created(registry, data)
    assert registry.evaluation(run_id, "") == []
    row = {"row": 2, "text": "a\u2028b\x85c\x0bd\re", "label": "x", "predicted": "y", "confidence": 0.9}
    text = json.dumps(row, ensure_ascii=False) + "\n"
    (registry.folder(run_id) / "evaluation.jsonl").write_text(text * 2, encoding="utf-8")
    assert registry.evaluation(run_id, "") == [row, row]


def test_old_drafts_are_swept_and_young_ones_and_runs_are_not(registry: Registry, data: Path) -> None:
    run_id = created(registry, data)
    for name in (".tmp-a", ".trash-b"):
        (registry._settings.runs / name).mkdir()
    registry.sweep(3600)
    assert len(list(registry._settings.runs.iterdir())) == 3
    registry.sweep(-1)
    assert [path.name for path in registry._settings.runs.iterdir()] == [run_id]


def test_the_requests_that_are_kept_parsed_are_bounded(
    registry: Registry, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bertdemo.runs.registry._CACHED_REQUESTS", 1)
    runs = [created(registry, data) for _ in range(3)]
    assert [registry.read(run, "").run_id for run in runs] == runs
    assert len(registry._records) == 1
