"""Events: each comes back from its line, a torn line is not there yet, and the state follows from them alone."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import pytest

from bertdemo.runs import events as ev
from tests.runs.support import started, step

_AT = {"seq": 1, "attempt": 1, "at": 10.0}
METRICS = {"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95}}
WITHOUT_INTERVAL = {"rouge_l": {"value": 0.5, "low": None, "high": None}}
EVERY: list[ev.RunEvent] = [
    ev.Queued(**_AT),
    ev.Launched(**_AT, warm=True),
    started(labels=("<b>", "好", "a\u2028b\x85c\x1cd")),
    step(4),
    ev.Phase(**_AT, name="evaluating", progress=0.5),
    ev.Evaluated(**_AT, step=2, epoch=1.0, loss=0.5, metrics={"accuracy": 0.9}, best=True),
    ev.Saved(**_AT, step=2, path="best/model.safetensors"),
    ev.Warned(**_AT, message="warning.time_limit", values={"minutes": 20}),
    ev.Finished(**_AT, checkpoint="c", metrics=METRICS, evaluated_on="test", rows=3, seconds=1.5),
    ev.Cancelled(**_AT, checkpoint="c", evaluated=True, step=2, metrics=METRICS, evaluated_on="validation", rows=3),
    ev.Cancelled(
        **_AT, checkpoint="c", evaluated=True, step=2, metrics={"f1": {"value": 0.5, "low": None, "high": None}}
    ),
    ev.Failed(**_AT, message="error.disk_full", values={"count": 3, "share": 0.5, "file": "a.csv"}),
    ev.Watched(
        **_AT,
        step=2,
        epoch=1.0,
        rows=(ev.WatchedRow(2, "good", "", "yes", "no", {"kind": "confidence", "value": 0.75}, False),),
    ),
    ev.Tracked(**_AT, project="bertdemo", run="20261129-1"),
]


@pytest.mark.parametrize("event", EVERY, ids=lambda event: event.kind)
def test_an_event_comes_back_from_its_line_as_it_was(event: ev.RunEvent) -> None:
    line = ev.to_line(event)
    assert line.count("\n") == 1
    assert ev.parse(line) == [event]


def test_every_kind_is_tried_here() -> None:
    assert {type(event) for event in EVERY} == set(ev.KINDS.values())


def test_a_number_that_is_not_finite_is_never_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        ev.to_line(step(1, loss=math.nan))


def test_a_last_line_torn_at_any_byte_is_not_there_yet() -> None:
    whole = ev.to_line(EVERY[0]) + ev.to_line(started(seq=2))
    last = ev.to_line(EVERY[8]).encode()
    for cut in range(len(last)):
        text = (whole.encode() + last[:cut]).decode("utf-8", errors="replace")
        assert [event.kind for event in ev.parse(text)] == ["queued", "started"]
    assert len(ev.parse(whole + last.decode())) == 3


@pytest.mark.parametrize(
    "damaged",
    [
        "", "{", "null", "[]", "7", '"step"', "{}", '{"kind": null}', '{"kind": ["a"]}',
        '{"kind": "from_the_future", "seq": 9}',
        '{"kind": "queued"}', '{"kind": "queued", "seq": "1", "attempt": 1, "at": 0}',
        '{"kind": "queued", "seq": 1, "attempt": null, "at": 0}', "[" * 100_000,
        '{"kind": "queued", "seq": true, "attempt": 1, "at": 0}',
        '{"kind": "queued", "seq": 1, "attempt": 1, "at": "0"}',
        '{"kind": "phase", "seq": 1, "attempt": 1, "at": 0, "name": ["saving"], "progress": 0.5}',
    ],
)  # fmt: skip
def test_a_damaged_or_unknown_middle_line_is_skipped(damaged: str) -> None:
    text = ev.to_line(EVERY[0]) + damaged + "\n" + ev.to_line(started(seq=2))
    assert [event.kind for event in ev.parse(text)] == ["queued", "started"]


def test_a_field_of_a_newer_version_is_left_out() -> None:
    text = ev.to_line(step(3)).partition(', "crc"')[0] + ', "tokens_per_second": 5}'
    assert ev.from_line(f'{text[:-1]}, "crc": "{ev._checksum(text)}"}}') == step(3)


def test_events_come_in_the_order_of_seq() -> None:
    text = ev.to_line(step(4)) + ev.to_line(started(seq=3))
    assert [event.seq for event in ev.parse(text)] == [3, 4]


@pytest.mark.parametrize("progress", [-0.01, 1.01, math.nan, math.inf])
def test_progress_is_a_share(progress: float) -> None:
    with pytest.raises(ValueError, match="progress"):
        step(1, progress=progress)


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_seconds_left_are_a_time(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds_left"):
        step(1, seconds_left=seconds)


QUEUED, LAUNCHED = ev.Queued(**_AT), ev.Launched(2, 1, 100.0)
FINISHED, CANCELLED, FAILED = EVERY[8], EVERY[9], EVERY[11]
STARTED = started()


@pytest.mark.parametrize(
    ("events", "held", "code", "waited", "state"),
    [
        ([], False, None, 0, "interrupted"),
        ([QUEUED], False, None, 999, "queued"),
        ([QUEUED, LAUNCHED], False, None, 0, "starting"),
        ([QUEUED, LAUNCHED], False, None, 14.9, "starting"),
        ([QUEUED, LAUNCHED], False, None, 15.1, "interrupted"),
        ([QUEUED, LAUNCHED], False, 1, 0, "interrupted"),
        ([QUEUED, LAUNCHED], False, 0, 0, "interrupted"),
        ([QUEUED, LAUNCHED], True, None, 999, "starting"),
        ([QUEUED, LAUNCHED, STARTED], True, None, 0, "running"),
        ([QUEUED, LAUNCHED, STARTED], False, None, 0, "interrupted"),
        ([QUEUED, LAUNCHED, STARTED], False, -9, 0, "interrupted"),
        ([QUEUED, LAUNCHED, STARTED, FINISHED], True, None, 0, "finished"),
        ([QUEUED, LAUNCHED, STARTED, FINISHED], False, 0, 0, "finished"),
        ([QUEUED, LAUNCHED, STARTED, CANCELLED], False, 0, 0, "cancelled"),
        ([QUEUED, CANCELLED], False, None, 0, "cancelled"),
        ([QUEUED, LAUNCHED, STARTED, FAILED], False, 1, 0, "failed"),
        ([QUEUED, FAILED], False, None, 0, "failed"),
    ],
)
def test_the_state_follows_from_events_lock_exit_code_and_time(
    events: list[ev.RunEvent], held: bool, code: int | None, waited: float, state: str
) -> None:
    assert ev.state_of(events, lock_held=held, exit_code=code, now=100.0 + waited) == state


def test_the_newest_attempt_decides() -> None:
    def again(event: ev.RunEvent, seq: int) -> ev.RunEvent:
        values: dict[str, Any] = {f.name: getattr(event, f.name) for f in fields(event)}
        return type(event)(**{**values, "seq": seq, "attempt": 2})

    events = [QUEUED, LAUNCHED, STARTED, FAILED, again(LAUNCHED, 20)]
    assert ev.state_of(events, lock_held=False, exit_code=None, now=101.0) == "starting"
    assert ev.state_of([*events, again(STARTED, 21)], lock_held=True, exit_code=None, now=999.0) == "running"
