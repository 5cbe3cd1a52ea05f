"""The page never waits for the dispatcher, and the dispatcher does not read forever what has ended."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bertdemo.processes import hold
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry
from bertdemo.settings import Settings
from tests.runs.conftest import Make
from tests.runs.support import FakeLauncher, ask


@pytest.fixture
def tiny() -> None:
    """The bundled model's facts are enough here."""


@pytest.fixture
def own_settings(home: Path) -> Settings:
    settings = Settings.from_env({"BERTDEMO_HOME": str(home), "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(home / "hub")})
    settings.runs.mkdir()
    return settings


@pytest.mark.parametrize("busy", ["scan", "launch", "warm"])
def test_the_page_does_not_wait_for_a_disk_or_a_fork_of_the_dispatcher(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path, monkeypatch: pytest.MonkeyPatch, busy: str
) -> None:
    server = make(launcher, begin=False)
    first, second = (server.admission.start(ask(data), "") for _ in range(2))
    for run in (first, second):
        server.dispatcher._queue.append(run)
    reached, released = threading.Event(), threading.Event()

    def block(*_: Any) -> Any:
        reached.set()
        assert released.wait(timeout=60)
        return []

    server.dispatcher._scanned = time.monotonic()
    if busy == "scan":
        server.dispatcher._scanned = 0.0
        monkeypatch.setattr(server.dispatcher._registry, "ids", block)
    elif busy == "launch":
        monkeypatch.setattr(launcher, "launch", block)
    else:
        server.dispatcher._tick()
        launcher.finish(first)
        monkeypatch.setattr(launcher, "warm", block)
    with ThreadPoolExecutor(2) as pool:
        tick = pool.submit(server.dispatcher._tick)
        try:
            assert reached.wait(timeout=60)
            view = registry.read(second, "")
            page = pool.submit(
                lambda: (
                    server.dispatcher.place_of(view).ahead,
                    server.dispatcher.training(),
                    server.dispatcher.training_on_cpu(),
                )
            )
            ahead, training, on_cpu = page.result(timeout=20)
            assert (ahead, training, on_cpu) == {"scan": (1, False, False), "launch": (1, True, True)}.get(
                busy, (0, False, False)
            )
        finally:
            released.set()
        tick.result(timeout=60)


def test_interrupted_runs_of_long_ago_are_read_once_and_one_of_just_now_may_only_be_slow(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, young = registry.create(ask(data), ""), registry.create(ask(data), "")
    registry.append(old, ev.Launched(2, 1, time.time() - 3600))
    registry.append(young, ev.Launched(2, 1, time.time() - 400))
    server = make(launcher, begin=False)
    read: list[str] = []
    whole = Registry.summary
    monkeypatch.setattr(Registry, "summary", lambda self, run, owner: (read.append(run), whole(self, run, owner))[1])
    for _ in range(3):
        server.dispatcher._scanned = 0.0
        server.dispatcher._tick()
    assert (read.count(old), read.count(young)) == (1, 3)
    with hold(registry.folder(young) / "lock"):
        server.dispatcher._scanned = 0.0
        server.dispatcher._tick()
        assert server.dispatcher.training_on_cpu()
