"""Fine-tune: data, settings, training and result in the same place."""

from __future__ import annotations

import gradio as gr
from gradio.blocks import Block

from bertdemo.ui.fine_tune import (
    baselines_panel,
    dataset_wiring,
    hub_dataset_panel,
    label_issues_panel,
    run_settings,
)
from bertdemo.ui.fine_tune.choice import Listeners
from bertdemo.ui.fine_tune.dataset_callbacks import DataCallbacks
from bertdemo.ui.fine_tune.layout import Components, layout
from bertdemo.ui.fine_tune.run_callbacks import RunCallbacks
from bertdemo.ui.fine_tune.studies import wiring as studies
from bertdemo.ui.fine_tune.studies.callbacks import StudyCallbacks
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page
from bertdemo.ui.updates import LATEST, QUEUED, QUIET, Updates

# The buttons are disabled in the browser, so that a second press before the answer starts no second run.
_STARTING = "(...values) => window.bertdemo.starting(...values)"
_STARTED = "(run, trouble) => window.bertdemo.started(run, trouble)"
_NO_RUN = "() => window.bertdemo.address('run', '')"


def build(page: Page) -> None:
    """Draw the tab and connect it."""
    parts = layout(page)
    listeners = Listeners(page, parts.inputs(page))
    data = DataCallbacks(page, parts)
    runs = RunCallbacks(page, parts, data)
    services, stages = page.services, parts.data
    dataset_wiring.wire(listeners, parts, data)
    baselines_panel.wire(listeners, stages.baselines, services)
    label_issues_panel.wire(listeners, stages.issues, services, data.show, parts.dataset)
    hub_dataset_panel.wire(listeners, parts.empty.hub, services, data.show, parts.dataset)
    run_settings.wire(page, stages.form)
    _wire_start(listeners, parts, runs)
    _wire_run(listeners, parts, runs)
    _wire_result(listeners, parts, runs)
    studies.wire(listeners, parts, StudyCallbacks(page, parts, data, runs))


def _wire_start(listeners: Listeners, parts: Components, runs: RunCallbacks) -> None:
    """Connect every button that starts a run."""
    page, bar = listeners.page, parts.bar
    begun: list[Block] = [page.run, parts.state.timer, *parts.stages, *parts.followed]

    smaller = listeners.quiet(
        bar.smaller.click, lambda choice, values: runs.smaller(choice), [parts.data.form.controls["batch_size"]], None,
        QUIET, js=_STARTING,
    )  # fmt: skip
    for begin in (
        listeners.quiet(
            bar.start.click, lambda choice, values: runs.start(choice), begun, runs.refused, QUIET, js=_STARTING
        ),
        listeners.quiet(
            parts.data.baselines.keep.click, lambda choice, values: runs.keep(choice), begun, runs.refused, QUIET,
            js=_STARTING,
        ),
        listeners.quiet(
            bar.again.click, lambda choice, values: runs.again(choice), begun, runs.refused, QUIET, js=_STARTING
        ),
        listeners.quiet(smaller.then, lambda choice, values: runs.again(choice), begun, runs.refused, QUIET),
    ):  # fmt: skip
        begin.then(None, [page.run, bar.trouble], None, js=_STARTED)


def _wire_run(listeners: Listeners, parts: Components, runs: RunCallbacks) -> None:
    """Connect Stop, and the timer that follows the run."""
    page, state = listeners.page, parts.state
    listeners.quiet(parts.bar.stop.click, lambda choice, values: runs.stop(choice), parts.followed, runs.refused, QUIET)
    resumed: list[Block] = [state.timer, parts.bar.trouble, *parts.followed]
    bar = parts.bar
    listeners.quiet(bar.resume.click, lambda choice, values: runs.resume(choice), resumed, runs.refused, QUIET)
    listeners.quiet(
        bar.resume_anyway.click, lambda choice, values: runs.resume_anyway(choice), resumed, runs.refused, QUIET
    )
    ticked: list[Block] = list(dict.fromkeys([state.timer, page.run, *parts.stages, *parts.followed]))
    inputs = [page.run, state.stage, state.drawn, page.owner, page.lang]
    state.timer.tick(guarded(runs.tick), inputs, ticked, **QUIET)
    # The run may have been deleted in Runs meanwhile, and the device may be known by now, so the times of the samples.
    page.on_open("train", guarded(runs.come), inputs, [*ticked, parts.empty.samples])
    page.on_load(runs.arrive, [page.run], ticked)
    listeners.language(lambda choice, values: runs.speak(choice), parts.followed)


def _wire_result(listeners: Listeners, parts: Components, runs: RunCallbacks) -> None:
    """Connect the text whose prediction follows the typing, and the buttons that open the result in other tabs."""
    page, bar, run = listeners.page, parts.bar, parts.run
    for box in (run.text, run.pair):
        listeners.quiet(
            box.change, lambda choice, values: runs.answer(choice, values[run.text], values[run.pair]), [run.answer],
            runs.answer_refused, LATEST, [run.text, run.pair],
        )  # fmt: skip
    listeners.quiet(bar.download.click, lambda choice, values: runs.archive(choice), [bar.zip], None, QUEUED).then(
        None, bar.zip, None, js="(file) => window.bertdemo.download(file)"
    )
    listeners.quiet(bar.settings.click, lambda choice, values: runs.back(choice), parts.dataset, runs.refused, QUIET)
    listeners.quiet(
        bar.new.click, lambda choice, values: runs.new(choice), [page.run, *parts.dataset], runs.refused, QUIET
    ).then(None, None, None, js=_NO_RUN)
    targets = (
        (bar.use, "predict", page.checkpoint),
        (bar.inspect, "inside", page.inspected),
        (bar.open, "runs", page.opened),
    )
    for button, tab, target in targets:
        _leads(page, button, tab, target)


def _leads(page: Page, button: gr.Button, tab: str, target: gr.State) -> None:
    """Let a button open another tab with the run that is shown."""

    def go(run: dict[str, str | None] | None) -> Updates:
        return {page.tabs: gr.Tabs(selected=tab), target: (run or {}).get("run") or ""}

    button.click(go, page.run, [page.tabs, target], **QUIET)
