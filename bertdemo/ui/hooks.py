"""Listeners of several tabs that run in one request: each is called on its own, and fails on its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block

from bertdemo.ui.localized import guarded, log
from bertdemo.ui.updates import Updates, merged


@dataclass(frozen=True)
class Hook:
    """A listener that runs with others in one request: `fn(first, *values of inputs)` returns updates of `outputs`."""

    fn: Callable[..., Updates]
    inputs: Sequence[Block] | set[Block]
    outputs: Sequence[Block]


def call_all(hooks: Sequence[Hook], first: object, values: Sequence[object]) -> Updates:
    """Return the updates of all hooks; `values` are those of the hooks' inputs, one hook after the other."""
    updates: Updates = {}
    for hook in hooks:
        hook_values, values = values[: len(hook.inputs)], values[len(hook.inputs) :]
        updates = merged(updates, _answer(hook, first, hook_values))
    return updates


def inputs_of(hooks: Sequence[Hook]) -> list[Block]:
    """Return the inputs of all hooks, one hook after the other."""
    return [component for hook in hooks for component in hook.inputs]


def outputs_of(hooks: Sequence[Hook]) -> list[Block]:
    """Return the outputs of all hooks."""
    return [component for hook in hooks for component in hook.outputs]


def _answer(hook: Hook, first: object, values: Sequence[object]) -> Updates:
    """Return a hook's updates; {} where it fails, so that it costs its own panel and not the whole answer."""

    def call() -> Updates:
        updates = hook.fn(first, *values)
        if foreign := [component for component in updates if component not in hook.outputs]:
            raise ValueError(f"updates of {foreign}, which are no outputs of the hook")
        return updates

    # To the log: the load listener is not in the queue, so Gradio would not show a toast.
    def lost(message: str) -> Updates:
        name = getattr(hook.fn, "__qualname__", hook.fn)
        log.warning("the hook %s failed, its panel stays as it was: %s", name, message)
        return {}

    try:
        return guarded(call, on_error=lost)()
    except gr.Error as error:  # of a hook that is guarded itself
        return lost(error.message)
