"""The answer of a listener: the new value, or the changed properties, of components, keyed by the component.

Nothing is wired by position: a component that is not named stays as it is, and a form can grow without counting.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypedDict, TypeGuard

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

Updates = dict[Block, object]
# gr.Progress, as the default of a listener's last argument: called with the share that is done and `desc`.
Progress = Callable[..., None]


class ListenerOptions(TypedDict, total=False):
    """How Gradio calls a listener."""

    queue: bool
    show_progress: Literal["full", "minimal", "hidden"]
    show_progress_on: Sequence[Component]
    trigger_mode: Literal["once", "multiple", "always_last"] | None
    concurrency_id: str | None
    api_visibility: Literal["public", "private", "undocumented"]


# With no component to show progress on, the browser keeps no loading state of a listener's outputs. Otherwise it writes
# that state into every component that was ever an output, at the start and the end of each call. Opening Fine-tune took
# 5.1 s of the browser's processor time with it and 3.1 s without (two cores, Chromium 156, 2026-11-28).
_NOWHERE: Sequence[Component] = ()
# Called at once, without a sign that something is going on.
QUIET: ListenerOptions = {
    "queue": False,
    "show_progress": "hidden",
    "show_progress_on": _NOWHERE,
    "api_visibility": "private",
}
# The same; of several calls that wait, only the last one is made.
LATEST: ListenerOptions = {**QUIET, "trigger_mode": "always_last"}
# In the queue, so that an error is shown as a toast.
QUEUED: ListenerOptions = {"show_progress": "hidden", "show_progress_on": _NOWHERE, "api_visibility": "private"}


def merged(first: Mapping[Block, object], second: Mapping[Block, object]) -> Updates:
    """Join updates; where both change a component (its label, its value), both changes are made."""
    joined = dict(first)
    for component, update in second.items():
        earlier = joined.get(component)
        # A bare value and an update of properties become one update; of two bare values the second holds.
        both = component in joined and (_is_update(earlier) or _is_update(update))
        joined[component] = {**_as_update(earlier), **_as_update(update)} if both else update
    return joined


def keyed(fn: Callable[..., object], outputs: Sequence[Block]) -> Callable[..., Updates]:
    """Key the answer of a listener that gives one value for each output, in their order (a lone one unwrapped)."""

    @functools.wraps(fn)
    def answer(*args: object, **kwargs: object) -> Updates:
        values = fn(*args, **kwargs)
        return dict(zip(outputs, values if isinstance(values, tuple) else (values,), strict=True))

    return answer


def _as_update(value: object) -> Mapping[str, object]:
    if _is_update(value):
        return value
    update: Mapping[str, object] = gr.update(value=value)
    return update


def _is_update(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, dict) and value.get("__type__") == "update"
