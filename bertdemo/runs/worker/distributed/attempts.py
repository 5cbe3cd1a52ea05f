"""Which attempt rank 0 works on: torchrun starts the processes again without asking the server.

A killed process costs an attempt: the next one goes on from the newest resume checkpoint. So each attempt still has one
ending at most. An error of another rank is left in a file, because only rank 0 may append to the events.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bertdemo.errors import BertDemoError, from_key
from bertdemo.processes import write_atomic
from bertdemo.runs import events as ev
from bertdemo.runs.event_log import append_event

if TYPE_CHECKING:
    from bertdemo.runs.events import RunEvent

_ENDINGS = (ev.Finished, ev.Cancelled, ev.Failed)
_ERROR_FILE = "rank-error.json"


def read(folder: Path) -> list[RunEvent]:
    """Return the events of a run."""
    return ev.parse((folder / "events.jsonl").read_text(encoding="utf-8", errors="replace"))


def newest(events: Sequence[RunEvent]) -> int:
    """Return the number of the newest attempt."""
    return max((event.attempt for event in events), default=1)


def ended(events: Sequence[RunEvent]) -> bool:
    """Return whether the newest attempt has its ending."""
    return any(isinstance(event, _ENDINGS) for event in events if event.attempt == newest(events))


def begin(folder: Path, *, restarted: bool) -> bool:
    """Make the newest attempt one that this process may work on; return whether there is something to do.

    Processes that torchrun has `restarted` go on with a run that has begun, and leave one alone that has ended. Ones
    that a person starts go on with a stopped or failed run too.
    """
    events = read(folder)
    if (error := take_error(folder)) is not None and restarted and not ended(events):
        fail(folder, error)
        return False
    if ended(events):
        finished = any(isinstance(event, ev.Finished) for event in events)
        if restarted or finished:
            return False
        (folder / "cancel").unlink(missing_ok=True)
    current = [type(event) for event in events if event.attempt == newest(events)]
    if ended(events) or ev.Started in current:
        _launch(folder, events, newest(events) + 1)
    elif ev.Launched not in current:
        _launch(folder, events, newest(events))
    return True


def fail(folder: Path, error: BertDemoError) -> None:
    """End the newest attempt with Failed, where it has no ending."""
    events = read(folder)
    if not ended(events):
        message, values = error.message_key, dict(error.values)
        append_event(folder, ev.Failed(_next(events), newest(events), time.time(), message=message, values=values))


def cancel(folder: Path) -> None:
    """End the newest attempt, of which no step was taken, with Cancelled."""
    events = read(folder)
    if not ended(events):
        ending = ev.Cancelled(_next(events), newest(events), time.time(), checkpoint="", evaluated=False, step=0)
        append_event(folder, ending)


def note_error(folder: Path, error: BertDemoError) -> None:
    """Leave the error of another rank than 0 where the next rank 0 finds it."""
    write_atomic(folder / _ERROR_FILE, json.dumps({"message": error.message_key, "values": dict(error.values)}))


def take_error(folder: Path) -> BertDemoError | None:
    """Return the error that another rank has left, and forget it."""
    try:
        raw = json.loads((folder / _ERROR_FILE).read_text(encoding="utf-8"))
        (folder / _ERROR_FILE).unlink()
        return from_key(str(raw["message"]), dict(raw["values"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _launch(folder: Path, events: Sequence[RunEvent], attempt: int) -> None:
    append_event(folder, ev.Launched(_next(events), attempt, time.time()))


def _next(events: Sequence[RunEvent]) -> int:
    return max((event.seq for event in events), default=0) + 1
