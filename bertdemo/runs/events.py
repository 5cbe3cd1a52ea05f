"""The events of a run, and the one function that turns them into a state.

The worker appends one JSON object per line to `events.jsonl`; nobody else does while it lives. Every event has
`seq` (grows by one), `attempt` (which worker at this run, from 1) and `at` (seconds since the epoch, for people;
the order is by `seq`). A last line without its newline is not there yet. Each line ends with a checksum of itself, so
that a damaged one is skipped and nothing is invented. Unknown kinds are skipped, so an older server reads a newer run.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from typing import Annotated, ClassVar, Literal

from pydantic import Strict, TypeAdapter

State = Literal["queued", "starting", "running", "finished", "cancelled", "failed", "interrupted"]
ENDED: frozenset[State] = frozenset({"finished", "cancelled", "failed", "interrupted"})

# Seconds that a launched worker may take to hold its lock, which it does before or during its heavy imports.
START_GRACE = 15.0
# The end of a line: the checksum of the object without it.
_CHECKSUM = re.compile(r', "crc": "([0-9a-f]{8})"}$')


@dataclass(frozen=True)
class RunEvent:
    """Base of all events."""

    seq: Annotated[int, Strict()]
    attempt: Annotated[int, Strict()]
    at: Annotated[float, Strict()]
    kind: ClassVar[str] = ""


@dataclass(frozen=True)
class Queued(RunEvent):
    """The server has written the run folder, or somebody wants a run resumed; it waits for its device."""

    kind = "queued"
    # Whether a resumed run may go on under other conditions, so that its result is not exact.
    not_exact: bool = False


@dataclass(frozen=True)
class Launched(RunEvent):
    """The dispatcher has given the run to a worker."""

    kind = "launched"
    # True where a spare worker with its imports done took it.
    warm: bool = False


@dataclass(frozen=True)
class Started(RunEvent):
    """The worker has read the data and built the model; `config` holds the settings with their defaults resolved.

    A linear probe takes no steps: its `steps` and `epochs` are 0.
    """

    kind = "started"
    steps: int
    epochs: int
    train_rows: int
    validation_rows: int
    test_rows: int
    labels: tuple[str, ...]
    # Trivial baseline on the validation set: where a row has one label, the share of the most frequent one.
    majority: float | None
    device: str
    device_name: str
    precision: str
    config: Mapping[str, object] = field(default_factory=dict)
    # The metric that chooses the epoch; events from before it was stored were all of accuracy.
    metric: str = "accuracy"
    lower_is_better: bool = False
    # The step of the resume checkpoint that this attempt goes on from; 0 where it starts at the beginning.
    resumed_from: int = 0
    # Seconds that the whole run was expected to take; None where the speed of the device was not known.
    predicted_seconds: float | None = None


@dataclass(frozen=True)
class Step(RunEvent):
    """One optimizer step."""

    kind = "step"
    step: int
    steps: int
    # Epochs done, as a fraction: 1.5 is the middle of the second.
    epoch: float
    loss: float
    learning_rate: float
    grad_norm: float
    # Share of the whole run that is done, 0 to 1.
    progress: float
    seconds_left: float
    rows_per_second: float
    # Device memory in use; on a CPU the worker's resident memory.
    memory_bytes: int

    def __post_init__(self) -> None:
        if not 0 <= self.progress <= 1:
            raise ValueError(f"progress {self.progress} is not within 0..1")
        if not (math.isfinite(self.seconds_left) and self.seconds_left >= 0):
            raise ValueError(f"seconds_left {self.seconds_left} is not a time")


@dataclass(frozen=True)
class Phase(RunEvent):
    """What the worker does apart from steps, with the share of it that is done.

    `evaluating`, `saving`, `testing`; for a linear probe also `embedding` and `fitting`. The server itself appends
    `fetching` while it downloads the checkpoint of a queued run.
    """

    kind = "phase"
    name: str
    progress: float


@dataclass(frozen=True)
class Evaluated(RunEvent):
    """Metrics on the validation set after an epoch."""

    kind = "evaluated"
    step: int
    epoch: float
    loss: float
    metrics: Mapping[str, float]
    best: bool


@dataclass(frozen=True)
class WatchedRow:
    """One held-out row and its prediction; `degree` is {kind, value} as in `tasks.results.Degree`."""

    row: int
    text: str
    pair: str
    label: str
    predicted: str
    degree: Mapping[str, str | float]
    right: bool


@dataclass(frozen=True)
class Watched(RunEvent):
    """The predictions for a few held-out rows, the same rows each time; epoch 0 is before training."""

    kind = "watched"
    step: int
    epoch: float
    rows: tuple[WatchedRow, ...]


@dataclass(frozen=True)
class Saved(RunEvent):
    """The best weights so far are on disk."""

    kind = "saved"
    step: int
    path: str


@dataclass(frozen=True)
class Tracked(RunEvent):
    """The run is logged to trackio too, under these names."""

    kind = "tracked"
    project: str
    run: str


@dataclass(frozen=True)
class Warned(RunEvent):
    """Something a person should know; `message` is a locale key."""

    kind = "warned"
    message: str
    values: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Finished(RunEvent):
    """The run is complete; `metrics` is {name: {value, low, high}}, the ends None where there is no interval."""

    kind = "finished"
    checkpoint: str
    metrics: Mapping[str, Mapping[str, float | None]]
    # `test`, or `validation` where there is no test set: then the same rows chose the epoch.
    evaluated_on: str
    rows: int
    seconds: float


@dataclass(frozen=True)
class Cancelled(RunEvent):
    """Stopped by a person; `checkpoint` is "" where no weights were kept, `evaluated` tells whether they were."""

    kind = "cancelled"
    checkpoint: str
    evaluated: bool
    step: int
    metrics: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    evaluated_on: str = ""
    rows: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Failed(RunEvent):
    """The run could not go on; `message` is an `error.*` locale key."""

    kind = "failed"
    message: str
    values: Mapping[str, str | int | float] = field(default_factory=dict)


KINDS: dict[str, type[RunEvent]] = {cls.kind: cls for cls in RunEvent.__subclasses__()}


def to_line(event: RunEvent) -> str:
    """Return the event as one line of JSON with its newline. A number that is not finite is an error."""
    text = json.dumps({"kind": event.kind, **asdict(event)}, ensure_ascii=False, allow_nan=False)
    return f'{text[:-1]}, "crc": "{_checksum(text)}"}}\n'


def from_line(line: str) -> RunEvent | None:
    """Read one line; None for a damaged line or a kind that this version does not know."""
    try:
        raw = json.loads(line)
        return _reader(raw["kind"]).validate_python(raw) if _is_whole(line, raw) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _is_whole(line: str, raw: Mapping[str, object]) -> bool:
    """Return whether a line is as it was written.

    Earlier versions wrote no checksum. Their lines have the fields of their kind and no others, so a line whose
    checksum was damaged beyond recognition does not pass for one of them.
    """
    if match := _CHECKSUM.search(line):
        return _checksum(line[: match.start()] + "}") == match[1]
    return set(raw) <= {"kind", *(field.name for field in fields(KINDS[str(raw["kind"])]))}


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode('utf-8', 'surrogatepass')):08x}"


@lru_cache(maxsize=len(KINDS))
def _reader(kind: str) -> TypeAdapter[RunEvent]:
    return TypeAdapter(KINDS[kind])


def parse(text: str) -> list[RunEvent]:
    """Read all whole lines of an events file, in the order of `seq`."""
    whole = text[: text.rfind("\n") + 1]
    # Not splitlines: a label may hold U+2028 and its like, which JSON leaves as they are.
    events = [event for line in whole.split("\n") if (event := from_line(line)) is not None]
    return sorted(events, key=lambda event: event.seq)


def state_of(events: Sequence[RunEvent], *, lock_held: bool, exit_code: int | None, now: float) -> State:
    """Derive the state; the newest attempt decides.

    `exit_code` is the worker's where this server is its parent and it has ended, else None; `now` is in seconds
    since the epoch. A terminal event counts at once, a lost lock after Started too; a launched worker has
    START_GRACE seconds to take its lock.
    """
    if not events:
        return "interrupted"
    attempt = max(event.attempt for event in events)
    current = [event for event in events if event.attempt == attempt]
    last = {event.kind: event for event in current}
    terminal: tuple[State, ...] = ("finished", "cancelled", "failed")
    for state in terminal:
        if state in last:
            return state
    if "started" in last:
        return "running" if lock_held else "interrupted"
    if "launched" not in last:
        return "queued"
    if lock_held:
        return "starting"
    # A time before the launch means that the clock was set back since: nobody waits for it to catch up.
    seconds_since_launch = abs(now - last["launched"].at)
    return "starting" if exit_code is None and seconds_since_launch < START_GRACE else "interrupted"
