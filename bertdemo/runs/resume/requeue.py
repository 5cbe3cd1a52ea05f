"""An ended run queued again: its next attempt goes on from the newest resume checkpoint."""

from __future__ import annotations

import time

from bertdemo.errors import RunFinished, RunGoesOn
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry


def requeue(registry: Registry, run_id: str, owner: str, *, not_exact: bool = False) -> None:
    """Append Queued with the next attempt; `not_exact` accepts other conditions than those of the checkpoint.

    Raises RunUnknown, RunGoesOn where the run waits or trains, RunFinished, and QueueFull as `Registry.create`.
    """
    view = registry.summary(run_id, owner)
    if view.state == "finished":
        raise RunFinished(run=view.name)
    if view.state not in ev.ENDED:
        raise RunGoesOn(run=view.name)
    registry.check_queue(owner)
    (registry.folder(run_id) / "cancel").unlink(missing_ok=True)
    seq, attempt = registry.next_event(run_id)
    registry.append(run_id, ev.Queued(seq=seq, attempt=attempt + 1, at=time.time(), not_exact=not_exact))
