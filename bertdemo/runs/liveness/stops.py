"""Workers that were asked to stop and do not: how long ago, and their end."""

from __future__ import annotations

import time
from pathlib import Path

from bertdemo.processes import kill_session
from bertdemo.runs.liveness import process_files


class Stops:
    """When this server first saw that a run shall stop, by monotonic time: a clock may be set."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}

    def ignored(self, folder: Path, seconds: float) -> bool:
        """Return whether the run in a folder was asked to stop longer ago than that."""
        if not (folder / "cancel").exists():
            self.ended(folder.name)
            return False
        return time.monotonic() - self._seen.setdefault(folder.name, time.monotonic()) > seconds

    def ended(self, run_id: str) -> None:
        """Forget a run."""
        self._seen.pop(run_id, None)


def kill_worker(folder: Path) -> None:
    """Kill the worker of a run that shall stop and does not, and note that the app did it."""
    if (identity := process_files.process_of(folder)) is not None and identity.alive():
        process_files.note_killed(folder)
        kill_session(identity)
