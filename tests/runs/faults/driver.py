"""Fails the k-th operation of a run, and checks what must hold afterwards.

The operations are all writes, syncs, replacements, events, saves and steps of a worker (`bertdemo.faults`). As in the
tests of SQLite, k grows until a run passes untouched.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from bertdemo import faults
from bertdemo.checkpoints import Catalogue
from bertdemo.runs import events as ev
from bertdemo.runs.liveness.process_files import note_exit
from bertdemo.runs.request import RunRequest
from bertdemo.runs.resume import checkpoints
from bertdemo.runs.resume.checkpoints import Torn
from tests.runs.resuming import Outcome, Resumed

# What the k-th operation meets; `on` means that all later ones meet it too.
MODES = ("full", "full:on", "io", "io:on", "kill")


@dataclass
class Driver:
    """Runs of one request, each with another fault, beside the outcome of one without."""

    runs: Resumed
    request: RunRequest
    expected: Outcome
    _verified: list[list[int]] = field(default_factory=list)

    @classmethod
    def of(cls, runs: Resumed, request: RunRequest) -> Driver:
        """Do the run that nothing happens to, and watch for faults from then on."""
        driver = cls(runs, request, runs.outcome(runs.started(request)))
        happen = faults.Fault.happen

        def noted(fault: faults.Fault) -> None:
            if fault.fired == 1:
                newest = max(runs.settings.runs.iterdir(), key=lambda folder: folder.name)
                driver._verified.append(verified(newest))
            happen(fault)

        runs.patch.setattr(faults.Fault, "happen", noted)
        return driver

    def operations(self) -> int:
        """Return how many operations a run has."""
        folder = self.runs.started(self.request, "any:0:full")
        passed = self.runs.passed
        self.forget(folder)
        return passed

    def fail(self, k: int, mode: str) -> bool:
        """Do a run whose k-th operation fails, and resume it; return whether there was such an operation."""
        self._verified.clear()
        before = self.outside("")
        folder = self.begun(f"any:{k}:{mode}")
        fired = self.runs.fired > 0
        self.check(folder, f"operation {k}, {mode}", tidy=mode != "kill")
        if self.state(folder) != "finished":
            self.runs.again(folder)
        where = f"operation {k}, {mode}, resumed"
        assert self.runs.outcome(folder) == self.expected, where
        assert self.leftovers() == [], where
        assert self.outside(folder.name) == before, where
        self.forget(folder)
        return fired

    def begun(self, fault: str) -> Path:
        """Do what a server does with a run: launch it, and note what its worker ended with."""
        folder = self.runs.registry.folder(self.runs.registry.create(self.request, ""))
        self.runs.registry.append(folder.name, ev.Launched(2, 1, time.time()))
        self.runs.attempt(folder, fault)
        note_exit(folder, self.runs.code)
        return folder

    def check(self, folder: Path, where: str, *, tidy: bool) -> None:
        """Check what must hold right after the fault."""
        text = (folder / "events.jsonl").read_text(encoding="utf-8")
        assert text.endswith("\n"), where
        assert [line for line in text.splitlines() if ev.from_line(line) is None] == [], where
        assert self.state(folder) in ev.ENDED, where
        if self._verified and self._verified[0] and self.state(folder) != "finished":
            assert max(verified(folder), default=0) >= self._verified[0][0], where
        if tidy:
            assert self.leftovers() == [], where

    def state(self, folder: Path) -> str:
        return self.runs.registry.read(folder.name, "").state

    def outside(self, run: str) -> list[str]:
        """Return the names of all files of the home that belong to no run but the first one."""
        home = self.runs.settings.home
        names = (path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file())
        return sorted(name for name in names if not run or run not in name)

    def leftovers(self) -> list[str]:
        return [path.name for path in self.runs.settings.home.rglob(".tmp-*")]

    def forget(self, folder: Path) -> None:
        """Remove a run with its checkpoint, so that the home stays small."""
        Catalogue(self.runs.settings).delete(folder.name, "")
        shutil.rmtree(folder)
        self.runs.registry._forget(folder.name)


def verified(folder: Path) -> list[int]:
    """Return the steps of the resume checkpoints of a run that are whole, the newest first."""
    steps = []
    for checkpoint in checkpoints.folders(folder):
        try:
            steps.append(checkpoints.verify(checkpoint).manifest.step)
        except Torn:
            continue
    return steps
