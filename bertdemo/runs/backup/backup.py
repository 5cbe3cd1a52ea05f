"""Copies what must survive a restart of the machine to `settings.backup`, and brings it back when the server starts.

A run is copied when it is made, at each of its resume checkpoints, and when it has ended; its trained model and a
study when they change. All is written on this machine first and copied as whole files (see `snapshots`). What was
deleted here is deleted there. One thread does all of it, so that no visitor waits for the storage.

Left out is what another process makes anew: locks, encoded rows, and the best weights, which a resume checkpoint has.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from bertdemo.dataset import kept_tokens
from bertdemo.processes import is_held
from bertdemo.runs import shipped
from bertdemo.runs.backup.snapshots import Snapshots, Torn
from bertdemo.runs.resume.checkpoints import newest_step
from bertdemo.settings import Settings

# Seconds between two looks at what has changed: each reads a few names per run.
_TICK = 5.0
# What a run folder has at its top and a copy does not.
_LEFT_OUT = frozenset({"lock", "agent", "writer", "process.json", "encoded", "best", "trainer", kept_tokens.FOLDER})
# Of a run whose worker lives, the only files that tell of a change; a step writes to the others many times a second.
_WATCHED = ("run.json", "notes.json", "deleted", "cancel")
_LOG = logging.getLogger(__name__)

# Changes when a folder has to be copied again.
_Signature = tuple[object, ...]


class Backup:
    """See the module. Does nothing where the settings name no folder."""

    def __init__(self, settings: Settings) -> None:
        self._snapshots = Snapshots(settings.backup) if settings.backup is not None else None
        # In the order of copying: a run that has ended never comes back without its checkpoint.
        self._kinds: dict[str, tuple[Path, Callable[[Path], _Signature]]] = {
            "checkpoints": (settings.trained, _of_files),
            "studies": (settings.studies, _of_files),
            "runs": (settings.runs, _of_run),
        }
        self._shipped = shipped.run_id()
        self._copied: dict[tuple[str, str], _Signature] = {}
        self._closed = threading.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="backup")
        self._copying: Future[None] | None = None
        self._failing = False

    @property
    def on(self) -> bool:
        """Whether there is a folder to copy to."""
        return self._snapshots is not None

    @property
    def failing(self) -> bool:
        """Whether the newest attempt to copy has failed."""
        return self._failing or (self._copying is not None and self._copying.done() and not self._closed.is_set())

    def bring_back(self) -> int:
        """Restore what has a copy and is not here; return how much that was. What is torn is left out and logged."""
        if self._snapshots is None:
            return 0
        missing = [
            (kind, name, home / name)
            for kind, (home, _) in self._kinds.items()
            for name in self._snapshots.names(kind)
            if not (home / name).exists()
        ]
        return sum(_restored(self._snapshots, kind, name, target) for kind, name, target in missing)

    def begin(self) -> None:
        """Start the thread that copies."""
        if self.on:
            self._copying = self._thread.submit(self._loop)

    def close(self) -> None:
        """Copy what has changed since the last look, and end."""
        self._closed.set()
        self._thread.shutdown(wait=True)
        self.copy()

    def copy(self) -> None:
        """Copy what has changed, and remove the copies of what was deleted. A failure is logged and tried again."""
        if self._snapshots is None:
            return
        failing = False
        for kind, (home, signature_of) in self._kinds.items():
            present = {folder.name: folder for folder in _folders(home) if folder.name != self._shipped}
            for name in [name for known, name in self._copied if known == kind and name not in present]:
                self._snapshots.remove(kind, name)
                del self._copied[kind, name]
            for name, folder in present.items():
                failing |= not self._copy(self._snapshots, (kind, name), folder, signature_of)
        self._failing = failing

    def _loop(self) -> None:
        while not self._closed.wait(timeout=_TICK):
            self.copy()

    def _copy(
        self,
        snapshots: Snapshots,
        place: tuple[str, str],
        folder: Path,
        signature_of: Callable[[Path], _Signature],
    ) -> bool:
        """Copy one folder where it has changed; False where the storage refused it."""
        try:
            signature = signature_of(folder)
            if self._copied.get(place) != signature:
                snapshots.save(*place, dict(_files(folder)))
                self._copied[place] = signature
        except FileNotFoundError:  # a checkpoint was rotated away, or the run deleted, just now: the next look sees it
            pass
        except OSError as error:
            if not self._failing:
                _LOG.warning("%s %s was not copied: %s", *place, error)
            return False
        return True


def _restored(snapshots: Snapshots, kind: str, name: str, target: Path) -> bool:
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        snapshots.restore(kind, name, target)
    except (OSError, Torn) as error:
        _LOG.warning("%s %s was not brought back: %s", kind, name, error)
        return False
    return True


def _folders(home: Path) -> list[Path]:
    """Return the folders that are neither half made nor half removed."""
    inside = list(home.iterdir()) if home.is_dir() else []
    return [it for it in inside if it.is_dir() and not it.name.startswith(".")]


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and parts[0] not in _LEFT_OUT and not any(part.startswith(".tmp-") for part in parts):
            yield "/".join(parts), path


def _of_run(folder: Path) -> _Signature:
    """Return what changes at a checkpoint, at an end, and where a person has changed something."""
    watched = tuple(_state(folder / name) for name in _WATCHED)
    ended = None if is_held(folder / "lock") else _state(folder / "events.jsonl")
    return (*watched, newest_step(folder), ended)


def _of_files(folder: Path) -> _Signature:
    """Return the state of all files."""
    return tuple((name, _state(path)) for name, path in _files(folder))


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
