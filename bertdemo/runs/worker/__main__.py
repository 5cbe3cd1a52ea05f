"""The process around a job: take the lock, do the job, say how it ended.

A spare imports torch and transformers, says so in a file and waits on standard input for one run folder. End of
file there means that the server has gone, and so does the spare. Output goes to a file, never into a pipe, so a
dead server does not take a training run with it. SIGTERM to a worker asks it to stop, as the page's button does.
"""

from __future__ import annotations

import os
import secrets
import select
import signal
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bertdemo import processes
from bertdemo.settings import Settings

EXIT_FAILED = 1


def main(arguments: list[str]) -> int:
    """Run one job; return the exit code."""
    if arguments[0] == "--spare":
        line = _wait_warm(Path(arguments[1]))
        if not line:
            return 0
        folder = Path(line)
        os.chdir(folder)
        _redirect_output(folder / "worker.log")
    else:
        folder = Path(arguments[0])
    processes.lower_priority()
    with processes.hold(folder / "lock"):
        return _work(folder)


def _wait_warm(ready_file: Path) -> str:
    """Import what a run needs, then wait for a run folder; "" means that the server has gone."""
    from bertdemo.runs.worker import job

    imported = threading.Event()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="parent") as executor:
        executor.submit(_end_with_parent, imported)
        try:
            job.warm_up()
        finally:
            imported.set()
    processes.write_atomic(ready_file, str(os.getpid()))
    return sys.stdin.readline().strip()


def _end_with_parent(imported: threading.Event) -> None:
    """End at once where the server goes away during the imports, which take seconds of everybody's processor."""
    pipe = select.poll()
    pipe.register(sys.stdin.fileno(), select.POLLIN)
    while not imported.is_set():
        for _, event in pipe.poll(100):
            if event & select.POLLIN:
                return  # a run folder waits in the pipe
            os._exit(0)


def _work(folder: Path) -> int:
    from bertdemo.errors import BertDemoError, BugInRun
    from bertdemo.runs.worker import job

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
