"""Answers in Gradio's queue that nobody reads: dropped after a while, and with them what it keeps of each session.

Gradio 6.31 keeps the messages of a session until its event stream reads them, or 2,000 other sessions have come. A
caller that joins the queue and never reads makes it keep every answer, megabytes each; and of one that has read
everything it keeps an empty queue and an empty set, 16 kB. `tests/ui/test_unread_answers.py` fails when a new Gradio
keeps them elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from gradio.queueing import Queue
from gradio.routes import App

# Seconds between two looks.
_EVERY = 1.0
# A stream reads an answer at once. Whoever fetches it in a second request (`/call`) may be slow to begin.
_KEPT_SECONDS = 300.0
# Beyond so many unread answers, the oldest are kept for a shorter time: of inspected texts these are a gigabyte.
_MOST, _CROWDED_SECONDS = 64, 10.0


class UnreadAnswers:
    """Drops what is finished and unread from one queue."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._finished: dict[str, float] = {}  # session -> when all of its events were first seen finished, in order

    def sweep(self, now: float) -> None:
        """Drop what nobody will read, and what was read."""
        pending, unfinished = self._queue.pending_event_ids_session, self._queue.event_ids_to_events
        for session in [*pending, *self._queue.pending_messages_per_session]:
            events = pending.get(session)
            if not events:
                self._drop(session)
            elif any(event in unfinished for event in events):
                self._finished.pop(session, None)
            else:
                self._finished.setdefault(session, now)
        oldest_first = [*self._finished.items()]
        crowded = len(oldest_first) - _MOST
        for place, (session, since) in enumerate(oldest_first):
            if now - since > (_CROWDED_SECONDS if place < crowded else _KEPT_SECONDS):
                self._drop(session)

    def _drop(self, session: str) -> None:
        self._finished.pop(session, None)
        self._queue.pending_event_ids_session.pop(session, None)
        self._queue.pending_messages_per_session.pop(session, None)


@contextlib.asynccontextmanager
async def dropping_unread(app: App) -> AsyncIterator[None]:
    """Sweep the queue of an app while it serves. It runs on the event loop, as everything that fills the queue does."""
    answers = UnreadAnswers(app.get_blocks()._queue)

    async def sweep() -> None:
        while True:
            answers.sweep(time.monotonic())
            await asyncio.sleep(_EVERY)

    task = asyncio.create_task(sweep())
    try:
        yield
    finally:
        task.cancel()
