"""Appends the events of one attempt, and keeps those that the disk does not take until it does.

A failed write of a progress report must not end a training. What could not be written comes first at the next event,
in its order; only steps and phases, of which there will be more, are given up where too many wait.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from bertdemo.runs import events as ev
from bertdemo.runs.event_log import append_event
from bertdemo.runs.events import RunEvent

# Events that may wait, about 300 bytes each: with five in a second, those of more than half an hour.
_MOST_WAITING = 10_000


class EventWriter:
    """See the module."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[RunEvent] = []

    @property
    def held_up(self) -> bool:
        """Whether events wait for the disk."""
        return bool(self._waiting)

    def write(self, event: RunEvent) -> None:
        """Append an event after those that wait. Raises FileNotFoundError where the run was deleted."""
        self._waiting.append(event)
        was_held_up = len(self._waiting) > 1
        try:
            self.flush()
        except FileNotFoundError:
            raise
        except OSError as error:
            if not was_held_up:
                with contextlib.suppress(OSError):  # the log may be on the same disk
                    print(f"an event could not be written yet: {error}", file=sys.stderr, flush=True)  # noqa: T201
            self._give_up_some()

    def flush(self) -> None:
        """Append what waits; raises OSError where the disk takes nothing."""
        while self._waiting:
            append_event(self._folder, self._waiting[0])
            del self._waiting[0]

    def _give_up_some(self) -> None:
        if len(self._waiting) > _MOST_WAITING:
            again = (at for at, event in enumerate(self._waiting) if isinstance(event, ev.Step | ev.Phase))
            del self._waiting[next(again, 0)]
