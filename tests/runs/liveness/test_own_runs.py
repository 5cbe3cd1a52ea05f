"""How a run ended is what this server saw: at once after a kill, whatever the clock says, on a full disk too."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bertdemo import faults
from bertdemo.processes import Identity, hold, is_held
from bertdemo.runs import dispatch
from bertdemo.runs import events as ev
from bertdemo.runs.liveness.heartbeat import Pulses
from bertdemo.runs.liveness.process_files import EXIT_DISK, note_exit, note_process
from bertdemo.runs.registry import Registry
from bertdemo.runs.status import status_of
from bertdemo.settings import Settings
from tests.runs.conftest import Make, Server
from tests.runs.liveness.test_heartbeat import Clock, beat
from tests.runs.support import FakeLauncher, ask, eventually, started


@pytest.fixture
def tiny() -> None:
    """The bundled model's facts are enough here."""


@pytest.fixture
def own_settings(home: Path) -> Settings:
    settings = Settings.from_env({"BERTDEMO_HOME": str(home), "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(home / "hub")})
    settings.runs.mkdir()
    return settings


@pytest.fixture
def server(make: Make, launcher: FakeLauncher) -> Iterator[Server]:
    """A server whose thread sleeps: a test does its ticks."""
    yield make(launcher, begin=False)
    faults.arm("")


def launched(server: Server, data: Path) -> tuple[str, Registry, Path]:
    """Start a run, and let a worker take it; return its id, the server's registry and its folder."""
    dispatcher, registry = server.dispatcher, server.dispatcher._registry
    run_id = server.admission.start(ask(data), "")
    dispatcher._queue.append(run_id)
    dispatcher._tick()
    folder = registry.folder(run_id)
    note_process(folder, Identity(999_999_999, 1.0))  # no process of this machine
    registry.append(run_id, started())
    return run_id, registry, folder


def test_a_worker_that_was_just_killed_is_alive_until_its_exit_code_is_known(
    server: Server, launcher: FakeLauncher, data: Path
) -> None:
    run_id, registry, folder = launched(server, data)
    with hold(folder / "lock"):
        assert registry.read(run_id, "").state == "running"
    assert registry.read(run_id, "").state == "running"  # the lock is free, and the parent knows no code yet
    launcher.ended.append((folder, -9))
    status = status_of(registry.read(run_id, ""))  # no tick of the dispatcher came between
    assert status.state == "interrupted" and status.message is not None
    assert (status.message.key, status.message.values) == ("run.interrupted_by_signal", {"signal": 9})


def test_a_worker_of_another_server_has_ended_when_its_lock_is_free(
    server: Server, registry: Registry, data: Path
) -> None:
    run_id, _, _ = launched(server, data)
    status = status_of(registry.read(run_id, ""))  # of a registry without that worker
    assert status.state == "interrupted" and status.message is not None
    assert status.message.key == "run.interrupted_unseen"


def test_an_exit_code_that_the_disk_does_not_take_is_known_and_stored_later(
    server: Server, launcher: FakeLauncher, data: Path
) -> None:
    run_id, registry, folder = launched(server, data)
    launcher.ended.append((folder, EXIT_DISK))
    faults.arm("any:1:full:on")
    status = status_of(registry.read(run_id, ""))
    assert status.state == "interrupted" and status.message is not None
    assert status.message.key == "run.interrupted_by_disk"
    server.dispatcher._tick()
    assert not (folder / "exit.json").exists()
    faults.arm("")
    server.dispatcher._tick()
    assert (folder / "exit.json").exists()
    assert registry.read(run_id, "").exit_code == EXIT_DISK


def test_a_clock_that_is_set_back_after_the_launch_keeps_no_run_starting(
    server: Server, launcher: FakeLauncher, data: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = server.admission.start(ask(data), "")
    server.dispatcher._queue.append(run_id)
    server.dispatcher._tick()
    for hours in (-1, 1):
        now = time.time() + 3600 * hours
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda now=now: now)
            assert server.dispatcher._registry.read(run_id, "").state == "starting"
            assert registry.read(run_id, "").state == "interrupted"  # a server that did not launch it
    later = time.monotonic() + ev.START_GRACE + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert server.dispatcher._registry.read(run_id, "").state == "interrupted"


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that a test starts and that do not stop by themselves."""
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def hang(folder: Path, hung: list[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """Let a process hold the lock of a run, and do nothing."""
    code = f"import time, filelock; kept = filelock.FileLock({str(folder / 'lock')!r}); kept.acquire(); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    hung.append(process)
    eventually(lambda: is_held(folder / "lock"))
    note_process(folder, Identity.of(process.pid))
    return process


def test_a_worker_that_ignores_a_stop_is_killed_and_the_run_says_so(
    server: Server,
    launcher: FakeLauncher,
    data: Path,
    hung: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_id, registry, folder = launched(server, data)
    process = hang(folder, hung)
    assert server.dispatcher.cancel(run_id, "") == "running"
    server.dispatcher._tick()
    assert process.poll() is None  # it has a minute
    monkeypatch.setattr(dispatch, "_STOP_GRACE", -1.0)
    server.dispatcher._tick()
    assert process.wait(30) == -9
    launcher.ended.append((folder, -9))
    status = status_of(registry.read(run_id, ""))
    assert status.state == "interrupted" and status.message is not None
    assert status.message.key == "run.killed_after_stop"
    server.dispatcher._tick()
    server.dispatcher.resume(run_id, "")
    server.dispatcher._queue.append(run_id)
    server.dispatcher._tick()
    assert launcher.ids == [run_id, run_id]
    assert not (folder / "killed").exists()


def test_stop_ends_a_worker_that_does_not_respond_at_once(
    server: Server, launcher: FakeLauncher, data: Path, hung: list[subprocess.Popen[bytes]]
) -> None:
    run_id, registry, folder = launched(server, data)
    clock = Clock()
    registry._pulses = Pulses(clock)
    process = hang(folder, hung)
    beat(folder, 1)
    assert registry.read(run_id, "").silent_seconds == 0.0
    clock.now += 61
    assert registry.read(run_id, "").silent_seconds == 61.0
    server.dispatcher.cancel(run_id, "")
    assert process.wait(30) == -9
    launcher.ended.append((folder, -9))
    message = status_of(registry.read(run_id, "")).message
    assert message is not None and message.key == "run.killed_after_stop"


def test_a_pid_that_another_process_has_now_is_never_killed(
    server: Server, data: Path, hung: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, _, folder = launched(server, data)
    process = hang(folder, hung)
    note_process(folder, Identity(process.pid, time.time() - 5000))
    server.dispatcher.cancel(run_id, "")
    monkeypatch.setattr(dispatch, "_STOP_GRACE", -1.0)
    server.dispatcher._tick()
    assert process.poll() is None
    assert not (folder / "killed").exists()


def test_what_is_known_of_an_attempt_is_forgotten_with_the_next(server: Server, data: Path) -> None:
    run_id, _, folder = launched(server, data)
    note_exit(folder, -9)
    server.dispatcher.resume(run_id, "")
    server.dispatcher._queue.append(run_id)
    server.dispatcher._running.clear()
    server.dispatcher._tick()
    assert not [name for name in ("process.json", "exit.json", "killed") if (folder / name).exists()]
