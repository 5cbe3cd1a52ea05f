"""Ways to bring a worker to life for a run folder, behind one interface."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from typing import Protocol


class Launcher(Protocol):
    """Starts workers. The run folder is all that a worker gets, and all that it answers with."""

    def launch(self, folder: Path) -> bool:
        """Give the folder to a worker; return whether it was warm."""

    def slot(self, device: str) -> str:
        """Return what a run on this device occupies: of the runs with the same answer one trains at a time."""

    def is_warm(self) -> bool:
        """Return whether a worker with its imports done waits for the next run."""

    def warm(self) -> None:
        """Prepare for the next run, where that is possible."""

    def reap(self) -> list[tuple[Path, int]]:
        """Return (folder, exit code) of every worker that has ended since the last call."""

    def close(self) -> None:
        """Let go of what is only prepared. Running workers go on."""


class Children:
    """The processes that a launcher has started, each for a run folder. Safe to use from several threads."""

    def __init__(self) -> None:
        self._working: list[tuple[Path, subprocess.Popen[bytes]]] = []
        self._guard = threading.Lock()

    def add(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        """Note that this process works on the folder."""
        with self._guard:
            self._working.append((folder, process))

    def reap(self) -> list[tuple[Path, int]]:
        """Collect those that have ended, so that none stays a zombie; return (folder, exit code) of each."""
        with self._guard:
            ended = [(folder, process.returncode) for folder, process in self._working if process.poll() is not None]
            self._working = [(folder, process) for folder, process in self._working if process.returncode is None]
        return ended
