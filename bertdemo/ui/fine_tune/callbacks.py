"""Fine-tune: data, settings, training and result on one screen.

The page only looks at run folders: Start returns a run id at once, a timer reads the run, Stop leaves a flag. So a
reload, a second tab or a restart of the server shows the same run again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from bertdemo import tasks
from bertdemo.analysis.baseline_cache import as_fields
from bertdemo.analysis.baselines import Baseline
from bertdemo.dataset.dataset_cache import rows_key
from bertdemo.errors import BertDemoError, DataNotChosen
from bertdemo.i18n.translation import translate
from bertdemo.run_config import RunConfig
from bertdemo.runs.evaluation import evaluate
from bertdemo.runs.events import ENDED
from bertdemo.runs.registry import RunView
from bertdemo.runs.request import RunRequest, resolve_defaults
from bertdemo.runs.status import status_of
from bertdemo.services import Services
from bertdemo.ui.fine_tune import baselines_panel, dataset_callbacks, label_issues_panel
from bertdemo.ui.fine_tune.dataset_state import ChosenData, Picked, Source
from bertdemo.ui.fine_tune.layout import data_box, result_box, settings_box, training_box
from bertdemo.ui.fine_tune.run_settings import SettingsForm
from bertdemo.ui.html.dataset import render_chosen
from bertdemo.ui.html.primitives import error_state, root
from bertdemo.ui.html.runs import render_outcome, render_run
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page, Visit
from bertdemo.ui.updates import LATEST, QUEUED, QUIET, keyed

# Seconds between two looks for a run where none is active.
_IDLE_SECONDS = 3.0
# Message of a run that failed for want of memory: the page then offers a smaller batch.
_OUT_OF_MEMORY = "error.out_of_memory"
# Components that `ChosenData.shown` updates after the facts, in the order of its outputs.
_DATA_OUTPUTS = ("box", "preview", "picked", "task", "text", "pair", "label", "preview_box", "cleaning", "cleaned")


@dataclass(frozen=True)
class _State:
    """What the page remembers between listeners."""

    source: gr.State
    facts: gr.State
    drawn: gr.State
    timer: gr.Timer


class _Callbacks:
    """The listeners of this tab, without the page."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._data = ChosenData(services)

    def chosen(self, facts: Mapping[str, Any] | None, checkpoint: str, key: str, lang: str, *fields: Any) -> str:
        """Inputs: found, checkpoint, owner, lang, settings. Outputs: what the settings come to."""
        if facts is None:
            return ""
        info = self._services.catalogue.describe(checkpoint, self._services.owner(key))
        config = resolve_defaults(
            RunConfig.from_fields(SettingsForm.values(fields)),
            train_rows=facts["split"]["train"],
            parameters=info.parameters,
            suggested_length=min(facts["suggested"], info.positions),
            labels=facts["labels"],
            step_multiplier=facts["step_multiplier"],
        )
        return render_chosen(config, facts["split"], lang, facts["split_seed"])

    def start(
        self,
        source: Source | None,
        picked: Picked | None,
        validation: str | None,
        test: str | None,
        checkpoint: str,
        key: str,
        lang: str,
        *fields: Any,
    ) -> tuple[Any, ...]:
        """Inputs: source, columns, files, checkpoint, owner, lang, settings. Outputs: trouble, run, seen, timer, …"""
        if source is None:
            raise DataNotChosen
        config = RunConfig.from_fields(SettingsForm.values(fields))
        task, columns = (picked.task, picked.columns) if picked else ("", {})  # "" is guessed from the table
        # Only baselines that were already computed for these rows: a start never waits for them.
        known: tuple[Baseline, ...] = ()
        if picked is not None:
            rows = rows_key(source.preparation, tasks.find(task), columns)
            known = self._services.baselines.remembered(rows, checkpoint)
        request = RunRequest(
            task=task,
            columns=columns,
            checkpoint=checkpoint,
            config=config,
            data=source.path,
            data_name=source.name,
            validation=validation,
            validation_name=Path(validation).name if validation else None,
            test=test,
            test_name=Path(test).name if test else None,
            baselines=as_fields(known),
            cleaning=source.cleaning,
            origin=source.origin,
            parse={name: value for name, value in source.options.to_fields().items() if value},
            relabel=source.relabel,
            split_seed=source.split_seed,
        )
        run = self._services.admission.start(request, self._services.owner(key))
        return ("", {"run": run}, gr.Timer(1.0, active=True), *self._drawn(run, "", key, lang))

    def keep(
        self,
        source: Source | None,
        picked: Picked | None,
        validation: str | None,
        test: str | None,
        checkpoint: str,
        key: str,
        lang: str,
        *fields: Any,
    ) -> tuple[Any, ...]:
        """Inputs: those of `start`. Outputs: as `start`; what is started is the regression on the frozen encoder."""
        arguments = (source, picked, validation, test, checkpoint, key, lang)
        return self.start(*arguments, *SettingsForm.for_regression(fields))

    def again(self, run: Mapping[str, Any], source: Source | None, *arguments: Any) -> tuple[Any, ...]:
        """Inputs: run, then those of `start`. Outputs: as `start`; after a reload with the data of the run shown."""
        name = (run or {}).get("run") or ""
        if source is not None or not name:
            return self.start(source, *arguments)
        key, lang, fields = arguments[4], arguments[5], arguments[6:]
        owner, folder = self._services.owner(key), self._services.registry.folder(name)
        before = self._services.registry.read(name, owner).request
        # The upload may be gone after a reload, but the folder of the run has a copy of each file.
        paths = {role: str(folder / path) for role in ("data", "validation", "test") if (path := getattr(before, role))}
        base = before.checkpoint if arguments[3] == "bundled" else arguments[3]
        request = replace(before, **paths, checkpoint=base, config=SettingsForm.over(before.config, fields))
        started = self._services.admission.start(request, owner)
        return ("", {"run": started}, gr.Timer(1.0, active=True), *self._drawn(started, "", key, lang))

    def stop(self, run: Mapping[str, Any], key: str, lang: str) -> tuple[Any, ...]:
        """Inputs: run, owner, lang. Outputs: those of `_drawn`."""
        name = (run or {}).get("run") or ""
        if name:
            self._services.dispatcher.cancel(name, self._services.owner(key))
        return self._drawn(name, "", key, lang)

    def tick(self, run: Mapping[str, Any], seen: str, key: str, lang: str) -> tuple[Any, ...]:
        """Inputs: run, seen, owner, lang. Outputs: timer, then those of `_drawn`; skips where nothing is new."""
        name = (run or {}).get("run") or ""
        drawn = self._drawn(name, seen, key, lang)
        ended = not name or (isinstance(drawn[0], str) and drawn[0].endswith(":ended"))
        # Slower, never off: this answer may arrive after that of a Start, whose run must still be followed.
        return (gr.Timer(_IDLE_SECONDS, active=True) if ended else gr.skip(), *drawn)

    def arrive(self, visit: Visit, run: Mapping[str, Any] | None) -> tuple[Any, ...]:
        """Inputs: the visit, the remembered run. Outputs: run, timer, then those of `_drawn`."""
        name = visit.run or (run or {}).get("run") or ""
        drawn = self._drawn(name, "", visit.owner, visit.lang)
        return ({"run": name or None}, gr.Timer(active=bool(name)), *drawn)

    def speak(
        self,
        lang: str,
        source: Source | None,
        picked: Picked | None,
        checkpoint: str,
        key: str,
        run: Mapping[str, Any] | None,
    ) -> tuple[Any, ...]:
        """Inputs: language, then what is shown. Outputs: those of `shown` and `_drawn` in the new language."""
        dataset_updates = self._data.examined(source, picked, checkpoint, key, lang)
        return (*dataset_updates, *self._drawn((run or {}).get("run") or "", "", key, lang))

    def smaller(self, run: Mapping[str, Any], key: str) -> Any:
        """Inputs: run, owner. Outputs: batch size, set to what the failed run suggested."""
        view = self._found(self._services.registry.summary, (run or {}).get("run") or "", key)
        message = status_of(view).message if view else None
        return str(message.values["smaller"]) if message and message.key == _OUT_OF_MEMORY else gr.skip()

    def archive(self, run: Mapping[str, Any], key: str, lang: str) -> Any:  # noqa: ARG002 - for `guarded`
        """Inputs: run, owner, lang. Outputs: the hidden download button, holding the zip."""
        return gr.DownloadButton(value=str(self._services.zip_of((run or {}).get("run") or "", key)))

    def _found(self, read: Callable[[str, str], RunView], run: str, key: str) -> RunView | None:
        if not run:
            return None
        try:
            return read(run, self._services.owner(key))
        except BertDemoError:
            return None

    def _drawn(self, run: str, seen: str, key: str, lang: str) -> tuple[Any, ...]:
        """Outputs: seen, panel, outcome, stop button, buttons below the result, smaller-batch button."""
        view = self._found(self._services.registry.summary, run, key)
        if view is None:
            hidden = gr.update(visible=False)
            return "", render_run(None, lang), "", hidden, hidden, hidden
        ahead = self._services.dispatcher.ahead(view)
        # Everything that the drawing depends on: while it stays the same, nothing is sent.
        mark = f"{run}:{view.seq}:{view.state}:{view.stopping}:{ahead}:{lang}{':ended' if view.state in ENDED else ''}"
        if mark == seen:
            return (gr.skip(),) * _DRAWN
        status = status_of(self._services.registry.read(run, self._services.owner(key)))
        outcome = ""
        if status.ended:
            rows = self._services.registry.evaluation(run, self._services.owner(key))
            labels = status.started.labels if status.started else ()
            outcome = render_outcome(status, evaluate(rows, labels).mistakes if rows else (), lang)
        message = status.message
        smaller = message.values["smaller"] if message and message.key == _OUT_OF_MEMORY else None
        return (
            mark,
            render_run(status, lang, ahead),
            outcome,
            gr.update(visible=not status.ended, interactive=not status.stopping),
            gr.update(visible=bool(status.checkpoint)),
            gr.update(
                visible=smaller is not None,
                value=translate(lang, "train.smaller", n=smaller) if smaller is not None else "",
            ),
        )


# Number of outputs of `_drawn`.
_DRAWN = 6


def build(page: Page) -> None:
    """Draw the tab."""
    calls = _Callbacks(page.services)
    state = _State(gr.State(None), gr.State(None), gr.State(""), gr.Timer(1.0, active=False))
    with gr.Row(elem_classes="bd-steps", equal_height=False):
        with gr.Column(elem_classes="bd-box", elem_id="train-data", min_width=300):
            data = data_box(page)
            baseline = baselines_panel.build(page)
            suspects = label_issues_panel.build(page)
        with gr.Column(elem_classes="bd-box", elem_id="train-settings", min_width=300):
            form = settings_box(page)
        with gr.Column(elem_classes="bd-box", elem_id="train-training", min_width=340):
            progress = training_box(page)
    with gr.Column(elem_classes="bd-outcome-box", elem_id="train-result"):
        result = result_box(page)
    dataset_outputs = [state.facts, *(data[name] for name in _DATA_OUTPUTS)]
    drawn = [state.drawn, progress["panel"], result["outcome"], progress["stop"]]
    drawn += [result["buttons"], progress["smaller"]]
    _wire_data(page, calls, state, data, form, dataset_outputs)
    baselines_panel.wire(page, baseline, state.source, data, form.checkpoint)
    label_issues_panel.wire(page, suspects, state.source, data, form.checkpoint, dataset_outputs)
    _wire_run(page, calls, state, data, form, progress, result, drawn, baseline["keep"])
    arrived = [page.run, state.timer, *drawn]
    page.on_load(keyed(calls.arrive, arrived), [page.run], arrived)
    again = [page.run, state.drawn, page.owner, page.lang]  # it may have been stopped or deleted in Runs meanwhile
    page.on_open("train", keyed(guarded(calls.tick), [state.timer, *drawn]), again, [state.timer, *drawn])
    page.on_language(
        keyed(calls.speak, [*dataset_outputs, *drawn]),
        [state.source, data["picked"], form.checkpoint, page.owner, page.run],
        [*dataset_outputs, *drawn],
    )


# The button is disabled in the browser, so that a second press before the answer starts no second run.
_STARTING = "(...values) => window.bertdemo.starting(...values)"
_STARTED = "(run, trouble) => window.bertdemo.started(run, trouble)"


def _wire_data(
    page: Page, calls: _Callbacks, state: _State, data: dict[str, Any], form: SettingsForm, dataset_outputs: list[Any]
) -> None:
    """Connect what is chosen on the left, and what the settings come to for it."""
    who = [form.checkpoint, page.owner, page.lang]
    dataset_callbacks.wire(page, state.source, data, form.checkpoint, dataset_outputs)
    chosen = guarded(calls.chosen, on_error=lambda message: root(error_state(message)))
    for component in (state.facts, form.checkpoint, *form.components):
        component.change(
            chosen,
            [state.facts, *who, *form.components],
            form.chosen,
            **LATEST,
        )
    page.on_language(
        keyed(
            lambda lang, facts, checkpoint, key, *fields: chosen(facts, checkpoint, key, lang, *fields), [form.chosen]
        ),
        [state.facts, form.checkpoint, page.owner, *form.components],
        [form.chosen],
    )


def _wire_run(
    page: Page,
    calls: _Callbacks,
    state: _State,
    data: dict[str, Any],
    form: SettingsForm,
    progress: dict[str, Any],
    result: dict[str, Any],
    drawn: list[Any],
    keep: gr.Button,
) -> None:
    """Connect Start, Stop, and the timer that follows the run."""
    who = [form.checkpoint, page.owner, page.lang]
    inputs = [state.source, data["picked"], data["validation"], data["test"], *who, *form.components]
    begun = [form.trouble, page.run, state.timer, *drawn]
    again = {"fn": guarded(calls.again, on_error=_refused), "inputs": [page.run, *inputs], "outputs": begun}
    once = {"js": _STARTING, **QUIET}
    smaller = progress["smaller"].click(
        guarded(calls.smaller, on_error=lambda _: gr.skip()),
        [page.run, page.owner],
        form.batch_size,
        **once,
    )
    for begin in (
        form.start.click(guarded(calls.start, on_error=_refused), inputs, begun, **once),
        keep.click(guarded(calls.keep, on_error=_refused), inputs, begun, **once),
        result["again"].click(**again, **once),
        smaller.then(**again, **QUIET),
    ):
        begin.then(None, [page.run, form.trouble], None, js=_STARTED)
    page.on_language(lambda lang: {form.trouble: ""}, [], [form.trouble])
    progress["stop"].click(
        guarded(calls.stop, on_error=lambda message: ("", root(error_state(message)), *(gr.skip(),) * (_DRAWN - 2))),
        [page.run, page.owner, page.lang],
        drawn,
        **QUIET,
    )
    state.timer.tick(
        guarded(calls.tick),
        [page.run, state.drawn, page.owner, page.lang],
        [state.timer, *drawn],
        **QUIET,
    )
    _wire_result(page, calls, result)


def _wire_result(page: Page, calls: _Callbacks, result: dict[str, Any]) -> None:
    """Connect the buttons that take the result of a run elsewhere."""
    result["download"].click(guarded(calls.archive), [page.run, page.owner, page.lang], result["zip"], **QUEUED).then(
        None, result["zip"], None, js="(file) => window.bertdemo.download(file)"
    )
    go = {"try": ("predict", page.checkpoint), "inspect": ("inside", page.inspected), "open": ("runs", page.opened)}
    for button, (tab, target) in ((result[name], where) for name, where in go.items()):
        button.click(
            lambda run, tab=tab: (gr.Tabs(selected=tab), (run or {}).get("run") or ""),
            page.run,
            [page.tabs, target],
            **QUIET,
        )


def _refused(message: str) -> tuple[Any, ...]:
    return (root(error_state(message)), *(gr.skip(),) * (2 + _DRAWN))
