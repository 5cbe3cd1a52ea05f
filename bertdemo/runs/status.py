"""A run in figures: what the page draws and `/run_status` answers, derived from a RunView and nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bertdemo.errors import ResumeDiffers
from bertdemo.runs import events as ev
from bertdemo.runs.events import RunEvent, State
from bertdemo.runs.liveness.process_files import EXIT_DISK
from bertdemo.runs.registry import RunView
from bertdemo.runs.request import RunRequest

# More points than a curve 400 pixels wide can show, so thinning loses nothing that could be seen.
CURVE_POINTS = 500
# Share of the work that must be done before the time left is estimated from it: below, the estimate jumps.
_ESTIMATE_FROM = 0.02
# Most that a run without a Finished event shows: the last part is to publish the checkpoint.
_ALMOST_DONE = 0.999
# Message of a run that could only be resumed to other weights.
_DIFFERS = f"error.{ResumeDiffers.key}"
E_ = TypeVar("E_", bound=RunEvent)


@dataclass(frozen=True)
class BaselineScore:
    """What a baseline reached before training."""

    metric: str
    value: float


@dataclass(frozen=True)
class Message:
    """A sentence about a run: its locale key and its parameters."""

    key: str
    values: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class RunStatus:
    """Everything that is shown of a run. Times in seconds, memory in bytes, shares 0 to 1."""

    run_id: str
    name: str
    task: str
    state: State
    stopping: bool
    created: float
    seq: int
    progress: float
    epoch_progress: float
    # The epoch under way, from 1; 0 before the first step.
    epoch: int
    epochs: int
    step: int
    steps: int
    seconds_left: float | None
    rows_per_second: float
    memory_bytes: int
    # `training`, a Phase's name, `fetching`, or "" where nothing is under way.
    phase: str
    phase_progress: float
    started: ev.Started | None
    # (epoch, training loss), at most CURVE_POINTS of them.
    loss: tuple[tuple[float, float], ...]
    evaluations: tuple[ev.Evaluated, ...]
    # The same few held-out rows at each epoch, the first before training; () where the task does not show them.
    watched: tuple[ev.Watched, ...]
    metrics: Mapping[str, Mapping[str, float | None]]
    evaluated_on: str
    evaluated_rows: int
    # The run was stopped before its first evaluation, and its last weights were kept.
    kept_unevaluated: bool
    seconds: float | None
    checkpoint: str
    message: Message | None
    warnings: tuple[Message, ...]
    log: str
    # Kind of baseline -> its score, of those that RunRequest carries.
    baselines: Mapping[str, BaselineScore] = field(default_factory=dict)
    # What a person has written about it.
    note: str = ""
    # The step that an ended run would be resumed from; None where it would start again.
    resume_step: int | None = None
    # Whether it came with the app, so that nobody changes it.
    shipped: bool = False
    # Id of the study that the run belongs to; "" for a run of its own.
    study: str = ""
    # Under which names it is logged to trackio; None where it is not.
    tracked: ev.Tracked | None = None
    # Whether its worker has not answered for so long that a person is offered to force the stop.
    silent: bool = False

    @property
    def headline(self) -> str:
        """The metric that is shown first; "" where nothing was evaluated."""
        return next(iter(self.metrics), "")

    @property
    def stepless(self) -> bool:
        """Whether the run fits a linear probe: it takes no steps, and no epoch is chosen."""
        return self.started is not None and self.started.epochs == 0

    @property
    def resumable(self) -> bool:
        """Whether a person is offered to resume it: one that failed without a checkpoint would only fail again."""
        return self.state in {"interrupted", "cancelled"} or (self.state == "failed" and self.resume_step is not None)

    @property
    def differs(self) -> bool:
        """Whether it was refused to be resumed, because its conditions have changed."""
        return self.message is not None and self.message.key == _DIFFERS

    @property
    def contrastive(self) -> bool:
        """Whether the run tunes the encoder by pairs: it takes steps, but no epoch is chosen."""
        return self.started is not None and self.started.config.get("method") == "contrastive"

    @property
    def chooses_epoch(self) -> bool:
        """Whether the validation set chooses the epoch that is kept."""
        return not (self.stepless or self.contrastive)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ev.ENDED


def status_of(view: RunView) -> RunStatus:
    """Derive the figures of a run."""
    attempt = max((event.attempt for event in view.events), default=1)
    events = [event for event in view.events if event.attempt == attempt]
    history = history_of(view.events)
    started, step = _last(events, ev.Started) or _last(view.events, ev.Started), _last(history, ev.Step)
    finished = _last(events, ev.Finished)
    end = finished or _stopped_end(view)
    steps = [event for event in history if isinstance(event, ev.Step)]
    phase, phase_progress = _phase(events, view.state)
    progress, left = (step.progress, step.seconds_left) if step else _without_steps(started, events)
    epoch = max(1, math.ceil(step.epoch)) if step else 0  # 1.0 is the end of the first epoch
    return RunStatus(
        run_id=view.run_id,
        name=view.name,
        task=view.request.task,
        state=view.state,
        stopping=view.stopping,
        created=view.created,
        seq=view.seq,
        progress=1.0 if finished else progress,
        epoch_progress=_epoch_progress(step, epoch, phase),
        epoch=epoch,
        epochs=started.epochs if started else 0,
        step=step.step if step else 0,
        steps=step.steps if step else started.steps if started else 0,
        seconds_left=left if view.state == "running" else None,
        rows_per_second=step.rows_per_second if step else 0.0,
        memory_bytes=step.memory_bytes if step else 0,
        phase=phase,
        phase_progress=phase_progress,
        started=started,
        loss=thinned([(event.epoch, event.loss) for event in steps], CURVE_POINTS),
        evaluations=tuple(event for event in history if isinstance(event, ev.Evaluated)),
        watched=tuple(event for event in history if isinstance(event, ev.Watched)),
        **_result(end, attempt),
        message=_message(view, events),
        warnings=tuple(Message(event.message, event.values) for event in events if isinstance(event, ev.Warned)),
        log=view.log,
        baselines=_baselines(view.request),
        note=view.note,
        resume_step=view.resume_step,
        shipped=view.shipped,
        study=view.request.study.id if view.request.study else "",
        tracked=_last(view.events, ev.Tracked),
        silent=bool(view.silent_seconds),
    )


def _result(end: ev.Finished | ev.Cancelled | None, attempt: int) -> dict[str, Any]:
    """Return the fields that the last event of a run has, finished or stopped."""
    cancelled = end if isinstance(end, ev.Cancelled) else None
    return {
        "metrics": end.metrics if end else {},
        "evaluated_on": end.evaluated_on if end else "",
        "evaluated_rows": end.rows if end else 0,
        "kept_unevaluated": bool(cancelled and cancelled.checkpoint and not cancelled.evaluated),
        "seconds": end.seconds if end and end.attempt == attempt else None,
        "checkpoint": end.checkpoint if end else "",
    }


def history_of(events: Sequence[RunEvent]) -> list[ev.Step | ev.Evaluated | ev.Watched]:
    """Return the steps and evaluations of all attempts as one unbroken run.

    A resumed attempt repeats the steps after its checkpoint: of each step only the newest attempt counts.
    """
    history: dict[tuple[str, int], ev.Step | ev.Evaluated | ev.Watched] = {}
    for event in events:
        if isinstance(event, ev.Started):
            history = {key: past for key, past in history.items() if past.step <= event.resumed_from}
        elif isinstance(event, ev.Step | ev.Evaluated | ev.Watched):
            history[event.kind, event.step] = event
    return list(history.values())


def _stopped_end(view: RunView) -> ev.Cancelled | None:
    """Return how a run was stopped: of several times the newest that kept a checkpoint, which is still there."""
    stopped = [event for event in view.events if isinstance(event, ev.Cancelled)]
    if view.state not in ev.ENDED:
        return None
    return next((event for event in reversed(stopped) if event.checkpoint), stopped[-1] if stopped else None)


def thinned(points: Sequence[tuple[float, float]], most: int) -> tuple[tuple[float, float], ...]:
    """Return at most `most` points: the means of groups of equal size, and the last point unchanged."""
    if len(points) <= most:
        return tuple(points)
    before = points[:-1]
    size = -(-len(before) // (most - 1))
    groups = [before[start : start + size] for start in range(0, len(before), size)]
    means = [(group[-1][0], sum(value for _, value in group) / len(group)) for group in groups]
    return (*means, points[-1])


def _baselines(request: RunRequest) -> dict[str, BaselineScore]:
    return {
        kind: BaselineScore(str(fields["metric"]), float(value or 0))
        for kind, fields in request.baselines.items()
        if not isinstance(value := fields.get("value", ""), str)
    }


def _last(events: Sequence[RunEvent], cls: type[E_]) -> E_ | None:
    return next((event for event in reversed(events) if isinstance(event, cls)), None)


def _phase(events: Sequence[RunEvent], state: State) -> tuple[str, float]:
    """Return what the worker does now and its progress: the newest Phase, unless a step came after it."""
    if state not in {"running", "queued"}:
        return "", 0.0
    for event in reversed(events):
        if isinstance(event, ev.Phase):
            return event.name, event.progress
        if isinstance(event, ev.Step):
            return "training", 0.0
    return "", 0.0


def _without_steps(started: ev.Started | None, events: Sequence[RunEvent]) -> tuple[float, float | None]:
    """Return progress and seconds left of a linear probe: it reads each row once, to embed or to evaluate it."""
    phase = _last(events, ev.Phase)
    if started is None or phase is None:
        return 0.0, None
    held_out = started.test_rows or started.validation_rows
    embedded = phase.progress if phase.name == "embedding" else 1.0
    evaluated = phase.progress if phase.name == "testing" else float(phase.name == "saving")
    done = (started.train_rows * embedded + held_out * evaluated) / max(1, started.train_rows + held_out)
    elapsed = max(0.0, phase.at - started.at)
    return min(_ALMOST_DONE, done), elapsed * (1 - done) / done if done > _ESTIMATE_FROM else None


def _epoch_progress(step: ev.Step | None, epoch: int, phase: str) -> float:
    """Return the share of the epoch that is done; an epoch that is being evaluated has had all its steps."""
    if step is None:
        return 0.0
    return 1.0 if phase in {"evaluating", "saving", "testing"} else max(0.0, step.epoch - (epoch - 1))


def _message(view: RunView, events: Sequence[RunEvent]) -> Message | None:
    failed = _last(events, ev.Failed)
    if failed:
        return Message(failed.message, failed.values)
    if view.silent_seconds:
        return Message("run.not_responding", {"seconds": int(view.silent_seconds) // 10 * 10})
    if view.state != "interrupted":
        return None
    if view.killed:
        return Message("run.killed_after_stop")
    if view.exit_code == EXIT_DISK:
        return Message("run.interrupted_by_disk")
    if view.exit_code is not None and view.exit_code < 0:
        return Message("run.interrupted_by_signal", {"signal": -view.exit_code})
    if view.exit_code is not None:
        return Message("run.interrupted_with_code", {"code": view.exit_code})
    if _last(events, ev.Started) is None:
        return Message("run.interrupted_before_start")
    return Message("run.interrupted_unseen")
