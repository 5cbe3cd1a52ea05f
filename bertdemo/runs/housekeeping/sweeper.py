"""Removes what nobody will ask for again: when the server starts, and once an hour.

Gradio deletes files of its own process only, and knows nothing of an upload that was broken off. So what a killed
server leaves behind would stay for ever. Everything goes by age, in folders of ours alone; what lies in the folder of a
run goes only while no worker holds that run.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bertdemo.processes import is_held
from bertdemo.settings import Settings

_LOG = logging.getLogger(__name__)
# Seconds between two sweeps.
_INTERVAL = 3600.0
# Uploads and results stay a day, as the page says of them (Blocks.delete_cache).
_FILE_SECONDS = 86_400.0
# An upload, a draft or a half-deleted folder that nobody has touched for an hour belongs to a process that died.
_DRAFT_SECONDS = 3600.0
_DRAFTS = (".tmp-", ".trash-")
# What Gradio names a file that is still being uploaded.
_UPLOADING = "tmp"
# Logs beside the run folders: above this size the older part goes. A spare worker writes a few lines.
_LOG_BYTES = 1_000_000
_LOG_KEPT = 200_000


class Sweeper:
    """See the module."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="sweeper", daemon=True)

    def begin(self) -> None:
        """Sweep now, and then once an hour."""
        self._thread.start()

    def close(self) -> None:
        """Sweep no more."""
        self._closed.set()

    def sweep(self) -> None:
        """Remove what is old; what cannot be removed is left for the next time."""
        now = time.time()
        for path in _entries(self._settings.uploads):
            unfinished = path.name.startswith((_UPLOADING, *_DRAFTS)) and not path.is_dir()
            _remove_older(path, now - (_DRAFT_SECONDS if unfinished else _FILE_SECONDS))
        for folder in (self._settings.home, self._settings.runs, self._settings.trained, self._settings.studies):
            for path in _entries(folder):
                if path.name.startswith(_DRAFTS):
                    _remove_older(path, now - _DRAFT_SECONDS)
        for run in _entries(self._settings.runs):
            if run.is_dir() and not is_held(run / "lock"):
                for path in _entries(run):
                    if path.name.startswith(_DRAFTS):
                        _remove_older(path, now - _DRAFT_SECONDS)
        for log in self._settings.home.glob("*.log"):
            _shorten(log)

    def _loop(self) -> None:
        while True:
            try:
                self.sweep()
            except OSError:  # a disk that fails: the next sweep looks again
                _LOG.exception("sweeping was disturbed")
            if self._closed.wait(_INTERVAL):
                return


def _entries(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder, no links: nothing outside is ever touched."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        yield from [Path(entry.path) for entry in os.scandir(folder) if not entry.is_symlink()]


def _remove_older(path: Path, moment: float) -> None:
    """Remove a file, or a folder with everything in it, where nothing of it was changed since."""
    with contextlib.suppress(OSError):
        if _changed(path) >= moment:
            return
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _changed(path: Path) -> float:
    """Return when the newest file in it was changed."""
    inside = [item.lstat().st_mtime for item in path.rglob("*")] if path.is_dir() else []
    return max([path.lstat().st_mtime, *inside])


def _shorten(log: Path) -> None:
    """Cut off the older part of a log that has grown too long; its writer appends."""
    with contextlib.suppress(OSError):
        status = log.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size <= _LOG_BYTES:
            return
        with log.open("r+b") as file:
            file.seek(-_LOG_KEPT, os.SEEK_END)
            tail = file.read()
            file.seek(0)
            file.truncate()
            file.write(tail[tail.find(b"\n") + 1 :])
