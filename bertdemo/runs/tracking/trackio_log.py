"""The figures of a run, logged to trackio as well where the operator wants that.

trackio is not among the requirements. It writes into a folder of this home and sends nothing: a worker runs offline,
and none of the variables that make trackio send something are passed to it. `events.jsonl` stays the only truth: a
resumed run adds to its trackio run what is missing there, and no figure twice. A trackio that is absent or broken costs
one warning, and never the run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bertdemo.runs import events as ev
from bertdemo.runs.events import RunEvent
from bertdemo.runs.request import RunRequest
from bertdemo.runs.status import history_of
from bertdemo.settings import Settings

PROJECT = "bertdemo"
# The newest version that was tried with the pinned requirements.
VERSION = "0.43.0"
# Figures of a step that say something of the training; `progress` and `seconds_left` are estimates for the page.
_STEP = ("epoch", "loss", "learning_rate", "grad_norm", "rows_per_second", "memory_bytes")
_FACTS = ("train_rows", "validation_rows", "test_rows", "device_name", "precision")
_ENDS = ("Finished", "Cancelled", "Failed")
_LOG = logging.getLogger(__name__)
# What one event adds: name of a figure -> its value.
Figures = Mapping[str, float]


class TrackioLog:
    """One attempt at a run as trackio sees it; a run has the same name there as here: its id."""

    def __init__(self, settings: Settings, run: str, request: RunRequest, past: Sequence[RunEvent]) -> None:
        """`past` are the events of earlier attempts."""
        self._folder = settings.tracked
        self._run, self._request, self._past = run, request, past
        self._wanted = settings.trackio
        self._started: Mapping[str, Any] | None = None
        self._step = 0
        self._logged = set[tuple[int, str]]()
        self._open: Any = None

    def log(self, kind: str, fields: Mapping[str, Any], emit: Callable[..., None]) -> None:
        """Log what an event adds, before the event is written: emits Tracked once, or Warned once.

        trackio is opened with the first figures after Started, and closed by the event that ends the run.
        """
        if not self._wanted:
            return
        if kind == "Started":
            self._started, self._step = fields, int(fields.get("resumed_from", 0))
        elif self._started is not None and (kind in _ENDS or kind in {"Step", "Evaluated"}):
            was_open = self._open is not None
            try:
                self._add(kind, fields, self._started)
            except ImportError as error:
                self._give_up("warning.trackio_missing", error, emit)
            except Exception as error:  # a run must not depend on whatever another library may raise
                self._give_up("warning.trackio_broken", error, emit)
            if self._open is not None and not was_open:
                emit("Tracked", project=PROJECT, run=self._run)

    def _give_up(self, message: str, error: Exception, emit: Callable[..., None]) -> None:
        self._wanted = False
        _LOG.warning("not logged to trackio", exc_info=error)
        emit("Warned", message=message, values={"version": VERSION, "error": type(error).__name__})

    def _add(self, kind: str, fields: Mapping[str, Any], started: Mapping[str, Any]) -> None:
        if self._open is None:
            self._begin(started)
        if kind in {"Step", "Evaluated"}:
            self._step = int(fields["step"])
        self._write(self._step, figures_of(kind, fields))  # the result belongs to the last step
        if kind in _ENDS:
            self._open.finish()

    def _begin(self, started: Mapping[str, Any]) -> None:
        """Open the trackio run, and add what an attempt that was killed has not written any more."""
        import trackio
        from trackio.sqlite_storage import SQLiteStorage

        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stored: Iterable[Mapping[str, Any]] = SQLiteStorage.get_logs(PROJECT, self._run)
        self._logged = {(int(entry["step"]), name) for entry in stored for name in entry if entry["step"] is not None}
        self._open = trackio.init(
            project=PROJECT,
            name=self._run,
            group=self._request.data_name,
            config=self._config(started),
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
        for event in history_of(self._past):
            if isinstance(event, ev.Step | ev.Evaluated) and event.step <= self._step:
                self._write(event.step, figures_of(type(event).__name__, asdict(event)))

    def _config(self, started: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings as they are used, and what the run is about; no text of a data set."""
        request = self._request
        about = {"task": request.task, "data": request.data_name, "checkpoint": request.checkpoint}
        return {**about, **{name: started[name] for name in _FACTS}, **started["config"]}

    def _write(self, step: int, figures: Figures) -> None:
        new = {name: value for name, value in figures.items() if (step, name) not in self._logged}
        if new:
            self._open.log(new, step=step)
            self._logged.update((step, name) for name in new)


def figures_of(kind: str, fields: Mapping[str, Any]) -> Figures:
    """Return what an event of this kind adds: `train/loss`, `validation/accuracy`, `final_test/accuracy_low`."""
    if kind == "Step":
        return {f"train/{name}": fields[name] for name in _STEP}
    if kind == "Evaluated":
        own = {"epoch": fields["epoch"], "loss": fields["loss"], **fields["metrics"]}
        return {f"validation/{name}": value for name, value in own.items()}
    return {
        f"final_{fields['evaluated_on']}/{name}{'' if end == 'value' else f'_{end}'}": value
        for name, score in fields.get("metrics", {}).items()
        for end, value in score.items()
        if value is not None
    }
