"""Starts torchrun as the launcher does, or as a person would, and finds its processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from bertdemo.launching import Launching
from bertdemo.runs import events as ev
from bertdemo.runs.event_log import append_event
from bertdemo.runs.launchers.commands import agent_arguments, torchrun_arguments
from bertdemo.runs.launchers.local import child_env
from bertdemo.runs.registry import Registry
from bertdemo.settings import Settings
from tests.runs.support import events_of

# Seconds after which a run that should have ended hangs.
HANG = 240.0
_ROOT = Path(__file__).resolve().parents[3]


def every_step(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with a worker that reports every step."""
    return ["tests.runs.distributed.every_step" if part == "bertdemo.runs.worker" else part for part in arguments]


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """Return the environment of a worker; one thread for each process."""
    return {**child_env(settings), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(_ROOT), **more}


def launched(
    registry: Registry, settings: Settings, run: str, launching: Launching, before: Sequence[str] = (), **more: str
) -> subprocess.Popen[bytes]:
    """Do what the dispatcher and the launcher do for a queued run."""
    folder = registry.folder(run)
    seq, attempt = registry.next_event(run)
    append_event(folder, ev.Launched(seq, attempt, time.time()))
    arguments = every_step(agent_arguments(folder, launching, "localhost"))
    return started(
        ["bertdemo.runs.worker.distributed.agent", *arguments], folder, environment(settings, **more), before
    )


def by_hand(
    folder: Path, settings: Settings, launching: Launching, host: str, before: Sequence[str] = (), **more: str
) -> subprocess.Popen[bytes]:
    """Run the command that the page shows."""
    arguments = every_step(torchrun_arguments(folder, launching, host))
    return started(["torch.distributed.run", *arguments], folder, environment(settings, **more), before)


def started(
    arguments: Sequence[str], folder: Path, env: Mapping[str, str], before: Sequence[str] = ()
) -> subprocess.Popen[bytes]:
    """Start a module in a session of its own, its output in the log of the run."""
    with (folder / "worker.log").open("ab") as log:
        return subprocess.Popen(
            [*before, sys.executable, "-m", *arguments],
            env=env,
            cwd=_ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def rank(folder: Path, number: int) -> psutil.Process | None:
    """Return the process with this rank at a run, None while it is not there."""
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if str(folder) in words and process.environ().get("RANK") == str(number):
                return process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return None


def processes_of(folder: Path) -> list[int]:
    """Return the ids of all processes that were started with the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(folder) in process.cmdline() and process.pid != os.getpid():
                found.append(process.pid)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def ended(process: subprocess.Popen[bytes], folder: Path) -> int:
    """Wait for the end of a process; return its exit code."""
    try:
        return process.wait(HANG)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError((folder / "worker.log").read_text(encoding="utf-8")) from None


def losses(folder: Path) -> list[tuple[int, float]]:
    """Return (step, loss) of every step that was reported."""
    return [(event.step, event.loss) for event in events_of(folder, ev.Step)]


def last_step(folder: Path) -> int:
    """Return the newest step of the newest attempt, 0 before its first."""
    events = events_of(folder)
    attempt = max(event.attempt for event in events)
    return max((event.step for event in events if isinstance(event, ev.Step) and event.attempt == attempt), default=0)


def attempts_of(folder: Path) -> list[tuple[int, int]]:
    """Return (attempt, the step that it went on from)."""
    return [(event.attempt, event.resumed_from) for event in events_of(folder, ev.Started)]
