"""Which process works on a run, the code that it ended with, and whether this app has killed it.

process.json     pid and start time, written by the worker
exit.json        the exit code, where a server saw the worker end
killed           present where the app has killed the worker, because it did not stop when it was asked to
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from bertdemo.processes import Identity, write_atomic

# Exit code of a worker that could not write down how it ended, because the disk took nothing.
EXIT_DISK = 4
_PROCESS, _EXIT, _KILLED = "process.json", "exit.json", "killed"
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError)


def note_process(folder: Path, identity: Identity) -> None:
    """Store which process works on the run, so that one that hangs after a stop can be ended."""
    write_atomic(folder / _PROCESS, json.dumps({"pid": identity.pid, "started": identity.started}))


def process_of(folder: Path) -> Identity | None:
    """Return the process that works on a run, or has worked on it; None where that is not known."""
    try:
        process = json.loads((folder / _PROCESS).read_text(encoding="utf-8"))
        return Identity(int(process["pid"]), float(process["started"]))
    except _UNREADABLE:
        return None


def note_exit(folder: Path, code: int) -> None:
    """Store the exit code of a worker that this server saw end."""
    with contextlib.suppress(FileNotFoundError):  # the run was deleted meanwhile
        write_atomic(folder / _EXIT, json.dumps({"code": code}))


def exit_code(folder: Path) -> int | None:
    """Return the exit code of the newest attempt, None where no server saw its worker end."""
    try:
        return int(json.loads((folder / _EXIT).read_text(encoding="utf-8"))["code"])
    except _UNREADABLE:
        return None


def note_killed(folder: Path) -> None:
    """Note that the app kills the worker; before it does, so that no other cause is told meanwhile."""
    with contextlib.suppress(OSError):  # deleted meanwhile, or a full disk: it is killed all the same
        (folder / _KILLED).touch(mode=0o600)


def was_killed(folder: Path) -> bool:
    """Return whether the app has killed the worker of the newest attempt."""
    return (folder / _KILLED).exists()


def forget(folder: Path) -> None:
    """Forget what is known of the attempt before, as another one begins."""
    for name in (_PROCESS, _EXIT, _KILLED):
        (folder / name).unlink(missing_ok=True)
