"""Runs on a checkpoint that must come from the Hub first: reported, cancelled, failed, gone."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bertdemo.errors import (
    HubUnreachable,
)
from bertdemo.hub.progress import DownloadProgress
from bertdemo.runs.registry import Registry
from bertdemo.runs.request import RunRequest
from bertdemo.runs.status import Message, status_of
from bertdemo.settings import Settings
from tests.runs.conftest import Make
from tests.runs.support import FakeLauncher, StubCatalogue, ask, events_of, eventually


@pytest.fixture
def tiny() -> None:
    """The bundled model's facts are enough here."""


@pytest.fixture
def own_settings(home: Path) -> Settings:
    settings = Settings.from_env({"BERTDEMO_HOME": str(home), "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(home / "hub")})
    settings.runs.mkdir()
    return settings


def from_hub(data: Path) -> RunRequest:
    return replace(ask(data), checkpoint="someone/bert")


def test_a_download_that_fails_ends_the_run_with_its_message(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path
) -> None:
    def fail(_: Any) -> None:
        raise HubUnreachable(checkpoint="someone/bert")

    server = make(launcher, catalogue=StubCatalogue(fail))
    run_id = server.admission.start(from_hub(data), "")
    after = server.admission.start(ask(data), "")
    eventually(lambda: registry.read(run_id, "").state == "failed")
    message = status_of(registry.read(run_id, "")).message
    assert message == Message("error.hub_unreachable", {"checkpoint": "someone/bert"})
    eventually(lambda: launcher.ids == [after])


def test_a_bug_while_downloading_is_told_by_an_id(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Any) -> None:
        raise ZeroDivisionError

    run_id = make(launcher, catalogue=StubCatalogue(fail)).admission.start(from_hub(data), "")
    eventually(lambda: registry.read(run_id, "").state == "failed")
    message = status_of(registry.read(run_id, "")).message
    assert message is not None
    assert message.key == "error.bug_in_run"
    assert str(message.values["error_id"]) in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_download_is_reported_and_its_run_starts_after_it(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path
) -> None:
    seen, go = threading.Event(), threading.Event()

    def fetch(say: Any) -> None:
        say(DownloadProgress(25, 100, "model.safetensors"))
        seen.set()
        assert go.wait(60)

    server = make(launcher, catalogue=StubCatalogue(fetch))
    run_id = server.admission.start(from_hub(data), "")
    assert seen.wait(60)
    status = status_of(registry.read(run_id, ""))
    assert (status.state, status.phase, status.phase_progress) == ("queued", "fetching", 0.25)
    assert launcher.ids == []
    go.set()
    eventually(lambda: launcher.ids == [run_id])
    assert [(event.seq, event.kind) for event in events_of(registry.folder(run_id))] == [
        (1, "queued"), (2, "phase"), (3, "launched"),
    ]  # fmt: skip


def test_a_cancel_ends_a_download_and_nothing_is_written_after_it(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path
) -> None:
    begun, go = threading.Event(), threading.Event()
    ended: list[type[BaseException]] = []

    def fetch(say: Any) -> None:
        begun.set()
        assert go.wait(60)
        try:
            say(DownloadProgress(50, 100, "model.safetensors"))
        except BaseException as error:
            ended.append(type(error))
            raise

    server = make(launcher, catalogue=StubCatalogue(fetch))
    run_id = server.admission.start(from_hub(data), "")
    assert begun.wait(60)
    assert server.dispatcher.cancel(run_id, "") == "cancelled"
    go.set()
    assert eventually(lambda: ended)
    assert [event.kind for event in events_of(registry.folder(run_id))] == ["queued", "cancelled"]
    assert launcher.ids == []


def test_a_checkpoint_that_was_deleted_while_a_run_waited_fails_that_run_alone(
    make: Make, launcher: FakeLauncher, registry: Registry, data: Path
) -> None:
    catalogue = StubCatalogue()
    server = make(launcher, catalogue=catalogue)
    first, second = (server.admission.start(ask(data), "") for _ in range(2))
    eventually(lambda: launcher.ids == [first])
    catalogue.gone = True
    launcher.finish(first)
    eventually(lambda: registry.read(second, "").state == "failed")
    catalogue.gone = False
    third = server.admission.start(ask(data), "")
    eventually(lambda: launcher.ids == [first, third])
