"""Answers that nobody reads go after a while, those that are waited for stay."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.routes import App
from starlette.testclient import TestClient

from bertdemo.settings import Settings
from bertdemo.ui import unread_answers
from bertdemo.ui.unread_answers import UnreadAnswers


@pytest.fixture
def queue() -> Any:
    with gr.Blocks(analytics_enabled=False) as blocks:
        gr.Textbox()
    return blocks._queue


def finish(queue: Any, session: str, *, read: bool = False) -> None:
    queue.pending_messages_per_session[session] = asyncio.Queue()
    queue.pending_event_ids_session[session] = set() if read else {f"event of {session}"}


def test_what_was_read_is_gone_at_the_next_look(queue: Any) -> None:
    for number in range(50):
        finish(queue, f"s{number}", read=True)
    queue.pending_messages_per_session["cancelled"] = asyncio.Queue()
    UnreadAnswers(queue).sweep(0.0)
    assert not queue.pending_event_ids_session and not queue.pending_messages_per_session


def test_an_unread_answer_is_kept_for_five_minutes_and_a_running_event_for_ever(queue: Any) -> None:
    answers = UnreadAnswers(queue)
    finish(queue, "unread")
    finish(queue, "runs")
    queue.event_ids_to_events["event of runs"] = object()
    for now in (0.0, 299.0):
        answers.sweep(now)
        assert set(queue.pending_messages_per_session) == {"unread", "runs"}
    answers.sweep(301.0)
    assert set(queue.pending_messages_per_session) == set(queue.pending_event_ids_session) == {"runs"}
    assert not answers._finished
    del queue.event_ids_to_events["event of runs"]
    answers.sweep(302.0)
    assert set(queue.pending_messages_per_session) == {"runs"}  # its five minutes begin now


def test_a_flood_of_unread_answers_is_kept_for_ten_seconds(queue: Any) -> None:
    answers = UnreadAnswers(queue)
    for number in range(500):
        finish(queue, f"s{number}")
    answers.sweep(0.0)
    assert len(queue.pending_messages_per_session) == 500
    answers.sweep(11.0)
    assert len(queue.pending_messages_per_session) == unread_answers._MOST
    assert "s499" in queue.pending_messages_per_session and "s0" not in queue.pending_messages_per_session


@pytest.fixture
def client() -> Iterator[TestClient]:
    with gr.Blocks(analytics_enabled=False) as blocks:
        text = gr.Textbox()
        text.change(lambda value: value.upper(), text, text, api_name="say")
    with TestClient(App.create_app(blocks)) as client:
        client.get("/gradio_api/startup-events")  # begins to work on the queue
        yield client


def test_gradio_keeps_what_we_drop_where_we_drop_it(client: TestClient) -> None:
    # Where this fails, see what a new Gradio keeps of a session whose events are finished.
    queue = client.app.get_blocks()._queue  # type: ignore[attr-defined]
    for read in (True, False):
        name = f"read {read}"
        body = {"data": ["a"], "fn_index": 0, "session_hash": name}
        assert client.post("/gradio_api/queue/join", json=body).status_code == 200
        if read:
            assert '"A"' in client.get("/gradio_api/queue/data", params={"session_hash": name}).text
        assert name in queue.pending_messages_per_session
    assert queue.pending_event_ids_session["read True"] == set()
    (unread,) = queue.pending_event_ids_session["read False"]
    for _ in range(1000):
        if unread not in queue.event_ids_to_events:
            break
        client.get("/gradio_api/app_id")  # lets the event loop go on
    answers = UnreadAnswers(queue)
    answers.sweep(0.0)
    assert set(queue.pending_messages_per_session) == {"read False"} == set(queue.pending_event_ids_session)
    answers.sweep(1e6)
    assert not queue.pending_messages_per_session and not queue.pending_event_ids_session


def test_gradio_reads_how_few_events_it_shall_keep(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in Settings(home=tmp_path)._library_env().items():
        monkeypatch.setenv(name, value)
    with gr.Blocks(analytics_enabled=False) as blocks:
        gr.Textbox()
    assert (blocks._queue.ANALYTICS_MAX_EVENTS, blocks._queue.ANAYLTICS_CACHE_FREQUENCY) == (1, 10**9)
