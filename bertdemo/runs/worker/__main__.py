"""The process around a job: take the lock, do the job, say how it ended.

A spare imports torch and transformers, says so in a file and waits on standard input for one run folder. End of
file there means that the server has gone, and so does the spare. Output goes to a file, never into a pipe, so a
dead server does not take a training run with it.
"""

from __future__ import annotations

import os
import secrets
import sys
import traceback
from pathlib import Path

from bertdemo import processes
from bertdemo.settings import Settings

EXIT_FAILED = 1


def main(arguments: list[str]) -> int:
    """Run one job; return the exit code."""
    if arguments[0] == "--spare":
        from bertdemo.runs.worker import job

        job.warm_up()
        processes.write_atomic(Path(arguments[1]), str(os.getpid()))
        line = sys.stdin.readline().strip()
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


def _work(folder: Path) -> int:
    from bertdemo.errors import BertDemoError, BugInRun
    from bertdemo.runs.worker import job

    run = job.Job(folder, Settings.from_env())
    try:
        run.run()
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
