"""Listeners over many inputs: all that a person has chosen comes as one value, updates go to outputs by name.

For a tab whose every control may change every picture. A listener returns only what is new, so that a press sends
a few kilobytes, and an error is shown in the place where it belongs. Answers may come in another order than their
requests: a drawing that comes after a newer request of its page would show another text or model than the controls
do, so it is dropped.
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

# Name of an output -> its new value; an output that is not named stays as it is.
Values = dict[str, object]


class StaleRequestGuard:
    """The number of the newest request of each open page; the pages that are idle longest are forgotten."""

    # Of a page beyond this many the number is forgotten; then it only drops no late answer any more.
    def __init__(self, pages: int = 1_000) -> None:
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._pages = pages
        self._lock = threading.Lock()

    def take(self, page: str) -> int:
        """Begin a new request of a page; return its number."""
        with self._lock:
            number = self._newest.pop(page, 0) + 1
            self._newest[page] = number
            if len(self._newest) > self._pages:
                self._newest.popitem(last=False)
            return number

    def newest(self, page: str) -> int:
        """Return the number of the newest request, 0 where there was none."""
        return self._newest.get(page, 0)


class Answers:
    """`read` makes one value of all inputs; `places` are the outputs by name.

    `stale` names the outputs that are dropped from an answer when its page has requested everything anew meanwhile.
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
        """All outputs."""
        return list(self.places.values())

    def answer(
        self, fn: Callable[[Any], Values], values: dict[Block, Any], at: str, clears: Sequence[str] = ()
    ) -> Updates:
        """Call, and show an error in the output `at`.

        `clears` are the drawings that would no longer be true after an error; a listener that has some requests
        everything anew.
        """
        page = _page()
        number = self._requests.take(page) if clears else self._requests.newest(page)

        def show_error(message: str) -> Values:
            return {**dict.fromkeys(clears, ""), at: root(error_state(message))}

        drawn = guarded(lambda lang: fn(self._read(values)), on_error=show_error)(lang=values[self._lang])
        if page and number != self._requests.newest(page):
            drawn = {name: value for name, value in drawn.items() if name not in self._stale}
        # Gradio would take an empty dictionary for a value.
        return {self.places[name]: value for name, value in drawn.items()} or {self.outputs[0]: gr.skip()}

    def live(self, event: Any, fn: Callable[[Any], Values], at: str, clears: Sequence[str] = ()) -> None:
        """Answer at once; of several that wait, only the last one is called."""

        def listener(values: dict[Block, Any]) -> Updates:
            return self.answer(fn, values, at, clears)

        self._quietly(event, listener)

    def pressed(self, event: Any, fn: Callable[[Any, gr.EventData], Values], at: str) -> None:
        """Answer a press in a picture, whose data comes with the event."""

        def listener(values: dict[Block, Any], data: gr.EventData) -> Updates:
            return self.answer(lambda inputs: fn(inputs, data), values, at)

        self._quietly(event, listener)

    def slow(self, event: Any, fn: Callable[[Any, Callable[..., None]], Values], at: str) -> None:
        """Answer in the queue what takes seconds; `fn` gets a gr.Progress to report to."""

        def listener(values: dict[Block, Any], progress: gr.Progress = gr.Progress()) -> Updates:  # noqa: B008
            return self.answer(lambda inputs: fn(inputs, progress), values, at)

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
    """Return the session of the open page that sent the request, "" outside a request."""
    request = LocalContext.request.get(None)
    return (getattr(request, "session_hash", None) or "") if request is not None else ""
