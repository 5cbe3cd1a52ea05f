"""A part of a run, in a process that is not ours: one that the package `spaces` has forked from the server.

It is a daemon, so it may have no children of multiprocessing, and it is used again for the next call: its output is put
back, and its priority and its signal handlers are left alone. A stop comes as the flag file.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from bertdemo import device, processes
from bertdemo.runs.liveness import process_files
from bertdemo.runs.worker import job
from bertdemo.runs.worker.reporting.guard import guarded, told
from bertdemo.settings import Settings, drop_tokens


class _Paused(Exception):
    """The time of a slice is over, and a resume checkpoint is written."""


class SlicedJob(job.Job):
    """A Job that pauses its training after some seconds; what comes before and after the training is done whole."""

    def __init__(self, folder: Path, settings: Settings, seconds: float) -> None:
        super().__init__(folder, settings)
        self._slice_seconds = seconds
        self._trains_from: float | None = None
        self._over = False

    def stop(self) -> None:
        """Raise Stopped where the run was stopped, or where the slice is over while it trains."""
        from bertdemo.runs.worker.training import Stopped

        super().stop()
        if self._trains_from is not None and self._seconds() - self._trains_from >= self._slice_seconds:
            self._over = True
            raise Stopped

    def _train(self, *arguments: Any, **options: Any) -> None:
        """Train; raises _Paused once the state that the end of the slice left is on the disk."""
        from bertdemo.runs.worker.training import Stopped

        self._trains_from = self._seconds()
        try:
            super()._train(*arguments, **options)
        except Stopped:
            if self._over:
                raise _Paused from None
            raise
        finally:
            self._trains_from = None


def work_slice(folder: Path, seconds: float) -> bool:
    """Train the run for so many seconds; return whether it is paused."""
    import torch

    drop_tokens()
    torch.set_num_threads(1)  # a fork of a process that has used OpenMP hangs where it needs a second thread
    with (
        (folder / "worker.log").open("a", encoding="utf-8") as log,
        processes.hold(folder / "lock"),
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        return _work(folder, seconds)


def _work(folder: Path, seconds: float) -> bool:
    run = SlicedJob(folder, Settings.from_env(), seconds)
    if run.begun:
        return False
    process_files.note_process(folder, processes.Identity.of())
    paused = False

    def work() -> None:
        nonlocal paused
        try:
            run.run()
        except _Paused:
            paused = True

    def report(error: Exception) -> int:
        run.fail(told(error))
        return 1

    guarded(work, report, quiet=(job.FolderGone,))
    device.free_memory()
    return paused
