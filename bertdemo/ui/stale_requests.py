"""Listeners over many inputs: what a person has chosen comes as one thing, what changes goes to its places by name.

For a tab whose every control may change every picture. A listener returns only what is new, so that a press sends
a few kilobytes, and an error is told in the place where it belongs. What a page has asked later is answered later:
a drawing that comes after a newer question of its page would show another text or model than the controls do, so
it is left out.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.context import LocalContext

from bertdemo.ui.html.primitives import error_state, root
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page
from bertdemo.ui.updates import LATEST, Updates

Values = dict[str, object]
"""Name of a place -> its new value; a place that is not named stays as it is."""


class StaleRequestGuard:
    """The number of the newest question of each open page; the pages that asked longest ago are forgotten."""

    def __init__(self, pages: int = 1_000) -> None:
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._pages = pages
        self._lock = threading.Lock()

    def take(self, page: str) -> int:
        """Begin a new question."""
        with self._lock:
            turn = self._newest.pop(page, 0) + 1
            self._newest[page] = turn
            if len(self._newest) > self._pages:
                self._newest.popitem(last=False)
            return turn

    def newest(self, page: str) -> int:
        """Return the number of the newest question, 0 where none was asked."""
        return self._newest.get(page, 0)


class Answers:
    """`read` makes one thing of the inputs; `places` are the outputs by name.

    `stale` names the places that are left out of an answer when its page has asked for everything anew meanwhile.
    """

    def __init__(
        self,
        page: Page,
        inputs: Sequence[Block],
        places: Mapping[str, Block],
        read: Callable[[dict[Block, Any]], Any],
        stale: Collection[str] = (),
    ) -> None:
        self.inputs = list(inputs)
        self.places = dict(places)
        self._lang = page.lang
        self._read = read
        self._stale = frozenset(stale)
        self._requests = StaleRequestGuard()

    @property
    def outputs(self) -> list[Block]:
        """All places."""
        return list(self.places.values())

    def answer(
        self, fn: Callable[[Any], Values], values: dict[Block, Any], at: str, clears: Sequence[str] = ()
    ) -> Updates:
        """Call, and tell what went wrong in the place `at`.

        `clears` are the drawings that would no longer be true then; what has some asks for everything anew.
        """
        page = _page()
        turn = self._requests.take(page) if clears else self._requests.newest(page)

        def told(message: str) -> Values:
            return {**dict.fromkeys(clears, ""), at: root(error_state(message))}

        drawn = guarded(lambda lang: fn(self._read(values)), shown=told)(lang=values[self._lang])
        if page and turn != self._requests.newest(page):
            drawn = {name: value for name, value in drawn.items() if name not in self._stale}
        # An empty dictionary would be taken for a value.
        return {self.places[name]: value for name, value in drawn.items()} or {self.outputs[0]: gr.skip()}

    def live(self, event: Any, fn: Callable[[Any], Values], at: str, clears: Sequence[str] = ()) -> None:
        """Answer at once; of several that wait, the last one counts."""

        def listener(values: dict[Block, Any]) -> Updates:
            return self.answer(fn, values, at, clears)

        self._quietly(event, listener)

    def pressed(self, event: Any, fn: Callable[[Any, gr.EventData], Values], at: str) -> None:
        """Answer a press in a picture, whose data come with the event."""

        def listener(values: dict[Block, Any], data: gr.EventData) -> Updates:
            return self.answer(lambda asked: fn(asked, data), values, at)

        self._quietly(event, listener)

    def slow(self, event: Any, fn: Callable[[Any, Callable[..., None]], Values], at: str) -> None:
        """Answer in the queue what takes seconds; `fn` is given what reports progress."""

        def listener(values: dict[Block, Any], progress: gr.Progress = gr.Progress()) -> Updates:  # noqa: B008
            return self.answer(lambda asked: fn(asked, progress), values, at)

        event(
            listener,
            set(self.inputs),
            self.outputs,
            concurrency_id="infer",
            show_progress_on=self.places[at],
            api_visibility="private",
        )

    def _quietly(self, event: Any, listener: Callable[..., Any]) -> None:
        event(listener, set(self.inputs), self.outputs, **LATEST)


def _page() -> str:
    """Return which open page asks, "" outside a request."""
    request = LocalContext.request.get(None)
    return (getattr(request, "session_hash", None) or "") if request is not None else ""
