"""The process around a job: take the lock, do the job, say how it ended.

A spare imports torch and transformers, says so in a file and waits on standard input for one run folder. End of
file there means that the server has gone, and so does the spare. Output goes to a file, never into a pipe, so a
dead server does not take a training run with it. SIGTERM to a worker asks it to stop, as the page's button does.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bertdemo import processes
from bertdemo.settings import Settings

EXIT_FAILED = 1


def main(arguments: list[str]) -> int:
    """Run one job; return the exit code."""
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


def _wait_warm(ready_file: Path, held: contextlib.ExitStack) -> Path:
    """Import what a run needs, and wait for a run folder meanwhile; its lock is in `held` then."""
    from bertdemo.runs.worker import job

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="folder") as executor:
        folder = executor.submit(_receive, held)
        job.warm_up()
        processes.write_atomic(ready_file, str(os.getpid()))
        return folder.result()


def _receive(held: contextlib.ExitStack) -> Path:
    """Wait for a run folder and take its lock at once, or end: a server that is gone needs no spare.

    In a thread of its own, because the imports take seconds, on a busy machine more than the time of grace that
    a launched run has to show its lock.
    """
    line = sys.stdin.readline().strip()
    if not line:
        os._exit(0)
    held.enter_context(processes.hold(Path(line) / "lock"))
    return Path(line)


def _work(folder: Path) -> int:
    from bertdemo.errors import BertDemoError, BugInRun
    from bertdemo.runs import registry
    from bertdemo.runs.worker import job

    registry.note_process(folder, processes.Identity.of())
    run = job.Job(folder, Settings.from_env())
    signal.signal(signal.SIGTERM, lambda *_: run.ask_to_stop())
    try:
        run.run()
    except job.FolderGone:
        return 0  # deleted under our hands: nobody is left to be told
    except BertDemoError as error:
        run.fail(error)
        return EXIT_FAILED
    except Exception:  # the worker's one broad except: whatever happens, the page must be told
        error_id = secrets.token_hex(4)
        print(f"error {error_id}", file=sys.stderr)  # noqa: T201 - the log is where it belongs
        traceback.print_exc()
        run.fail(BugInRun(error_id=error_id))
        return EXIT_FAILED
    return 0


def _redirect_output(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
