"""Runs on a ZeroGPU Space, three ways: without its decorator, with a double of it, and in a daemon that is forked."""

from __future__ import annotations

import contextvars
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bertdemo.errors import GpuQuotaSpent, GpuSliceTooShort
from bertdemo.launching import Launching
from bertdemo.runs import events as ev
from bertdemo.runs.event_log import append_event
from bertdemo.runs.launchers import zerogpu
from bertdemo.runs.launchers.choice import launcher_of
from bertdemo.runs.launchers.local import LocalLauncher
from bertdemo.runs.launchers.zerogpu import Slice, ZeroGpuLauncher, duration
from bertdemo.runs.registry import Registry
from bertdemo.runs.request import RunRequest
from bertdemo.runs.status import status_of
from bertdemo.settings import Settings
from tests.runs.conftest import Make, Work
from tests.runs.resuming import Outcome, Resumed, twelve_steps
from tests.runs.support import FakeLauncher, created, events_of, eventually, settings_with

ROOT = Path(__file__).resolve().parents[2]
VISITOR: contextvars.ContextVar[str] = contextvars.ContextVar("visitor", default="")
# Looks at the clock of a slice, of which a step makes a few.
SLICE = 8.0


def off(*, duration: Callable[[str, float], int]) -> Callable[[Slice], Slice]:
    """The decorator where there is no such hardware: the function as it is."""
    return lambda function: function


@dataclass
class Platform:
    """A double of the decorator: seconds of GPU for each visitor, whom it knows by the context of the request."""

    left: dict[str, int]
    calls: list[tuple[str, int]] = field(default_factory=list)

    def gpu(self, *, duration: Callable[[str, float], int]) -> Callable[[Slice], Slice]:
        def decorate(function: Slice) -> Slice:
            def call(folder: str, seconds: float) -> bool:
                who, wanted = VISITOR.get(), duration(folder, seconds)
                if wanted > self.left.get(who, 0):
                    raise RuntimeError(
                        f"You have exceeded your GPU quota ({wanted}s requested vs. {self.left.get(who, 0)}s left)."
                    )
                self.left[who] -= wanted
                self.calls.append((who, wanted))
                return function(folder, seconds)

            return call

        return decorate


@pytest.fixture
def counted(environment: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a slice be over after so many looks at its clock, not seconds; every step is an event."""
    from bertdemo.runs.worker import training
    from bertdemo.runs.worker.resume.slices import SlicedJob

    def looks(self: Any) -> float:
        self.__dict__["looked"] = self.__dict__.get("looked", 0) + 1
        return float(self.__dict__["looked"])

    monkeypatch.setattr(SlicedJob, "_seconds", looks)
    monkeypatch.setattr(training, "STEP_EVENT_SECONDS", 0.0)


@pytest.fixture
def unbroken(work: Work, registry: Registry, own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """What the run comes to that is not sliced."""
    from bertdemo.runs.worker import training

    monkeypatch.setattr(training, "STEP_EVENT_SECONDS", 0.0)
    import torch

    torch.set_num_threads(1)
    return Resumed(registry, own_settings, monkeypatch).outcome(work(_request()))


def _request() -> RunRequest:
    return twelve_steps("classification", device="cpu")


def _start(make: Make, launcher: ZeroGpuLauncher, request: RunRequest, who: str = "") -> tuple[Any, str]:
    server = make(launcher)
    context = contextvars.copy_context()
    context.run(VISITOR.set, who)
    return server, context.run(server.admission.start, request, "")


def _ended(registry: Registry, run: str) -> Any:
    return eventually(lambda: (view := registry.read(run, "")).state in {"finished", "failed", "cancelled"} and view)


@pytest.mark.slow
@pytest.mark.parametrize("platform", [None, Platform({"anna": 10_000})], ids=["off", "double"])
def test_a_run_in_slices_ends_as_one_that_was_not_sliced(
    make: Make, registry: Registry, own_settings: Settings, unbroken: Outcome, counted: None, platform: Platform | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    launcher = ZeroGpuLauncher(own_settings, platform.gpu if platform else off, SLICE)
    _, run = _start(make, launcher, _request(), "anna")
    view = _ended(registry, run)
    assert view.state == "finished", status_of(view).message
    started = events_of(registry.folder(run), ev.Started)
    assert len(started) > 2 and [it.resumed_from for it in started] == sorted({it.resumed_from for it in started})
    progress = [it.progress for it in view.events if isinstance(it, ev.Step)]
    assert progress == sorted(progress) and len(progress) == 12, "it streams as it trains, and no step is done twice"
    assert Resumed(registry, own_settings, monkeypatch).outcome(registry.folder(run)) == unbroken
    if platform is not None:
        assert platform.calls == [("anna", duration("", SLICE))] * len(started), "for whoever has pressed Start"


@pytest.mark.slow
def test_a_run_is_cancelled_between_two_slices_and_within_one(
    make: Make, registry: Registry, own_settings: Settings, counted: None
) -> None:
    slices = 0

    def cancelling(*, duration: Any) -> Callable[[Slice], Slice]:
        def decorate(function: Slice) -> Slice:
            def call(folder: str, seconds: float) -> bool:
                nonlocal slices
                slices += 1
                if slices == 2:
                    (Path(folder) / "cancel").touch()  # as Stop does while the slice trains
                return function(folder, seconds)

            return call

        return decorate

    server, run = _start(make, ZeroGpuLauncher(own_settings, cancelling, SLICE), _request())
    view = _ended(registry, run)
    assert (view.state, slices) == ("cancelled", 2)
    assert view.resume_step, "what was trained is kept"
    append_event(registry.folder(run), ev.Queued(seq=view.seq + 1, attempt=3, at=time.time()))
    server.dispatcher.cancel(run, "")
    assert _ended(registry, run).state == "cancelled"


@pytest.mark.slow
def test_where_the_quota_is_spent_the_run_ends_with_the_reason_and_can_be_resumed(
    make: Make, registry: Registry, own_settings: Settings, unbroken: Outcome, counted: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    platform = Platform({"anna": 2 * duration("", SLICE)})
    launcher = ZeroGpuLauncher(own_settings, platform.gpu, SLICE)
    server, run = _start(make, launcher, _request_of_other_model(), "anna")
    view = _ended(registry, run)
    assert (view.state, len(platform.calls)) == ("failed", 2)
    assert view.events[-1].message == GpuQuotaSpent().message_key
    assert view.resume_step
    platform.left["anna"] = 10_000
    context = contextvars.copy_context()
    context.run(VISITOR.set, "anna")
    context.run(server.dispatcher.resume, run, "")
    assert _ended(registry, run).state == "finished"


def _request_of_other_model() -> RunRequest:
    request = _request()
    assert request.checkpoint != "bundled"
    return request


def test_where_the_quota_is_spent_the_bundled_model_trains_on_the_cpu(
    own_settings: Settings, registry: Registry, data: Path
) -> None:
    run = created(registry, data, checkpoint="bundled", config={"device": "cuda:0"})
    registry.append(run, ev.Launched(seq=2, attempt=1, at=time.time()))
    launcher = ZeroGpuLauncher(own_settings, Platform({}).gpu)
    launcher._local = local = FakeLauncher()  # type: ignore[assignment]
    launcher.launch(registry.folder(run))
    eventually(lambda: local.ids == [run])
    assert [it.message for it in events_of(registry.folder(run), ev.Warned)] == ["warning.gpu_quota_spent"]
    assert registry.summary(run, "").state == "starting"
    local.finish(run)
    assert eventually(launcher.reap) == [(registry.folder(run), 0)]
    launcher.close()


@pytest.mark.slow
def test_a_run_that_was_made_for_the_gpu_trains_on_the_cpu_in_a_child_process(
    home: Path, tiny: Path, data: Path
) -> None:
    settings = settings_with(home, tiny, SPACE_ID="a/b", SPACES_ZERO_GPU="true")
    assert settings.launching.launcher == "zerogpu"
    registry, local = Registry(settings), LocalLauncher(settings)
    run = created(registry, data, config={"device": "cuda:0"})
    registry.append(run, ev.Launched(seq=2, attempt=1, at=time.time()))
    local.launch(registry.folder(run))
    view = _ended(registry, run)
    assert view.state == "finished", view.log
    assert events_of(registry.folder(run), ev.Started)[0].device == "cpu"
    local.close()


@pytest.mark.slow
def test_a_slice_without_a_step_ends_the_run_and_is_not_tried_for_ever(
    make: Make, registry: Registry, own_settings: Settings, counted: None
) -> None:
    _, run = _start(make, ZeroGpuLauncher(own_settings, off, 0.0), _request())
    view = _ended(registry, run)
    assert view.events[-1].message == GpuSliceTooShort(seconds=0).message_key
    assert len(events_of(registry.folder(run), ev.Launched)) == 1


def test_an_error_of_the_platform_ends_the_slice_and_not_the_launcher(
    own_settings: Settings, registry: Registry, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*, duration: Any) -> Callable[[Slice], Slice]:
        def call(folder: str, seconds: float) -> bool:
            raise RuntimeError("GPU task aborted")

        return lambda function: call

    launcher = ZeroGpuLauncher(own_settings, broken)
    for _ in range(2):
        run = created(registry, data)
        registry.append(run, ev.Launched(seq=2, attempt=1, at=time.time()))
        launcher.launch(registry.folder(run))
        assert eventually(launcher.reap) == [(registry.folder(run), 1)]
    assert "GPU task aborted" in caplog.text
    launcher.close()


def test_a_run_that_waits_for_a_gpu_is_starting_and_not_interrupted(
    own_settings: Settings, registry: Registry, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zerogpu, "_TELL_SECONDS", 0.01)
    run = created(registry, data)
    registry.append(run, ev.Launched(seq=2, attempt=1, at=1.0))  # long ago
    assert registry.summary(run, "").state == "interrupted"
    with zerogpu._waiting(registry.folder(run)):
        eventually(lambda: registry.summary(run, "").state == "starting")
    told = len(events_of(registry.folder(run), ev.Launched))
    seqs = [it.seq for it in events_of(registry.folder(run))]
    assert told > 1 and seqs == list(range(1, len(seqs) + 1))


def test_the_launcher_follows_the_hardware_of_the_space(
    own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    zero = {"SPACE_ID": "a/b", "SPACES_ZERO_GPU": "true"}
    assert Launching.from_env(zero).launcher == "zerogpu"
    assert Launching.from_env({**zero, "BERTDEMO_LAUNCHER": "local"}).launcher == "local"
    assert Launching.from_env({"SPACES_ZERO_GPU": "true"}).launcher == "local"
    assert Launching.from_env({**zero, "SPACES_ZERO_GPU": "false"}).launcher == "local"
    monkeypatch.setattr(zerogpu, "_decorate", lambda: off)
    settings = settings_with(own_settings.home, None, **zero)
    launcher = launcher_of(settings)
    assert isinstance(launcher, ZeroGpuLauncher)
    assert (launcher.slot("cuda:0"), launcher.is_warm(), launcher.reap()) == ("cuda:0", False, [])
    launcher.close()
    assert [it.kind for it in zerogpu.devices().devices] == ["cuda", "cpu"]


def test_the_decorator_of_the_platform_leaves_the_function_as_it_is_elsewhere() -> None:
    spaces = pytest.importorskip("spaces")
    decorated: Any = spaces.GPU(duration=duration)(zerogpu.train_slice)
    assert decorated is zerogpu.train_slice


_FORKED = """
import json, multiprocessing, os, sys
from pathlib import Path
import torch
from bertdemo.runs.launchers.zerogpu import train_slice

torch.set_num_threads(2)
torch.randn(600, 600) @ torch.randn(600, 600)  # the server has computed with OpenMP before it is forked

from bertdemo.runs.worker.resume.slices import SlicedJob

def looks(self):  # a slice is over after so many looks at its clock, not seconds
    self.__dict__["looked"] = self.__dict__.get("looked", 0) + 1
    return float(self.__dict__["looked"])

SlicedJob._seconds = looks

def child(folder, answers):
    paused = train_slice(folder, float(sys.argv[2]))
    answers.put([paused, multiprocessing.current_process().daemon, os.environ.get("HF_TOKEN"), os.getpid()])

if __name__ == "__main__":
    context, told = multiprocessing.get_context("fork"), []
    answers = context.Queue()
    from bertdemo.runs import events as ev
    from bertdemo.runs.launchers.zerogpu import _append
    folder = Path(sys.argv[1])
    while len(told) < 9:
        process = context.Process(target=child, args=(str(folder), answers), daemon=True)
        process.start()
        told.append(answers.get(timeout=240))
        process.join()
        if not told[-1][0]:
            break
        _append(folder, ev.Queued, attempts=1, not_exact=True)
        _append(folder, ev.Launched)
    print(json.dumps({"told": told, "pid": os.getpid(), "initialized": torch.cuda.is_initialized()}))
"""


@pytest.mark.slow
def test_slices_train_in_daemons_forked_from_a_process_that_has_never_seen_a_gpu(
    own_settings: Settings, registry: Registry, tiny: Path, data: Path
) -> None:
    run = created(registry, data, config={"device": "cpu", "epochs": 4})
    registry.append(run, ev.Launched(seq=2, attempt=1, at=time.time()))
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env = {**kept, "BERTDEMO_HOME": str(own_settings.home), "BERTDEMO_CHECKPOINTS": str(tiny), "HF_HUB_OFFLINE": "1",
           "CUDA_VISIBLE_DEVICES": "", "HF_TOKEN": "hf_secret", "PYTHONPATH": str(ROOT),
           "HF_MODULES_CACHE": str(own_settings.modules)}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", _FORKED, str(registry.folder(run)), str(SLICE)], cwd=ROOT, env=env, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + (registry.folder(run) / "worker.log").read_text(encoding="utf-8")
    answer = json.loads(done.stdout.splitlines()[-1])
    paused = [paused for paused, *_ in answer["told"]]
    assert len(paused) > 2 and paused == [True] * (len(paused) - 1) + [False]
    assert all(daemon and token is None for _, daemon, token, _ in answer["told"])
    assert answer["pid"] not in {pid for *_, pid in answer["told"]} and answer["initialized"] is False
    view = registry.read(run, "")
    assert view.state == "finished", status_of(view).message
    assert "finished" in (registry.folder(run) / "worker.log").read_text(encoding="utf-8")
