"""The file that holds the events of a run: appended to, read forward, or read at both ends only."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path

from bertdemo.faults import fault
from bertdemo.runs import events as ev
from bertdemo.runs.events import RunEvent

# Bytes read from either end of events.jsonl to know how a run ended: they hold Started, or eight Steps.
_END_BYTES = 4096


class EventLog:
    """One events file, read forward: only what is new is parsed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._inode = 0
        self._events: list[RunEvent] = []
        self._guard = threading.Lock()

    def read(self) -> tuple[RunEvent, ...]:
        """Return all events so far."""
        with self._guard:
            try:
                self._read_on()
            except FileNotFoundError:
                return ()
            except OSError:  # a folder in its place, a disk that fails: what was read before still holds
                pass
            return tuple(self._events)

    def _read_on(self) -> None:
        status = self._path.stat()
        if status.st_ino != self._inode or status.st_size < self._offset:
            self._inode, self._offset, self._events = status.st_ino, 0, []
        if status.st_size > self._offset:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                new = file.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._offset += len(whole)
            self._events.extend(ev.parse(whole.decode("utf-8", errors="replace")))


def append_event(folder: Path, event: RunEvent) -> None:
    """Append one line with one write; after a torn line, start a new one first."""
    path = folder / "events.jsonl"
    line = ev.to_line(event).encode("utf-8")
    fault("event")
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        while line:
            line = line[os.write(descriptor, line) :]
    finally:
        os.close(descriptor)


def ends_of(path: Path, held: bool) -> tuple[RunEvent, ...] | None:
    """Return the first and the last events of a file, all of a short one; None where they do not show its end.

    `held` tells whether a worker holds the run's lock.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(2 * _END_BYTES if size <= 2 * _END_BYTES else _END_BYTES)
            file.seek(max(len(head), size - _END_BYTES))
            tail = file.read(_END_BYTES)
    except OSError:  # not there, or a folder in its place
        return ()
    first = ev.parse(head.decode("utf-8", errors="replace"))
    if size <= 2 * _END_BYTES:
        return tuple(first)
    last = ev.parse(tail[tail.find(b"\n") + 1 :].decode("utf-8", errors="replace"))
    events = (*first, *last)
    return events if last and _tells_end(events, held) else None


def _tells_end(events: Sequence[RunEvent], held: bool) -> bool:
    """Return whether these events say that the run has ended, or its worker died, whatever is between them."""
    newest = events[-1]
    started = any(isinstance(event, ev.Started) and event.attempt == newest.attempt for event in events)
    return isinstance(newest, ev.Finished | ev.Cancelled | ev.Failed) or (started and not held)
