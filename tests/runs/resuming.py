"""What the tests of resumed runs share: a run that is killed at a step, resumed, and compared with an unbroken one."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bertdemo import faults
from bertdemo.checkpoints import Catalogue
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry
from bertdemo.runs.request import RunRequest
from bertdemo.runs.resume.requeue import requeue
from bertdemo.runs.status import history_of, status_of
from bertdemo.settings import Settings
from tests.runs.support import events_of
from tests.runs.test_every_task import request_of

# Training rows of the sample of each task, divided by three: four epochs are twelve steps.
BATCHES = {
    "classification": 98, "multi_label": 42, "pair": 77, "similarity": 47, "token_classification": 45,
    "question_answering": 49, "fill_mask": 85, "search": 77, "text_to_text": 42,
}  # fmt: skip


class Killed(BaseException):
    """In place of a SIGKILL to the process that runs the tests."""


def twelve_steps(task: str, **config: Any) -> RunRequest:
    """Return a request of three steps in each of four epochs; the learning rate is large enough to see."""
    more = {"epochs": 4, "batch_size": BATCHES[task], "max_length": 32, "learning_rate": 1e-3}
    return request_of(task, **{"precision": "float32", **more, **config})


@dataclass(frozen=True)
class Outcome:
    """Everything that must not depend on whether a run was interrupted."""

    weights: str
    steps: list[tuple[int, float]]
    evaluations: list[tuple[int, float, dict[str, float], bool]]
    metrics: Any


@dataclass
class Resumed:
    """Runs attempts of one run folder in this process."""

    registry: Registry
    settings: Settings
    patch: pytest.MonkeyPatch
    passed: int = 0
    """How many points of the fault the newest attempt has passed."""
    fired: int = 0
    """How often the fault happened in it."""
    code: int = 0
    """What it ended with, as its parent would see it."""

    def started(self, request: RunRequest, fault: str = "") -> Path:
        """Do the first attempt; return the run folder."""
        folder = self.registry.folder(self.registry.create(request, ""))
        self.attempt(folder, fault)
        return folder

    def again(self, folder: Path, fault: str = "", *, not_exact: bool = False) -> None:
        """Resume, and do the next attempt."""
        requeue(self.registry, folder.name, "", not_exact=not_exact)
        self.attempt(folder, fault)

    def attempt(self, folder: Path, fault: str = "") -> bool:
        """Do what a worker does; return whether the fault killed it."""
        from bertdemo.runs.worker.__main__ import main

        self.patch.setenv("BERTDEMO_FAULT", fault)
        self.code = -signal.SIGKILL
        try:
            self.code = main([str(folder)])
        except Killed:
            return True
        finally:  # what the test itself writes meets no fault
            self._take_fault()
        return False

    def _take_fault(self) -> None:
        fault = faults.disarm()
        self.passed, self.fired = (fault.passed, fault.fired) if fault else (0, 0)

    def outcome(self, folder: Path) -> Outcome:
        """Return what a finished run has come to."""
        view = self.registry.read(folder.name, "")
        assert view.state == "finished", status_of(view).message
        history = history_of(view.events)
        steps = [(event.step, event.loss) for event in history if isinstance(event, ev.Step)]
        evaluated = [event for event in history if isinstance(event, ev.Evaluated)]
        return Outcome(
            sha256_of(Catalogue(self.settings).folder(folder.name, "") / "model.safetensors"),
            steps,
            [(event.step, event.loss, dict(event.metrics), event.best) for event in evaluated],
            events_of(folder, ev.Finished)[-1].metrics,
        )


def sha256_of(weights: Path) -> str:
    """Return the hash of all tensors of a file with their names."""
    from safetensors.torch import load_file

    digest = hashlib.sha256()
    for name, tensor in sorted(load_file(weights).items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


def killing(patch: pytest.MonkeyPatch) -> None:
    """Let a fault that kills raise Killed instead, and save after every epoch, however slow the disk is."""
    from bertdemo.runs.worker import training_checkpoints

    patch.setattr(training_checkpoints, "_SHORT_SAVE", float("inf"))
    kill: Callable[[int, int], None] = os.kill

    def killed(pid: int, number: int) -> None:
        if (pid, number) == (os.getpid(), signal.SIGKILL):
            raise Killed
        kill(pid, number)

    patch.setattr(os, "kill", killed)
