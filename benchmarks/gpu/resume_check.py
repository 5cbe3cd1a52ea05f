"""A run that is killed and goes on: whether it ends with the weights of the same run left alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.bench import Bench
from bertdemo.runs import events as ev
from bertdemo.runs.dispatch import Dispatcher
from bertdemo.runs.launchers.local import LocalLauncher

_WHAT = "resume after kill -9"


def resumed_run(bench: Bench) -> None:
    """Kill the worker in its second epoch, resume the run, and compare it with the run of the check `worker`."""
    if not hasattr(Dispatcher, "resume"):
        return bench.skip(_WHAT, "this version starts a killed run again from the beginning")
    dispatcher: Any = Dispatcher(bench.settings, bench.registry, bench.catalogue, LocalLauncher(bench.settings))
    dispatcher.begin()
    try:
        return _resume(bench, dispatcher)
    finally:
        dispatcher.close()


def _resume(bench: Bench, dispatcher: Any) -> None:
    """Do it with a dispatcher that is at work."""
    run = bench.run_folder(bench.sample(), bench.checkpoint("bundled"), epochs=bench.sizes.epochs)
    dispatcher.enqueue(run)
    _wait(bench, run, lambda events: any(isinstance(event, ev.Step) and event.epoch > 1 for event in events))
    bench.kill(run)
    _wait(bench, run, lambda _: bench.registry.summary(run, "").state in ev.ENDED)
    if (state := bench.registry.summary(run, "").state) != "interrupted":
        return bench.add(_WHAT, f"{state} before it could be killed", "finished", False)
    dispatcher.resume(run, "")
    events = _wait(bench, run, lambda events: isinstance(events[-1], ev.Finished | ev.Failed | ev.Cancelled))
    begun = [event for event in events if isinstance(event, ev.Started)]
    step = getattr(begun[-1], "resumed_from", 0)
    return _compare(bench, events[-1], step)


def _compare(bench: Bench, last: ev.RunEvent, step: int) -> None:
    """Report how it ended; on the CPU the weights must be the same, a GPU adds in an order of its own."""
    reference = bench.noted("trained")
    if not isinstance(last, ev.Finished):
        return bench.add(_WHAT, f"{last}", "finished", False)
    figure = f"finished, from step {step} on"
    if reference is None:
        return bench.add(_WHAT, f"{figure}; no unbroken run to compare with", "finished", step > 0)
    apart = _apart(*(bench.catalogue.folder(checkpoint, "") for checkpoint in (reference, last.checkpoint)))
    figure += f"; weights {f'at most {apart:.2g} apart from' if apart else 'identical with'} an unbroken run's"
    wanted = "finished" if bench.on_gpu else "identical weights"
    return bench.add(_WHAT, figure, wanted, step > 0 and (bench.on_gpu or apart == 0), apart=apart)


def _apart(one: Path, other: Path) -> float:
    """Return the largest difference between two weights of the same name."""
    from safetensors.torch import load_file

    first, second = (load_file(folder / "model.safetensors") for folder in (one, other))
    return max(float((first[name].double() - second[name].double()).abs().max()) for name in first)


def _wait(bench: Bench, run: str, seen: Callable[[Sequence[ev.RunEvent]], bool]) -> tuple[ev.RunEvent, ...]:
    """Return the events once `seen` says so; TimeoutError where it does not in time."""
    while bench.seconds_left > 0:
        events = bench.registry.read(run, "").events
        if seen(events):
            return events
        time.sleep(0.02)
    raise TimeoutError(
        f"{bench.registry.summary(run, '').state} after {len(bench.registry.read(run, '').events)} events"
    )
