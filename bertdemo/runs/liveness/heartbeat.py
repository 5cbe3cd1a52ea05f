"""The heartbeat of a worker: a thread of it writes a small file every five seconds, and servers watch it change.

That the file changes proves that the process lives; that the step in it changes, that the training goes on. A server
times both by its own clock that never jumps, from the moment when it saw the last change: so a clock that is set, and a
server that starts anew, make no worker look dead.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bertdemo.device import memory_in_use
from bertdemo.runs import events as ev
from bertdemo.runs.events import RunEvent

FILE = "heartbeat.json"
# Seconds between two beats.
INTERVAL = 5.0
# Seconds without a beat, or without a step, after which a worker is said not to respond: a disk that writes a
# checkpoint, or a tokenizer that holds the interpreter, may take a good part of a minute.
_SILENT_SECONDS = 60.0
# Training that takes long per step may be silent for as long as this many of its steps.
_SILENT_STEPS = 20
# The newest steps whose median counts.
_STEPS_LOOKED_AT = 50
# Runs whose beats are remembered; more than train at a time on one machine.
_REMEMBERED = 64


@dataclass(frozen=True)
class Beat:
    """One beat."""

    count: int
    step: int
    phase: str
    """`training`, or the name of the phase."""
    memory_bytes: int
    """Resident memory of the worker."""

    @classmethod
    def read(cls, folder: Path) -> Beat | None:
        """Return the newest beat of a run; None where there is none, or none that can be read."""
        try:
            return TypeAdapter(cls).validate_json((folder / FILE).read_bytes())
        except (OSError, ValidationError):
            return None


class Heart:
    """The thread that beats while the block of `beating` runs; `note` tells it what the worker does."""

    def __init__(self, folder: Path, interval: float = INTERVAL) -> None:
        self._folder, self._interval = folder, interval
        self._step, self._phase, self._count = 0, "", 0
        self._stopped = threading.Event()

    def note(self, event: RunEvent) -> None:
        """Take in an event of the worker."""
        if isinstance(event, ev.Step):
            self._step, self._phase = event.step, "training"
        elif isinstance(event, ev.Phase):
            self._phase = event.name

    @contextlib.contextmanager
    def beating(self) -> Iterator[None]:
        """Beat at once, and then until the block ends."""
        thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            thread.join()
            (self._folder / FILE).unlink(missing_ok=True)

    def _beat(self) -> None:
        while True:
            self._count += 1
            self._write(Beat(self._count, self._step, self._phase, memory_in_use("cpu")))
            if self._stopped.wait(self._interval):
                return

    def _write(self, beat: Beat) -> None:
        """Write the file, whole but not synced: after a power failure nobody asks for it."""
        draft = self._folder / f".tmp-{FILE}"
        with contextlib.suppress(OSError):  # a full disk, or a run that was deleted: the worker learns of it elsewhere
            draft.write_text(json.dumps(asdict(beat)), encoding="utf-8")
            draft.replace(self._folder / FILE)


@dataclass(frozen=True)
class _Seen:
    """The newest beat of a run, and when this server first saw its count and what it does."""

    beat: Beat
    counted: float
    moved: float


class Pulses:
    """The beats of runs as this server sees them. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._guard = threading.Lock()

    def silent_seconds(self, folder: Path, events: Sequence[RunEvent]) -> float:
        """Return for how long the worker of a run has not responded; 0.0 where it is not long enough to say so.

        It does not respond where it does not beat, or where it trains and takes no step. One without a heartbeat, such
        as that of an earlier version, is never said not to respond.
        """
        beat = Beat.read(folder)
        if beat is None:
            return 0.0
        seen, now = self._look(folder.name, beat)
        silent = now - seen.counted
        if beat.phase == "training":
            silent = max(silent, now - seen.moved)
        return silent if silent > patience(events) else 0.0

    def _look(self, run: str, beat: Beat) -> tuple[_Seen, float]:
        now = self._clock()
        with self._guard:
            before = self._seen.pop(run, None)
            counted = before.counted if before and before.beat.count == beat.count else now
            same_place = before and (before.beat.step, before.beat.phase) == (beat.step, beat.phase)
            moved = before.moved if before and same_place else now
            seen = self._seen[run] = _Seen(beat, counted, moved)
            for oldest in list(self._seen)[:-_REMEMBERED]:
                del self._seen[oldest]
        return seen, now


def patience(events: Sequence[RunEvent]) -> float:
    """Return the seconds after which a silent worker is said not to respond."""
    times = [event.at for event in events if isinstance(event, ev.Step)][-_STEPS_LOOKED_AT:]
    steps = [after - before for before, after in pairwise(times)]
    return max(_SILENT_SECONDS, _SILENT_STEPS * statistics.median(steps)) if steps else _SILENT_SECONDS
