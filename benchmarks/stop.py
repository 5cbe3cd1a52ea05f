"""How soon a Stop has taken effect: pressed during a training step, during evaluation, during saving.

The clock runs from the flag to the run's last event, so it holds what is done with the weights that are kept.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.row import Row
from bertdemo import samples
from bertdemo.run_config import RunConfig
from bertdemo.runs import events as ev
from bertdemo.runs.request import RunRequest
from bertdemo.services import Services

TURNS = 3
_TRAIN_ROWS, _HELD_OUT_ROWS = 100, 1_500
_HANG = 300.0

_Seen = Callable[[Sequence[ev.RunEvent]], bool]


def limits(services: Services) -> list[Row]:
    """Stop the default run of the bundled model in each of the three, `TURNS` times."""
    cases: tuple[tuple[str, float, _Seen], ...] = (
        ("during a training step", 5.0, lambda events: any(isinstance(it, ev.Step) and it.step >= 4 for it in events)),
        ("during evaluation", 10.0, lambda events: _phase(events, "evaluating")),
        ("during saving", 10.0, lambda events: _phase(events, "saving")),
    )
    with tempfile.TemporaryDirectory() as name:
        return [_row(services, Path(name), *case) for case in cases]


def _row(services: Services, folder: Path, when: str, limit: float, seen: _Seen) -> Row:
    times, kept = [], True
    for _ in range(TURNS):
        seconds, end = _stopped(services, folder, seen)
        times.append(seconds)
        kept = kept and isinstance(end, ev.Cancelled) and bool(end.checkpoint)
    shown = ", ".join(f"{value:.1f}" for value in times)
    told = f"{max(times):.1f} s at worst ({shown}{'' if kept else '; the weights were not kept'})"
    return Row(f"Stop {when}, until the run has ended", told, f"≤ {limit:g} s", kept and max(times) <= limit)


def _stopped(services: Services, folder: Path, seen: _Seen) -> tuple[float, ev.RunEvent]:
    """Start a run, stop it once `seen` says so; return the seconds that it took, and the last event."""
    train, held_out = _files(folder)
    request = RunRequest(
        task="", columns={}, checkpoint="bundled", config=RunConfig(epochs=20), data=str(train), data_name=train.name,
        validation=str(held_out), validation_name=held_out.name,
    )  # fmt: skip
    run = services.admission.start(request, "")
    _wait(services, run, seen)
    began = time.perf_counter()
    services.dispatcher.cancel(run, "")
    end = _wait(services, run, lambda events: isinstance(events[-1], ev.Cancelled | ev.Finished | ev.Failed))
    return time.perf_counter() - began, end


def _wait(services: Services, run: str, seen: _Seen) -> ev.RunEvent:
    """Look at the run until `seen` says so; return its newest event."""
    deadline = time.monotonic() + _HANG
    while time.monotonic() < deadline:
        events = services.registry.read(run, "").events
        if events and seen(events):
            return events[-1]
        time.sleep(0.005)
    raise RuntimeError(f"run {run} is not where it should be")


def _phase(events: Sequence[ev.RunEvent], name: str) -> bool:
    return any(isinstance(event, ev.Phase) and event.name == name for event in events)


def _files(folder: Path) -> tuple[Path, Path]:
    """Write few training rows, so that an evaluation is soon, and many held-out ones, so that it lasts."""
    lines = samples.sample_path("support_en").read_text(encoding="utf-8").splitlines()
    head, rows = lines[0], lines[1:]
    every = len(rows) // _TRAIN_ROWS
    train, rest = rows[::every], [row for i, row in enumerate(rows) if i % every]
    paths = (folder / "train.csv", folder / "held out.csv")
    for path, chosen in zip(paths, (train, (rest * _HELD_OUT_ROWS)[:_HELD_OUT_ROWS]), strict=True):
        path.write_text("\n".join([head, *chosen]) + "\n", encoding="utf-8")
    return paths
