"""The workers that this server has started: which of them still live, and what became of the others.

A worker that is killed gives up its lock a moment before its parent can know its exit code. Until then it counts as
alive, so that no page tells a wrong cause in that moment.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bertdemo.runs import events as ev
from bertdemo.runs.events import RunEvent, State
from bertdemo.runs.liveness import process_files

Reap = Callable[[], list[tuple[Path, int]]]


class OwnRuns:
    """See the module. Safe to use from several threads."""

    def __init__(self) -> None:
        self._reap: Reap = list
        self._launched: dict[str, float] = {}  # run id to the time by the clock that never jumps
        self._codes: dict[Path, int] = {}  # exit codes that a full disk has not taken yet
        self._guard = threading.Lock()

    def reaped_by(self, reap: Reap) -> None:
        """Ask `reap` for (folder, exit code) of each worker that has ended since it was asked before."""
        self._reap = reap

    def launched(self, run_id: str) -> None:
        """Note that a worker was started for a run."""
        with self._guard:
            self._launched[run_id] = time.monotonic()

    def look(self) -> None:
        """Store the exit codes of the workers that have ended; what the disk does not take now, at the next look."""
        with self._guard:
            for folder, code in self._reap():
                self._codes[folder] = code
                self._launched.pop(folder.name, None)
            for folder, code in list(self._codes.items()):
                with contextlib.suppress(OSError):
                    process_files.note_exit(folder, code)
                    del self._codes[folder]

    def exit_code(self, folder: Path) -> int | None:
        """Return the exit code of the newest attempt, None where this server knows none."""
        with self._guard:
            code = self._codes.get(folder)
        return process_files.exit_code(folder) if code is None else code

    def now(self, run_id: str, events: Sequence[RunEvent]) -> float:
        """Return the time by which a launched run is late, which a clock that is set does not change."""
        launched = next((event for event in reversed(events) if isinstance(event, ev.Launched)), None)
        with self._guard:
            since = self._launched.get(run_id)
        return time.time() if since is None or launched is None else launched.at + time.monotonic() - since

    def state(self, folder: Path, events: Sequence[RunEvent], *, lock_held: bool) -> tuple[State, int | None]:
        """Return the state of a run and the exit code of its worker, None where this server knows none."""
        code = self.exit_code(folder)
        now = self.now(folder.name, events)
        state = ev.state_of(events, lock_held=lock_held, exit_code=code, now=now)
        if state != "interrupted" or code is not None or process_files.process_of(folder) is None:
            return state, code
        self.look()
        code = self.exit_code(folder)
        with self._guard:
            lives = folder.name in self._launched
        if code is None and lives:
            return ev.state_of(events, lock_held=True, exit_code=None, now=now), None
        return state, code
