"""Which event of Fine-tune calls which listener of the data."""

from __future__ import annotations

from collections.abc import Sequence

from gradio.blocks import Block

from bertdemo.ui.fine_tune.choice import Choice, Listeners, Values
from bertdemo.ui.fine_tune.dataset_callbacks import DataCallbacks
from bertdemo.ui.fine_tune.dataset_state import Say
from bertdemo.ui.fine_tune.html.bar import Cards, render_cards
from bertdemo.ui.fine_tune.layout import Components
from bertdemo.ui.updates import LATEST, QUEUED, QUIET, Updates


def wire(listeners: Listeners, parts: Components, calls: DataCallbacks) -> None:
    """Connect everything by which data are chosen and changed."""
    empty, data, outputs = parts.empty, parts.data, parts.dataset
    refused = calls.choose_refused
    listeners.slow(
        empty.file.upload, lambda choice, values, say: calls.upload(choice, values[empty.file], say), outputs, refused,
        empty.refused, [empty.file],
    )  # fmt: skip
    listeners.slow(
        empty.use_paste.click, lambda choice, values, say: calls.paste(choice, values[empty.paste], say), outputs,
        refused, empty.refused, [empty.paste],
    )  # fmt: skip
    listeners.pressed(empty.samples.select, calls.choose_sample, outputs, refused)
    listeners.quiet(
        empty.back.click, lambda choice, values: calls.show(choice, choice.source, choice.picked), outputs, None, QUEUED
    )
    listeners.quiet(data.change.click, lambda choice, values: _changed(calls, choice), outputs, None, QUIET)
    for drawing in (data.report, data.preview, data.refused):
        listeners.pressed(drawing.select, calls.pressed, outputs, None)
    listeners.slow(
        data.pretrain.click, lambda choice, values, say: calls.other_task(choice, "fill_mask", say), outputs, None,
        data.refused,
    )  # fmt: skip
    _wire_reading(listeners, parts, calls)
    _wire_plan(listeners, parts, calls)


def _wire_reading(listeners: Listeners, parts: Components, calls: DataCallbacks) -> None:
    """Connect how the file is read: task, columns, format, and the held-out rows."""
    data, outputs = parts.data, parts.dataset
    boxes: list[Block] = [data.task, *data.slots.values()]
    listeners.slow(
        data.task.input, lambda choice, values, say: calls.other_task(choice, values[data.task], say), outputs, None,
        data.refused, boxes,
    )  # fmt: skip
    for box in data.slots.values():
        listeners.slow(box.input, calls.other_columns, outputs, None, data.refused, boxes)
    options: Sequence[Block] = list(data.options.options.values())
    for option in data.options.options.values():
        listeners.slow(option.input, calls.read_again, outputs, None, data.refused, options)
    seed = data.split_seed
    files = [event for box in (data.validation, data.test) for event in (box.upload, box.clear)]
    for event in (*files, seed.submit, seed.blur):
        listeners.slow(event, lambda choice, values, say: calls.held_out(choice, say), outputs, None, data.refused)


def _wire_plan(listeners: Listeners, parts: Components, calls: DataCallbacks) -> None:
    """Keep what the bar says in step with the settings, and the report with the model's tokenizer."""
    form, planned = parts.data.form, parts.planned

    def plan(choice: Choice, values: Values) -> Updates:
        return calls.plan(choice)

    for control in form.controls.values():
        listeners.quiet(control.change, plan, planned, calls.plan_refused, LATEST)
    listeners.slow(
        form.checkpoint.input,
        lambda choice, values, say: _examined(calls, choice, say),
        parts.dataset,
        calls.plan_refused,
        parts.data.refused,
    )
    calls.page.on_load(calls.arrive, [], [*parts.dataset, parts.empty.samples])
    listeners.language(lambda choice, values: calls.speak(choice), [*parts.dataset, parts.empty.samples])


def _examined(calls: DataCallbacks, choice: Choice, say: Say) -> Updates:
    """Return the data as another model's tokenizer reads them."""
    if choice.source is None:
        return calls.plan(choice)
    return calls.show(choice, choice.source, choice.picked, say)


def _changed(calls: DataCallbacks, choice: Choice) -> Updates:
    """Return the stage without data; those that were chosen can still be gone back to."""
    return {**calls.stage("empty", choice), calls.parts.cards: render_cards(Cards(), choice.lang)}
