"""The log of a worker: one line per event for people, at most so many bytes, and never a reason to end a training."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time

from bertdemo.runs import events as ev
from bertdemo.runs.events import RunEvent

# The log is read by people, who need no line per step.
_STEP_SECONDS = 2.0
# Above this size the older part of the log goes: a day of training writes about 5 MB.
MOST_BYTES = 2_000_000
_KEPT_BYTES = 500_000
_LOGGED = ("name", "step", "steps", "epoch", "loss", "learning_rate", "metrics", "best", "path", "device", "precision",
           "train_rows", "validation_rows", "test_rows", "message", "checkpoint", "seconds")  # fmt: skip


class WorkerLog:
    """Writes lines to standard output, which is the file worker.log."""

    def __init__(self) -> None:
        self._logged = 0.0

    def write(self, event: RunEvent) -> None:
        """Write an event, a step at most every two seconds; what a full disk does not take is left out."""
        now = time.monotonic()
        if isinstance(event, ev.Step) and now - self._logged < _STEP_SECONDS:
            return
        self._logged = now
        values = [f"{name}={_short(getattr(event, name))}" for name in _LOGGED if hasattr(event, name)]
        with contextlib.suppress(OSError):
            print(time.strftime("%H:%M:%S"), event.kind, *values, flush=True)  # noqa: T201 - the log is a file
            shorten(sys.stdout.fileno())


def shorten(descriptor: int, most: int = MOST_BYTES, kept: int = _KEPT_BYTES) -> None:
    """Cut off the older part of a log that has grown too long; anything but a file is left alone."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size <= most:
        return
    # The descriptor appends only: it is read through another one, and what is kept goes to the new end.
    with open(f"/dev/fd/{descriptor}", "rb") as file:  # noqa: PTH123 - no path of ours
        file.seek(status.st_size - kept)
        tail = file.read()
    os.ftruncate(descriptor, 0)
    os.write(descriptor, tail[tail.find(b"\n") + 1 :])


def close_output() -> None:
    """Let the interpreter end with our exit code: one that cannot flush its output ends with 120."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.close(nowhere)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
