"""The figures of a run, derived from its events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bertdemo.run_config import RunConfig
from bertdemo.runs import events as ev
from bertdemo.runs.registry import RunView
from bertdemo.runs.request import RunRequest
from bertdemo.runs.status import CURVE_POINTS, Message, status_of, thinned
from tests.runs.support import started, step

QUEUED, LAUNCHED = ev.Queued(1, 1, 0.0), ev.Launched(2, 1, 0.5)
METRICS = {"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95}}


def view(*events: ev.RunEvent, state: ev.State = "running", **more: Any) -> RunView:
    request = RunRequest("classification", {}, "bundled", RunConfig(), "data/train.csv", "x.csv")
    fields: dict[str, Any] = {
        "run_id": "r", "name": "x.csv", "created": 1.0, "request": request, "state": state, "stopping": False,
        "exit_code": None, "events": events, "seq": events[-1].seq if events else 0, "log": "",
    }  # fmt: skip
    return RunView(**{**fields, **more})


def test_a_run_that_waits_has_no_figures() -> None:
    status = status_of(view(QUEUED, state="queued"))
    assert (status.progress, status.epoch, status.step, status.seconds_left) == (0.0, 0, 0, None)
    assert (status.phase, status.message, status.ended, status.loss) == ("", None, False, ())


def test_a_download_is_a_phase_of_a_run_that_waits() -> None:
    status = status_of(view(QUEUED, ev.Phase(2, 1, 1.0, name="fetching", progress=0.25), state="queued"))
    assert (status.phase, status.phase_progress) == ("fetching", 0.25)


@pytest.mark.parametrize(
    ("done", "epoch", "share"), [(0.01, 1, 0.01), (0.5, 1, 0.5), (1.0, 1, 1.0), (1.25, 2, 0.25), (2.0, 2, 1.0)]
)
def test_the_epoch_counts_from_one_and_its_last_step_still_belongs_to_it(done: float, epoch: int, share: float) -> None:
    status = status_of(view(QUEUED, LAUNCHED, started(), step(4, epoch=done)))
    assert (status.epoch, status.epochs, status.phase) == (epoch, 2, "training")
    assert status.epoch_progress == pytest.approx(share)


def test_an_epoch_under_evaluation_has_had_all_its_steps() -> None:
    events = (QUEUED, LAUNCHED, started(), step(4, epoch=0.97), ev.Phase(5, 1, 1.0, name="evaluating", progress=0.5))
    status = status_of(view(*events))
    assert (status.phase, status.phase_progress, status.epoch, status.epoch_progress) == ("evaluating", 0.5, 1, 1.0)


def test_figures_come_from_the_newest_step() -> None:
    status = status_of(view(QUEUED, LAUNCHED, started(), step(4), step(5, step=2, progress=0.4, seconds_left=2.0)))
    assert (status.step, status.steps, status.progress, status.seconds_left) == (2, 4, 0.4, 2.0)
    assert (status.rows_per_second, status.memory_bytes) == (10.0, 1000)
    assert len(status.loss) == 2


def test_a_finished_run_is_done() -> None:
    end = ev.Finished(6, 1, 9.0, checkpoint="c", metrics=METRICS, evaluated_on="test", rows=7, seconds=8.0)
    status = status_of(view(QUEUED, LAUNCHED, started(), step(4, epoch=2.0, progress=0.9), end, state="finished"))
    assert (status.progress, status.seconds_left, status.phase, status.epoch_progress) == (1.0, None, "", 1.0)
    assert (status.metrics, status.evaluated_on, status.evaluated_rows) == (METRICS, "test", 7)
    assert (status.checkpoint, status.seconds, status.ended, status.kept_unevaluated) == ("c", 8.0, True, False)


@pytest.mark.parametrize(
    ("checkpoint", "evaluated", "kept"), [("c", False, True), ("c", True, False), ("", False, False)]
)
def test_weights_that_were_kept_without_an_evaluation_are_said_to_be_so(
    checkpoint: str, evaluated: bool, kept: bool
) -> None:
    end = ev.Cancelled(5, 1, 9.0, checkpoint=checkpoint, evaluated=evaluated, step=1)
    status = status_of(view(QUEUED, LAUNCHED, started(), step(4), end, state="cancelled"))
    assert status.kept_unevaluated is kept
    assert status.progress == 0.2


def test_a_failed_run_says_why_and_warnings_stay() -> None:
    events = (
        QUEUED, ev.Warned(2, 1, 1.0, message="warning.time_limit", values={"minutes": 20}),
        ev.Failed(3, 1, 1.0, message="error.disk_full", values={}),
    )  # fmt: skip
    status = status_of(view(*events, state="failed"))
    assert status.message == Message("error.disk_full", {})
    assert status.warnings == (Message("warning.time_limit", {"minutes": 20}),)


@pytest.mark.parametrize(
    ("code", "events", "message"),
    [
        (-9, (QUEUED, LAUNCHED, started()), Message("run.interrupted_by_signal", {"signal": 9})),
        (1, (QUEUED, LAUNCHED, started()), Message("run.interrupted_with_code", {"code": 1})),
        (0, (QUEUED, LAUNCHED), Message("run.interrupted_with_code", {"code": 0})),
        (None, (QUEUED, LAUNCHED), Message("run.interrupted_before_start")),
        (None, (QUEUED, LAUNCHED, started()), Message("run.interrupted_unseen")),
    ],
)
def test_an_interrupted_run_says_what_is_known(
    code: int | None, events: tuple[ev.RunEvent, ...], message: Message
) -> None:
    assert status_of(view(*events, state="interrupted", exit_code=code)).message == message


def steps_of(attempt: int, *steps: int) -> list[ev.RunEvent]:
    """Return a Step of an attempt for each number; its loss tells both, as 2.08 of step 8 in the second attempt."""
    made = [step(10 * attempt + at, step=at, epoch=at / 4, loss=attempt + at / 100) for at in steps]
    return [replace(event, attempt=attempt) for event in made]


def test_after_a_resume_each_step_is_that_of_the_last_attempt_and_the_message_is_gone() -> None:
    failed = ev.Failed(19, 1, 1.0, message="error.disk_full", values={})
    before = [QUEUED, LAUNCHED, started(), *steps_of(1, 1, 2, 3, 4, 5), failed, ev.Queued(20, 2, 2.0)]
    status = status_of(view(*before, state="queued"))
    assert (status.message, status.step, status.started) == (None, 5, started())
    again = replace(started(seq=21), attempt=2, resumed_from=3)
    status = status_of(view(*before, again, *steps_of(2, 4)))
    assert [loss for _, loss in status.loss] == [1.01, 1.02, 1.03, 2.04]
    assert (status.step, status.message) == (4, None)
    from_start = replace(again, resumed_from=0)
    status = status_of(view(*before, from_start, *steps_of(2, 1)))
    assert [loss for _, loss in status.loss] == [2.01]


def test_an_evaluation_that_a_resumed_attempt_repeats_counts_once() -> None:
    first = ev.Evaluated(9, 1, 1.0, step=3, epoch=1.0, loss=0.5, metrics={"accuracy": 0.5}, best=True)
    again = replace(started(seq=11), attempt=2, resumed_from=3)
    second = replace(first, seq=12, attempt=2)
    status = status_of(view(QUEUED, LAUNCHED, started(), first, ev.Queued(10, 2, 2.0), again, second))
    assert status.evaluations == (second,)


def test_a_stopped_run_keeps_its_checkpoint_where_resuming_it_was_refused() -> None:
    stopped = ev.Cancelled(9, 1, 1.0, "r", True, 3, METRICS, "validation", 12, 5.0)
    refused = ev.Failed(11, 2, 3.0, message="error.resume_differs", values={"differences": "threads 2 → 4"})
    events = (QUEUED, LAUNCHED, started(), *steps_of(1, 1, 2, 3), stopped, ev.Queued(10, 2, 2.0))
    status = status_of(view(*events, state="queued"))
    assert (status.checkpoint, status.metrics) == ("", {})
    status = status_of(view(*events, refused, state="failed", resume_step=3))
    assert (status.checkpoint, status.metrics, status.step, status.differs) == ("r", METRICS, 3, True)
    assert status.resumable and not replace(status, resume_step=None).resumable


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 999, 1000, 12_345])
def test_curves_have_at_most_500_points_in_order_and_keep_the_last(count: int) -> None:
    points = [(float(i), float(i % 7)) for i in range(count)]
    found = thinned(points, CURVE_POINTS)
    assert len(found) <= 500
    assert len(found) == count or len(found) >= 250
    assert list(found[-1:]) == points[-1:]
    assert [x for x, _ in found] == sorted({x for x, _ in found})
    assert all(0 <= y <= 6 for _, y in found)


def test_a_thinned_point_is_the_mean_of_those_it_stands_for() -> None:
    assert thinned([(0, 1.0), (1, 3.0), (2, 5.0), (3, 7.0), (4, 100.0)], 3) == ((1, 2.0), (3, 6.0), (4, 100.0))
