"""Real worker processes, started as the page starts them: the spare, a kill, a restart of the server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bertdemo.device import DeviceReport, cpu
from bertdemo.processes import is_held
from bertdemo.runs import events as ev
from bertdemo.runs.status import status_of
from bertdemo.services import Services
from bertdemo.settings import Settings
from tests import sweep
from tests.runs.support import events_of, eventually, request_for, rows_of, settings_with, write_csv

pytestmark = pytest.mark.slow

_SERVER = """
import sys, time
from bertdemo.device import DeviceReport, cpu
from bertdemo.settings import Settings
from bertdemo.services import Services
from tests.runs.support import request_for
from pathlib import Path
settings = Settings.from_env()
settings.apply()
services = Services.create(settings)
services.admission.devices_found(DeviceReport((cpu(),)))
services.dispatcher.begin()
services.launcher.warm()
if len(sys.argv) > 1:
    request = request_for(Path(sys.argv[1]), config={"epochs": 50, "batch_size": 1})
    print(services.admission.start(request, ""), flush=True)
else:
    print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Settings:
    return settings_with(tmp_path_factory.mktemp("home"), tiny)


@pytest.fixture(scope="module")
def long_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "long.csv", rows_of(200))


@pytest.fixture(scope="module")
def very_long_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So many rows that an epoch of single rows outlives several servers."""
    return write_csv(tmp_path_factory.mktemp("data") / "very-long.csv", rows_of(4000))


@pytest.fixture(scope="module")
def services(settings: Settings) -> Iterator[Services]:
    """The app's services, with a spare, for all tests of this file."""
    services = Services.create(settings)
    services.admission.devices_found(DeviceReport((cpu(),)))
    services.dispatcher.begin()
    services.launcher.warm()
    yield services
    for run_id in services.registry.ids(None):
        services.registry.ask_to_stop(run_id, None)
        eventually(lambda run_id=run_id: not is_held(services.registry.folder(run_id) / "lock"))
    services.close()


def state(services: Services, run_id: str) -> str:
    return services.registry.read(run_id, "").state


def worker_of(folder: Path) -> psutil.Process:
    """Return the process that holds a run: the one whose output goes to its log."""
    log = str(folder / "worker.log")
    return next(one for one in workers() if os.path.realpath(f"/proc/{one.pid}/fd/1") == log)


def workers(word: str = "bertdemo.runs.worker") -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if word in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def spares_of(home: Path, but: psutil.Process | None = None) -> list[psutil.Process]:
    """Return the processes that were started as spares of a home; `but` was given a run since then."""
    return [one for one in workers() if str(home / "spare.ready") in one.cmdline() and one != but]


def ready_spares_of(home: Path, but: psutil.Process) -> list[psutil.Process]:
    """Return the spare that says that it has imported everything, where it still waits."""
    path = home / "spare.ready"
    said = path.read_text(encoding="ascii").strip() if path.exists() else ""
    return [one for one in spares_of(home, but) if str(one.pid) == said]


def start_long(services: Services, long_data: Path) -> str:
    """Start a run that lasts until somebody ends it, and wait for its first step."""
    run_id = services.admission.start(request_for(long_data, config={"epochs": 50, "batch_size": 1}), "")
    eventually(lambda: events_of(services.registry.folder(run_id), ev.Step))
    return run_id


def test_a_warm_spare_takes_the_run_and_its_log_is_clean(services: Services, data: Path) -> None:
    eventually(services.launcher.is_warm)
    (spare,) = spares_of(services.settings.home)
    run_id = services.admission.start(request_for(data), "")
    folder = services.registry.folder(run_id)
    eventually(lambda: state(services, run_id) in ev.ENDED)
    assert state(services, run_id) == "finished", (folder / "worker.log").read_text()
    assert events_of(folder, ev.Launched)[0].warm
    eventually(lambda: not spare.is_running() or spare.status() == psutil.STATUS_ZOMBIE)
    lines = (folder / "worker.log").read_text().splitlines()
    assert lines[-1].split()[1] == "finished"
    # Our own lines alone: no bars, no warnings, no report of missing keys.
    assert not [line for line in lines if not re.fullmatch(r"\d\d:\d\d:\d\d [a-z]+( \w+=.*)?", line)]
    assert eventually(lambda: services.registry.read(run_id, "").exit_code is not None)
    assert services.registry.read(run_id, "").exit_code == 0
    assert services.predictor.predict("good film", "", run_id, "").checkpoint == run_id


def test_a_killed_worker_leaves_an_interrupted_run_with_its_signal(services: Services, long_data: Path) -> None:
    run_id = start_long(services, long_data)
    worker = worker_of(services.registry.folder(run_id))
    assert state(services, run_id) == "running"
    assert worker.nice() == 10
    worker.kill()
    eventually(lambda: state(services, run_id) == "interrupted", 10)
    eventually(lambda: services.registry.read(run_id, "").exit_code is not None, 10)
    message = status_of(services.registry.read(run_id, "")).message
    assert message is not None
    assert (message.key, message.values) == ("run.interrupted_by_signal", {"signal": 9})


def test_stop_ends_a_training_with_its_weights_and_lets_the_next_run_start(
    services: Services, long_data: Path, data: Path
) -> None:
    first = start_long(services, long_data)
    second = services.admission.start(request_for(data), "")
    assert services.dispatcher.place_of(services.registry.read(second, "")).ahead == 1
    assert services.dispatcher.training_on_cpu()
    services.dispatcher.cancel(first, "")
    assert eventually(lambda: state(services, first) in ev.ENDED)
    assert state(services, first) == "cancelled"
    assert services.catalogue.owns(first, "")
    eventually(lambda: state(services, second) in ev.ENDED)
    assert state(services, second) == "finished"
    eventually(lambda: not services.dispatcher.training_on_cpu())


def test_a_killed_server_leaves_the_training_running_and_the_next_one_can_stop_it(
    tmp_path: Path, tiny: Path, long_data: Path
) -> None:
    settings = settings_with(tmp_path / "home", tiny)
    server, run_id = start_server(settings, str(long_data))
    folder = settings.runs / run_id
    eventually(lambda: events_of(folder, ev.Step))
    server.kill()
    server.wait()
    steps = len(events_of(folder, ev.Step))
    later = Services.create(settings)
    try:
        later.dispatcher.begin()
        eventually(later.dispatcher.training_on_cpu)
        eventually(lambda: len(events_of(folder, ev.Step)) > steps)
        assert later.registry.read(run_id, "").state == "running"
        later.dispatcher.cancel(run_id, "")
        eventually(lambda: later.registry.read(run_id, "").state == "cancelled")
        eventually(lambda: not is_held(folder / "lock"))
        eventually(lambda: not later.dispatcher.training_on_cpu())
    finally:
        (folder / "cancel").touch()
        later.close()


def test_a_spare_that_still_imports_takes_the_lock_of_its_run_at_once(tmp_path: Path, tiny: Path, data: Path) -> None:
    services = Services.create(settings_with(tmp_path / "home", tiny))
    run_id = services.registry.create(request_for(data), "")
    folder = services.registry.folder(run_id)
    (folder / "cancel").touch()
    services.launcher.warm()
    assert not services.launcher.is_warm()
    assert services.launcher.launch(folder)
    eventually(lambda: is_held(folder / "lock"))
    assert not (services.settings.home / "spare.ready").exists()  # torch is not there yet
    assert eventually(services.launcher.reap) == [(folder, 0)]
    assert services.registry.read(run_id, "").state == "cancelled"
    services.close()


def test_servers_killed_while_it_trains_leave_the_run_alone_and_no_spare(
    tmp_path: Path, tiny: Path, very_long_data: Path
) -> None:
    settings = settings_with(tmp_path / "home", tiny)
    server, run_id = start_server(settings, str(very_long_data))
    folder = settings.runs / run_id
    try:
        eventually(lambda: events_of(folder, ev.Step))
        worker = worker_of(folder)  # the first server's spare; it keeps none beside a run that it has started
        server.kill()
        server.wait()
        for _ in range(5 if sweep.WHOLE else 2):
            server, _ = start_server(settings)
            eventually(lambda: ready_spares_of(settings.home, but=worker))
            steps = len(events_of(folder, ev.Step))
            server.kill()
            server.wait()
            eventually(lambda steps=steps: len(events_of(folder, ev.Step)) > steps)
        eventually(lambda: not spares_of(settings.home, but=worker), 10)
        later = Services.create(settings)
        later.dispatcher.begin()
        eventually(later.dispatcher.training_on_cpu)
        assert later.registry.read(run_id, "").state == "running"
        assert len(events_of(folder, ev.Launched)) == 1
        later.dispatcher.cancel(run_id, "")
        eventually(lambda: later.registry.read(run_id, "").state == "cancelled")
        eventually(lambda: not is_held(folder / "lock"))
        later.close()
    finally:
        server.kill()
        (folder / "cancel").touch()


def test_a_spare_that_was_ready_ends_with_its_server(tmp_path: Path, tiny: Path) -> None:
    settings = settings_with(tmp_path / "home", tiny)
    server, _ = start_server(settings)
    ready = settings.home / "spare.ready"
    eventually(ready.exists)
    assert len(spares_of(settings.home)) == 1
    server.kill()
    server.wait()
    eventually(lambda: not spares_of(settings.home), 10)


def start_server(settings: Settings, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """Start a process with Services in it, and return it with the first line it said."""
    root = str(Path(__file__).resolve().parents[2])
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER, *arguments],
        env={**settings.worker_env(), "PYTHONPATH": root},
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    assert server.stdout is not None
    with server.stdout as pipe:  # it says one line
        return server, pipe.readline().strip()
