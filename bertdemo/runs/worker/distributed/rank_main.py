"""One of the processes that torchrun starts. Its exit code says whether torchrun shall start all of them again.

0: the attempt has its ending, or this process is not needed any more. 1: a process was lost, and the next attempt goes
on from the newest resume checkpoint. Where torchrun itself dies, its processes end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from filelock import Timeout

from bertdemo import faults, processes
from bertdemo.device import compute_threads
from bertdemo.launching import Rank
from bertdemo.runs.worker import job
from bertdemo.runs.worker.distributed import attempts, world
from bertdemo.runs.worker.reporting.guard import guarded, told
from bertdemo.settings import Settings, stand_alone

DONE, AGAIN = 0, 1
# Files of the run folder that are locked, besides that of every run: by rank 0, so that of two that were started by
# mistake one writes, and by the agent, which holds the run for all ranks.
WRITER, AGENT = "writer", "agent"
_LOOK_SECONDS = 1.0


def main(folder: Path, settings: Settings, rank: Rank) -> int:
    """Do what this rank has to do; return the exit code."""
    # torchrun ends its processes so, to start them again: a person stops a run by its flag.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_with_torchrun()
    settings.apply()
    faults.arm(settings.fault)
    processes.lower_priority()
    if rank.number:
        return _other(folder, settings, rank)
    with contextlib.ExitStack() as held:
        return _first(folder, settings, rank, free=_taken(folder, held))


def _taken(folder: Path, held: contextlib.ExitStack) -> bool:
    """Take the locks of rank 0; return False where another worker has the run."""
    try:
        held.enter_context(processes.hold(folder / WRITER))
        if not processes.is_held(folder / AGENT):  # nobody holds the run where a person has started torchrun
            held.enter_context(processes.hold(folder / "lock"))
    except Timeout:
        print("another worker trains this run", file=sys.stderr)  # noqa: T201 - standard error is the log
        return False
    return True


def _first(folder: Path, settings: Settings, rank: Rank, *, free: bool) -> int:
    """Work as rank 0, which reports its own errors."""
    wanted = free and attempts.begin(folder, restarted=rank.restart > 0)

    def work() -> None:
        others = _joined(settings, rank) if rank.size > 1 else None
        if others is None:
            stand_alone()
        else:
            others.send(wanted)
        if wanted:
            _job(folder, settings, rank, others).run()

    return _guarded(work, partial(_report, folder) if free else _again)


def _again(error: Exception) -> int:
    """Say what went wrong where another worker has the run, and its events."""
    traceback.print_exception(error)
    return AGAIN


def _report(folder: Path, error: Exception) -> int:
    """End the attempt with an error of rank 0, unless another process was lost: then the next attempt follows."""
    if world.is_lost(error):
        traceback.print_exception(error)
        return AGAIN
    attempts.fail(folder, told(error))
    return DONE


def _other(folder: Path, settings: Settings, rank: Rank) -> int:
    """Work as any other rank, whose errors are left for rank 0."""

    def work() -> None:
        others = _joined(settings, rank)
        if others.receive():
            _job(folder, settings, rank, others).run()

    return _guarded(work, partial(_leave_for_rank_0, folder))


def _leave_for_rank_0(folder: Path, error: Exception) -> int:
    """Note an error of another rank, unless rank 0 has gone because it was done."""
    if attempts.ended(attempts.read(folder)):
        return DONE
    if not world.is_lost(error):
        attempts.note_error(folder, told(error))
    traceback.print_exception(error)
    return AGAIN


def _guarded(work: Callable[[], None], report: Callable[[Exception], int]) -> int:
    """Do the work; return the exit code, which `report` knows of an error."""
    from bertdemo.runs.worker.distributed.distributed_process import NotNeeded

    return guarded(work, report, quiet=(NotNeeded, job.FolderGone)) or DONE


def _job(folder: Path, settings: Settings, rank: Rank, others: world.World | None) -> job.Job:
    from bertdemo.runs.worker.distributed.distributed_process import DistributedProcess

    process = DistributedProcess(rank, others) if others is not None else None
    return job.Job(folder, settings, process, restarted=rank.restart > 0)


def _joined(settings: Settings, rank: Rank) -> world.World:
    import torch

    # torchrun gives each process one thread, whatever the number of cores.
    torch.set_num_threads(max(1, compute_threads() // rank.local_size))
    return world.join(rank, settings.launching.join_seconds, gpus=torch.cuda.is_available())


def _end_with_torchrun() -> None:
    """End this process when its parent has gone, in whatever it waits."""
    parent = os.getppid()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_SECONDS)
        os._exit(AGAIN)

    threading.Thread(target=look, name="parent", daemon=True).start()
