"""The process around a job: it takes the lock of the run folder, does the job, and reports how it ended.

A spare worker imports torch and transformers, reports it in a file, and reads one run folder from standard input. At
end of file the server is gone, and the spare exits. What torchrun has started is left to `rank_main`. Output goes
to a file, never into a pipe, so that a run outlives the server. SIGTERM stops a worker as the Stop button of the page
does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bertdemo import faults, processes
from bertdemo.launching import Rank
from bertdemo.settings import Settings

EXIT_FAILED = 1


def main(arguments: list[str]) -> int:
    """Run one job; return the exit code."""
    settings = Settings.from_env()
    if settings.rank is not None:
        return _one_of_several(Path(arguments[0]), settings, settings.rank)
    with contextlib.ExitStack() as held:
        if arguments[0] == "--spare":
            folder = _wait_warm(Path(arguments[1]), held)
            os.chdir(folder)
            _redirect_output(folder / "worker.log")
        else:
            folder = Path(arguments[0])
            held.enter_context(processes.hold(folder / "lock"))
        processes.lower_priority()
        return _work(folder)


def _one_of_several(folder: Path, settings: Settings, rank: Rank) -> int:
    from bertdemo.runs.worker.distributed import rank_main

    code = rank_main.main(folder, settings, rank)
    # Not by the interpreter: the threads of gloo, taken apart while other processes close their connections, sometimes
    # abort, and torchrun then takes a process that was done for one that failed.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _wait_warm(ready_file: Path, held: contextlib.ExitStack) -> Path:
    """Import what a run needs while waiting for a run folder; return the folder, with its lock in `held`."""
    from bertdemo.runs.worker import calibrate, job

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="folder") as executor:
        folder = executor.submit(_receive, held)
        job.warm_up()
        processes.write_atomic(ready_file, str(os.getpid()))
        calibrate.calibrate(Settings.from_env())
        return folder.result()


def _receive(held: contextlib.ExitStack) -> Path:
    """Wait for a run folder and take its lock at once; exit at end of file, because the server is gone.

    It runs in its own thread, because the imports take seconds: on a busy machine longer than the grace period in
    which a launched run must hold its lock.
    """
    line = sys.stdin.readline().strip()
    if not line:
        os._exit(0)
    held.enter_context(processes.hold(Path(line) / "lock"))
    return Path(line)


def _work(folder: Path) -> int:
    from bertdemo.runs.liveness.process_files import EXIT_DISK, note_process
    from bertdemo.runs.worker import job
    from bertdemo.runs.worker.distributed.single_process import WithoutGpu
    from bertdemo.runs.worker.reporting.guard import guarded, told
    from bertdemo.runs.worker.reporting.worker_log import close_output

    settings = Settings.from_env()
    faults.arm(settings.fault)
    run = job.Job(folder, settings, WithoutGpu() if settings.launching.launcher == "zerogpu" else None)
    if run.begun:  # a second worker waited for the lock until the first had ended
        return 0
    signal.signal(signal.SIGTERM, lambda *_: run.ask_to_stop())

    def work() -> None:
        with contextlib.suppress(OSError):  # a full disk: the run itself will say so
            note_process(folder, processes.Identity.of())
        run.run()

    def report(error: Exception) -> int:
        run.fail(told(error))
        return EXIT_FAILED

    code = guarded(work, report, quiet=(job.FolderGone,))
    if code is None:  # the run was deleted, so there is no event log to write to
        return 0
    close_output()
    return EXIT_DISK if run.held_up() else code


def _redirect_output(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
