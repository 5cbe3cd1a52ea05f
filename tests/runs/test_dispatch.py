"""One run at a time on a device, whoever asks and whatever dies, with a launcher that starts nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bertdemo.errors import (
    CheckpointUnknown,
    ColumnMissing,
    DeviceGone,
    NothingLeft,
    OneClass,
    QueueFull,
    RunAlive,
    RunUnknown,
    TooManyRuns,
    UnknownLabel,
)
from bertdemo.processes import Identity, hold, is_held
from bertdemo.runs import events as ev
from bertdemo.runs.liveness.process_files import note_process
from bertdemo.runs.registry import Registry, append_event
from bertdemo.settings import Settings
from tests.runs.conftest import Make
from tests.runs.support import FakeLauncher, StubCatalogue, ask, events_of, eventually, started, write_csv


@pytest.fixture
def tiny() -> None:
    """The bundled model's facts are enough here."""


@pytest.fixture
def own_settings(home: Path) -> Settings:
    settings = Settings.from_env({"BERTDEMO_HOME": str(home), "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(home / "hub")})
    settings.runs.mkdir()
    return settings


def test_one_run_a_device_and_the_next_when_it_ends(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path
) -> None:
    server = make(launcher)
    first, second, third = (server.admission.start(ask(data), "") for _ in range(3))
    eventually(lambda: launcher.ids == [first])
    eventually(server.dispatcher.training_on_cpu)
    ahead = [server.dispatcher.place_of(registry.read(run, "")).ahead for run in (first, second, third)]
    assert ahead == [0, 1, 2]
    assert [registry.read(run, "").state for run in (first, second, third)] == ["starting", "queued", "queued"]
    launcher.finish(first)
    eventually(lambda: launcher.ids == [first, second])
    eventually(lambda: registry.read(first, "").exit_code == 0)  # noted at the tick after the one that launches
    assert server.dispatcher.place_of(registry.read(third, "")).ahead == 1
    assert launcher.warmed == 1
    assert events_of(registry.folder(second), ev.Launched)[0].seq == 2


def test_runs_on_two_devices_do_not_wait_for_each_other(make: Make, launcher: FakeLauncher, data: Path) -> None:
    server = make(launcher, "cuda:0")
    best, processor, again = (server.admission.start(ask(data, device), "") for device in ("auto", "cpu", "cuda:0"))
    eventually(lambda: sorted(launcher.ids) == sorted([best, processor]))
    assert server.dispatcher.place_of(server.dispatcher._registry.read(again, "")).ahead == 1
    assert server.dispatcher._registry.read(best, "").request.config.device == "cuda:0"


def test_a_run_that_waits_is_cancelled_at_once_and_never_starts(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path
) -> None:
    server = make(launcher)
    first, second = (server.admission.start(ask(data), "") for _ in range(2))
    eventually(lambda: launcher.ids == [first])
    assert server.dispatcher.cancel(second, "") == "cancelled"
    assert server.dispatcher.cancel(second, "") == "cancelled"
    launcher.finish(first)
    eventually(lambda: not server.dispatcher.training_on_cpu())
    assert launcher.ids == [first]
    assert [event.kind for event in events_of(registry.folder(second))] == ["queued", "cancelled"]


def test_a_run_that_trains_is_asked_and_not_declared_dead(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path
) -> None:
    server = make(launcher)
    run_id = server.admission.start(ask(data), "")
    eventually(lambda: launcher.ids == [run_id])
    with hold(registry.folder(run_id) / "lock"):
        append_event(registry.folder(run_id), started())
        assert server.dispatcher.cancel(run_id, "") == "running"
        assert registry.read(run_id, "").stopping
        with pytest.raises(RunAlive):
            server.dispatcher.delete(run_id, "")
    assert not events_of(registry.folder(run_id), ev.Cancelled)


def test_a_worker_that_hangs_after_a_stop_is_ended(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make(launcher)
    run_id = server.admission.start(ask(data), "")
    eventually(lambda: launcher.ids == [run_id])
    folder = registry.folder(run_id)
    code = f"import time, filelock; kept = filelock.FileLock({str(folder / 'lock')!r}); kept.acquire(); time.sleep(600)"
    hung = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    try:
        eventually(lambda: is_held(folder / "lock"))
        append_event(folder, started())
        note_process(folder, Identity.of(hung.pid))
        assert server.dispatcher.cancel(run_id, "") == "running"
        monkeypatch.setattr("bertdemo.runs.dispatch._STOP_GRACE", -1.0)
        assert hung.wait(timeout=30) == -9
    finally:
        hung.kill()
    assert eventually(lambda: registry.read(run_id, "").state) == "interrupted"


def test_another_owner_can_neither_stop_nor_delete(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path
) -> None:
    server = make(launcher)
    run_id = server.admission.start(ask(data), "mine")
    for call in (server.dispatcher.cancel, server.dispatcher.delete):
        with pytest.raises(RunUnknown):
            call(run_id, "yours")
    assert registry.read(run_id, "mine").state in {"queued", "starting"}


def test_a_file_that_holds_every_training_row_is_refused_before_a_run_is_made(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path
) -> None:
    server = make(launcher)
    for role in ("validation", "test"):
        with pytest.raises(NothingLeft) as caught:
            server.admission.start(ask(data, **{role: str(data), f"{role}_name": "same.csv"}), "")
        assert caught.value.values["file"] == "same.csv"
    assert registry.ids("") == []


def test_a_validation_file_is_checked_with_its_labels_merged(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path, tmp_path: Path
) -> None:
    server = make(launcher)
    other = write_csv(tmp_path / "held.csv", [("a", "yes"), ("b", "YES")])
    beside = {"validation": str(other), "validation_name": "held.csv"}
    with pytest.raises(UnknownLabel):
        server.admission.start(ask(data, **beside), "")
    run = server.admission.start(ask(data, cleaning=("merge_labels",), **beside), "")
    kept = registry.folder(run) / registry.read(run, "").request.validation
    assert "YES" in kept.read_text(encoding="utf-8")  # the file itself stays as it is


def test_a_label_of_the_validation_file_that_training_lacks_is_named_with_row_and_file(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path, tmp_path: Path
) -> None:
    odd = write_csv(tmp_path / "v.csv", [("good", "yes"), ("bad", "maybe")])
    server = make(launcher)
    for role in ("validation", "test"):
        with pytest.raises(UnknownLabel) as caught:
            server.admission.start(ask(data, **{role: str(odd), f"{role}_name": "v.csv"}), "")
        assert caught.value.values == {"label": "maybe", "row": 3, "file": "v.csv", "labels": "no, yes"}
    assert registry.ids(None) == []


def test_data_that_cannot_train_is_refused_before_a_folder_is_made(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path, tmp_path: Path
) -> None:
    server = make(launcher, begin=False)
    one = write_csv(tmp_path / "one.csv", [(f"text {i}", "same") for i in range(9)])
    with pytest.raises(OneClass):
        server.admission.start(ask(one), "")
    with pytest.raises(OneClass):
        every = {str(number): "same" for number in range(2, 2 + len(data.read_text("utf-8").splitlines()))}
        server.admission.start(replace(ask(data), relabel=every), "")
    with pytest.raises(ColumnMissing) as caught:
        server.admission.start(replace(ask(data), columns={"text": "text", "label": "stars"}), "")
    assert caught.value.values["column"] == "stars"
    with pytest.raises(DeviceGone):
        server.admission.start(ask(data, "cuda:7"), "")
    with pytest.raises(CheckpointUnknown):
        server.admission.start(replace(ask(data), checkpoint="no-such-checkpoint"), "")
    assert registry.ids(None) == []


def test_columns_that_were_left_out_are_found_and_stored(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path
) -> None:
    run_id = make(launcher).admission.start(replace(ask(data), columns={}, task=""), "")
    request = registry.read(run_id, "").request
    assert (request.task, request.columns) == ("classification", {"text": "text", "label": "label"})


def test_a_public_visitor_may_queue_two_runs_and_others_are_not_held_back(
    make: Make, launcher: FakeLauncher, own_settings: Settings, data: Path
) -> None:
    settings = replace(own_settings, limits=replace(own_settings.limits, queued_runs=2))
    server = make(launcher, settings=settings)
    first = server.admission.start(ask(data), "a")
    server.admission.start(ask(data), "a")
    with pytest.raises(QueueFull) as caught:
        server.admission.start(ask(data), "a")
    assert caught.value.values == {"limit": 2}
    assert server.admission.start(ask(data), "b")
    eventually(lambda: launcher.ids == [first])
    launcher.finish(first)
    eventually(lambda: server.dispatcher._registry.read(first, "a").state == "finished")
    assert server.admission.start(ask(data), "a")


def test_a_new_server_takes_up_what_waits_and_leaves_what_trains(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path
) -> None:
    earlier = make(launcher)
    first, second, third = (earlier.admission.start(ask(data), "") for _ in range(3))
    eventually(lambda: launcher.ids == [first])
    earlier.dispatcher.close()
    with hold(registry.folder(first) / "lock"):
        append_event(registry.folder(first), started())
        after = FakeLauncher()
        later = make(after)
        eventually(later.dispatcher.training_on_cpu)
        assert [later.dispatcher.place_of(registry.read(run, "")).ahead for run in (first, second, third)] == [0, 1, 2]
        assert after.ids == []
        assert registry.read(first, "").state == "running"
    eventually(lambda: after.ids == [second])
    assert registry.read(first, "").state == "interrupted"


def test_of_two_servers_on_one_home_only_one_dispatches_and_the_other_takes_over(
    make: Make, registry: Registry, data: Path
) -> None:
    one, two = FakeLauncher(), FakeLauncher()
    first, second = make(one), make(two, begin=False)
    eventually(lambda: first.dispatcher._dispatches)
    second.dispatcher.begin()
    run, waits, last = (second.admission.start(ask(data), "") for _ in range(3))
    eventually(lambda: one.ids == [run])
    eventually(second.dispatcher.training_on_cpu)
    assert second.dispatcher.place_of(registry.read(waits, "")).ahead == 1
    with second.dispatcher._guard:
        second.dispatcher._queue.insert(0, run)  # as a look of a second ago would have it
    assert second.dispatcher.cancel(run, "") == "starting"  # not its to end: the flag is there for the worker
    second.dispatcher.cancel(last, "")
    eventually(lambda: registry.read(last, "").state == "cancelled")
    assert two.ids == []
    assert [event.kind for event in events_of(registry.folder(run))] == ["queued", "launched"]
    one.finish(run)
    eventually(lambda: one.ids == [run, waits])
    first.dispatcher.close()
    one.finish(waits)
    third = second.admission.start(ask(data), "")
    eventually(lambda: two.ids == [third])


def test_deleting_a_run_deletes_its_checkpoint(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path
) -> None:
    catalogue = StubCatalogue()
    server = make(launcher, catalogue=catalogue)
    run_id = server.admission.start(ask(data), "")
    eventually(lambda: launcher.ids == [run_id])
    launcher.finish(run_id)
    eventually(lambda: registry.read(run_id, "").state == "finished")
    catalogue.trained.add(run_id)
    server.dispatcher.delete(run_id, "")
    assert catalogue.trained == set()
    assert registry.ids("") == []


def test_a_waiting_run_can_be_deleted_and_never_starts(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path
) -> None:
    server = make(launcher)
    first, second, third = (server.admission.start(ask(data), "") for _ in range(3))
    eventually(lambda: launcher.ids == [first])
    server.dispatcher.delete(second, "")
    launcher.finish(first)
    eventually(lambda: launcher.ids == [first, third])
    assert registry.ids("") == [third, first]


def test_a_folder_that_vanishes_does_not_end_the_dispatching(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path
) -> None:
    server = make(launcher)
    first, second, third = (server.admission.start(ask(data), "") for _ in range(3))
    eventually(lambda: launcher.ids == [first])
    for gone in (second, first):
        registry.folder(gone).rename(registry.folder(gone).with_name(f".trash-{gone}"))
    eventually(lambda: launcher.ids == [first, third])


def test_runs_that_have_ended_are_not_read_again_and_again(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        run_id = registry.create(ask(data), "")
        registry.append(run_id, ev.Cancelled(2, 1, 1.0, checkpoint="", evaluated=False, step=0))
    server = make(launcher, begin=False)
    read: list[str] = []
    whole = Registry.summary
    monkeypatch.setattr(Registry, "summary", lambda self, run, owner: (read.append(run), whole(self, run, owner))[1])
    for _ in range(4):
        server.dispatcher._scanned = 0.0
        server.dispatcher._tick()
    assert len(read) == 5


@pytest.mark.parametrize("limit", ["kept_runs", "queued_runs"])
def test_of_two_starts_in_one_moment_at_the_limit_one_passes(
    make: Make, launcher: FakeLauncher, own_settings: Settings, data: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    settings = replace(own_settings, limits=replace(own_settings.limits, **{limit: 2}))
    server = make(launcher, settings=settings, begin=False)
    server.admission.start(ask(data), "a")
    both = threading.Barrier(2)
    fill = Registry._fill

    def meet(*args: Any) -> None:
        both.wait(timeout=60)  # both have been counted as allowed, and neither is there yet
        fill(*args)

    def start() -> str:
        try:
            return server.admission.start(ask(data), "a")
        except (QueueFull, TooManyRuns) as error:
            return error.key

    monkeypatch.setattr(Registry, "_fill", meet)
    with ThreadPoolExecutor(2) as pool:
        answers = [future.result(timeout=60) for future in [pool.submit(start), pool.submit(start)]]
    refused = "queue_full" if limit == "queued_runs" else "too_many_runs"
    assert answers.count(refused) == 1
    assert len(server.dispatcher._registry.ids("a")) == 2
    assert not list(settings.runs.glob(".tmp-*"))
