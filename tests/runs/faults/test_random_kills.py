"""kill -9 of the server, of the worker, or of both, at random moments of a run: none is lost, and none claimed."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bertdemo.checkpoints import Catalogue
from bertdemo.device import DeviceReport, cpu
from bertdemo.processes import is_held
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry
from bertdemo.runs.request import RunRequest
from bertdemo.services import Services
from bertdemo.settings import Settings
from tests import sweep
from tests.runs.resuming import sha256_of
from tests.runs.support import eventually, request_for, rows_of, settings_with, write_csv

pytestmark = pytest.mark.slow

MOMENTS = 40
WHOM = ("worker", "server", "both")
# A server without a page. Each step of its workers takes a fifth of a second more, so that most moments fall into one.
_SERVER = """
import sys, time
from dataclasses import replace
from bertdemo.device import DeviceReport, cpu
from bertdemo.services import Services
from bertdemo.settings import Settings
settings = Settings.from_env()
slow = {"BERTDEMO_FAULT": "step:1:sleep:on", "PYTEST_CURRENT_TEST": "kills"}
settings = replace(settings, base_env={**settings.base_env, **slow}, spare_worker=False)
settings.apply()
services = Services.create(settings)
services.admission.devices_found(DeviceReport((cpu(),)))
services.dispatcher.begin()
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Settings:
    return settings_with(tmp_path_factory.mktemp("home"), tiny, BERTDEMO_SPARE_WORKER="0")


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> RunRequest:
    data = write_csv(tmp_path_factory.mktemp("data") / "a.csv", rows_of(40))
    return request_for(data, config={"method": "fine_tune", "batch_size": 4, "max_length": 16, "epochs": 3})


@contextlib.contextmanager
def served(settings: Settings) -> Iterator[Services]:
    """Serve in this process, as a server that was started after all that happened."""
    services = Services.create(settings)
    services.admission.devices_found(DeviceReport((cpu(),)))
    services.dispatcher.begin()
    try:
        yield services
    finally:
        services.close()


@pytest.fixture(scope="module")
def expected(settings: Settings, request_: RunRequest) -> str:
    """The weights of the run that nobody disturbs."""
    with served(settings) as services:
        run = services.admission.start(request_, "")
        eventually(lambda: services.registry.read(run, "").state in ev.ENDED, 180)
        assert services.registry.read(run, "").state == "finished"
        return weights(settings, run)


def weights(settings: Settings, run: str) -> str:
    return sha256_of(Catalogue(settings).folder(run, "") / "model.safetensors")


@pytest.mark.parametrize("moment", sweep.cases(range(MOMENTS), 0, 3))
def test_a_kill_at_any_moment_loses_no_run_and_claims_none(
    moment: int, settings: Settings, request_: RunRequest, expected: str
) -> None:
    rng, whom, registry = random.Random(moment), WHOM[moment % 3], Registry(settings)
    root = str(Path(__file__).resolve().parents[3])
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        env={**settings.worker_env(), "PYTHONPATH": root},
        stdout=subprocess.PIPE,
        cwd=root,
    )
    assert server.stdout is not None
    with server.stdout as pipe:
        assert pipe.readline().strip() == b"ready"
    run = registry.create(request_, "")
    folder = registry.folder(run)
    try:
        eventually(lambda: registry.read(run, "").state != "queued")
        # Some of the moments are before the first step, where a worker imports, reads and encodes.
        events = rng.choice([0, 0, 3, 6, 12, 20, 30])
        eventually(lambda: len(registry.read(run, "").events) >= events or ended(registry, run))
        threading.Event().wait(rng.uniform(0, 0.4))
        if whom != "worker":
            server.kill()
            server.wait()
        if whom != "server":
            for process in workers_of(folder):
                process.kill()
                process.wait(30)
        state = registry.read(run, "").state
        if whom != "server":
            assert state not in {"running", "queued"}, state  # 0 claimed running that are not
            assert not is_held(folder / "lock")
    finally:
        server.kill()
        server.wait()
    with served(settings) as services:
        assert run in services.registry.ids("")  # 0 lost
        eventually(lambda: services.registry.read(run, "").state in ev.ENDED, 180)
        if services.registry.read(run, "").state != "finished":
            assert whom != "server"
            services.dispatcher.resume(run, "")
            eventually(lambda: services.registry.read(run, "").state in ev.ENDED, 180)
        assert services.registry.read(run, "").state == "finished", services.registry.read(run, "").log
        assert weights(settings, run) == expected
        assert not (folder / "resume").exists()
        services.dispatcher.delete(run, "")


def ended(registry: Registry, run: str) -> bool:
    return registry.read(run, "").state in ev.ENDED


def workers_of(folder: Path) -> list[psutil.Process]:
    """Return the processes that were started for a run."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if str(folder) in process.cmdline():
                found.append(process)
    return found
