"""A study in Fine-tune: planned, started, followed, stopped, and its settings taken over.

As with a run, the page only looks at a folder: the study goes on when the page is closed, and is found again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import gradio as gr

from bertdemo import tasks
from bertdemo.errors import BertDemoError, DataNotChosen
from bertdemo.run_config import RunConfig
from bertdemo.runs.events import ENDED
from bertdemo.runs.registry import RunView
from bertdemo.runs.request import RunRequest
from bertdemo.runs.status import RunStatus, status_of
from bertdemo.runs.studies import admission as studies
from bertdemo.runs.studies.advance import seconds_of
from bertdemo.runs.studies.budget import best_of
from bertdemo.runs.studies.optuna_search import ENOUGH_TRIALS
from bertdemo.runs.studies.store import StudyView
from bertdemo.runs.studies.study import KINDS, Dimension, Kind, Trial, Variant
from bertdemo.ui.fine_tune.choice import Choice, Values, nothing_chosen
from bertdemo.ui.fine_tune.dataset_callbacks import DataCallbacks
from bertdemo.ui.fine_tune.dataset_state import Picked
from bertdemo.ui.fine_tune.html.bar import Cards, DataLine, render_cards
from bertdemo.ui.fine_tune.html.study import (
    Facts,
    dimension_words,
    render_deleted,
    render_plan,
    render_study,
    render_study_bar,
    state_of,
)
from bertdemo.ui.fine_tune.html.study_table import Names
from bertdemo.ui.fine_tune.layout import Components
from bertdemo.ui.fine_tune.run_callbacks import RunCallbacks, source_of
from bertdemo.ui.html.primitives import error_state, root
from bertdemo.ui.page import Page, Visit
from bertdemo.ui.stale_requests import StaleRequestGuard, page_of_request
from bertdemo.ui.updates import Updates, merged

# Seconds between two looks at a study that has ended.
_IDLE_SECONDS = 30.0
# (words, value) of every choice of a group of ticks, and the values that are ticked.
Ticks = tuple[list[tuple[str, str]], list[str]]


@dataclass(frozen=True)
class StudyCallbacks:
    """The listeners of *Try several*."""

    page: Page
    parts: Components
    data: DataCallbacks
    runs: RunCallbacks
    requests: StaleRequestGuard = field(default_factory=StaleRequestGuard)

    # --- what is to be tried ---

    def plan(self, choice: Choice, values: Values) -> Updates:
        """Outputs: Form.planned: the controls of the chosen kind, and what a press on the button does.

        Nothing where the page has asked again since: the answer would show the controls of the kind before.
        """
        page = page_of_request()
        number = self.requests.take(page)
        planned = self._planned(choice, values)
        return {} if page and number != self.requests.newest(page) else planned

    def _planned(self, choice: Choice, values: Values) -> Updates:
        form, kind = self.parts.study.form, kind_of(values[self.parts.study.form.kind])
        drawn: Updates = {
            form.checkpoints: gr.update(visible=kind == "checkpoints"),
            form.fields: gr.update(visible=kind == "search"),
            form.minutes: gr.update(visible=kind == "search"),
            form.refused: "",
            **form.ranges.offered((), (), choice.lang),
        }
        if choice.source is None:
            return {**drawn, form.plan: "", form.go: gr.update(interactive=False)}
        count = self._count(kind, choice)
        if kind == "checkpoints":
            choices, ticked = self._checkpoints(choice, values[form.checkpoints])
            drawn[form.checkpoints], count = gr.update(visible=True, choices=choices, value=ticked), len(ticked)
        if kind == "search":
            offered = self._offered(choice)
            choices, ticked = self._fields(offered, values[form.fields], choice.lang)
            drawn[form.fields] = gr.update(visible=True, choices=choices)
            if ticked != values[form.fields]:  # an answer must not take back a tick that came after its request
                drawn[form.fields] = gr.update(visible=True, choices=choices, value=ticked)
            drawn |= form.ranges.offered(offered, ticked, choice.lang)
        plan = render_plan(kind, count, self._estimate(kind, choice), choice.lang)
        return {**drawn, form.plan: plan, form.go: gr.update(interactive=True)}

    def _count(self, kind: Kind, choice: Choice) -> int:
        """Return how many runs a press starts."""
        return len(studies.layer_variants(self._layers(choice))) if kind == "layers" else studies.SEEDS

    def _layers(self, choice: Choice) -> int:
        return self.page.services.catalogue.describe(choice.checkpoint, self.page.services.owner(choice.key)).layers

    def _checkpoints(self, choice: Choice, ticked: list[str] | None) -> Ticks:
        """Return the pretrained models that are on this machine; the chosen one is ticked."""
        services = self.page.services
        infos = services.catalogue.list(services.owner(choice.key))
        ready = {it.id: it.name for it in infos if "fine_tune" in it.can and it.ready and it.source != "trained"}
        kept = [checkpoint for checkpoint in ticked or [choice.checkpoint] if checkpoint in ready]
        return [(name, checkpoint) for checkpoint, name in ready.items()], kept

    def ranges(self, choice: Choice, values: Values) -> Updates:
        """Outputs: RangeBoxes.drawn and refused: the ranges of what is ticked."""
        form = self.parts.study.form
        offered = self._offered(choice) if choice.source is not None else ()
        return {form.refused: "", **form.ranges.offered(offered, values[form.fields] or [], choice.lang)}

    def _offered(self, choice: Choice) -> tuple[Dimension, ...]:
        """Return the hyper-parameters that can be searched, with their ranges."""
        services = self.page.services
        return services.studies.offered(self._request(choice), services.owner(choice.key))

    def _fields(self, offered: Sequence[Dimension], ticked: list[str] | None, lang: str) -> Ticks:
        """Return the hyper-parameters as choices; the first three are ticked."""
        names = [dimension.field for dimension in offered]
        kept = [name for name in ticked or names[:3] if name in names]
        return [(dimension_words(it, lang), it.field) for it in offered], kept

    def _estimate(self, kind: Kind, choice: Choice) -> float | None:
        """Return the time of all runs; None where it is not known."""
        if kind != "seeds" or choice.facts is None:
            return None
        one = self.data.estimate(choice, self.data.resolved(choice))
        return None if one is None else one * studies.SEEDS

    def refused(self, message: str) -> Updates:
        """Outputs: the error below the button."""
        return {self.parts.study.form.refused: root(error_state(message))}

    def start(self, choice: Choice, values: Values) -> Updates:
        """Outputs: run, and those of `shown`: the study in place of the data."""
        form, services = self.parts.study.form, self.page.services
        kind, request, owner = kind_of(values[form.kind]), self._request(choice), services.owner(choice.key)
        if kind == "search":
            fields, typed = values[form.fields] or [], form.ranges.typed(values)
            study = services.studies.search(request, owner, fields, values[form.minutes], typed)
        else:
            variants = self._variants(kind, request.config, choice, values[form.checkpoints] or [])
            study = services.studies.start(kind, request, owner, variants)
        return {self.page.run: {"run": None, "study": study}, **self.shown(study, choice)}

    def _request(self, choice: Choice) -> RunRequest:
        if choice.source is None:
            raise DataNotChosen
        return self.runs.request(choice, choice.source, RunConfig.from_fields(choice.fields))

    def _variants(self, kind: Kind, config: RunConfig, choice: Choice, checkpoints: list[str]) -> list[Variant]:
        if kind == "layers":
            return studies.layer_variants(self._layers(choice))
        return studies.checkpoint_variants(checkpoints) if kind == "checkpoints" else studies.seed_variants(config)

    # --- following ---

    def shown(self, study: str, choice: Choice) -> Updates:
        """Outputs: timer, Components.stages and study.followed."""
        place = self.parts.study.place
        stage = self.data.stage("study", replace(choice, run="", stage="study"))
        return {**stage, place.timer: gr.Timer(1.0, active=True), **self.drawn(study, "", choice.key, choice.lang)}

    def drawn(self, study: str, seen: str, key: str, lang: str) -> Updates:
        """Outputs: study.followed; nothing where all of it is as it was when `seen` was remembered."""
        place, line = self.parts.study.place, self.parts.study.bar
        view = self._view(study, key)
        if view is None:
            return {}
        facts = self._facts(view, key)
        panel, progress = render_study(view, facts, lang), render_study_bar(view, facts, lang)
        mark = hashlib.sha256(f"{panel}{progress}{view.stopping}".encode()).hexdigest()
        if mark == seen:
            return {}
        ended = view.progress.ended
        return {
            place.drawn: mark,
            place.panel: panel,
            self.parts.cards: render_cards(self._cards(view, facts, lang), lang),
            line.progress: progress,
            line.stop: gr.update(visible=not ended, interactive=not view.stopping),
            line.use: gr.update(visible=ended and self._best(view) is not None),
            line.settings: gr.update(visible=True),
            line.delete: gr.update(visible=ended),
        }

    def tick(self, remembered: dict[str, str | None] | None, stage: str, seen: str, key: str, lang: str) -> Updates:
        """Outputs: timer, and study.followed where something is new."""
        timer, study = self.parts.study.place.timer, (remembered or {}).get("study") or ""
        view = self._view(study, key) if stage == "study" else None
        if view is None:
            return {timer: gr.Timer(active=False)}
        waits = gr.Timer(_IDLE_SECONDS, active=True) if view.progress.ended else gr.skip()
        return {timer: waits, **self.drawn(study, seen, key, lang)}

    def arrive(self, visit: Visit, remembered: dict[str, str | None] | None) -> Updates:
        """Outputs: run, and those of `shown`, where the address or this browser names a study."""
        other = visit.run or visit.sample
        study = visit.study or ("" if other else (remembered or {}).get("study") or "")
        if self._view(study, visit.owner) is None:
            return self.runs.lost(visit.lang) if visit.study else {}
        choice = nothing_chosen("", visit.owner, visit.lang)
        return {self.page.run: {"run": None, "study": study}, **self.shown(study, choice)}

    def stop(self, choice: Choice, values: Values) -> Updates:
        """Outputs: study.followed."""
        study, studies_ = study_of(values[self.page.run]), self.page.services.studies
        studies_.store.ask_to_stop(study, self.page.services.owner(choice.key))
        studies_.driver.wake()
        return self.drawn(study, "", choice.key, choice.lang)

    def speak(self, choice: Choice, values: Values) -> Updates:
        """Outputs: study.followed, in another language."""
        return self.drawn(study_of(values[self.page.run]), "", choice.key, choice.lang)

    # --- the end of it ---

    def back(self, choice: Choice, values: Values) -> Updates:
        """Outputs: run and Components.dataset: the data and the settings, after a reload those of the study."""
        study = study_of(values[self.page.run])
        gone: Updates = {self.page.run: {"run": None}}
        view = self._view(study, choice.key)
        if choice.source is not None or view is None:
            return {**gone, **self.data.show(choice, choice.source, choice.picked)}
        request = view.study.request
        source = source_of(request, self.page.services.studies.store.folder(study))
        return {**gone, **self.data.show(choice, source, Picked.of(tasks.find(request.task), request.columns))}

    def use(self, choice: Choice, values: Values, number: str = "") -> Updates:
        """Outputs: run and Components.dataset: the form with the settings of a run, of the best one unless named."""
        view = self._view(study_of(values[self.page.run]), choice.key)
        if view is None:
            return {}
        trials = {str(trial.number): trial for trial in view.progress.trials}
        trial = trials.get(number) or self._best(view)
        if trial is None:
            return {}
        filled, form = self._filled(trial), self.parts.data.form
        checkpoint = trial.variant.checkpoint or view.study.request.checkpoint
        now = replace(choice, fields={**choice.fields, **filled}, checkpoint=checkpoint)
        controls: Updates = {form.controls[name]: value for name, value in filled.items()}
        return merged(self.back(now, values), {form.checkpoint: checkpoint, **controls})

    def _filled(self, trial: Trial) -> dict[str, object]:
        """Return field -> what its control holds; a field that may be left open has a text box."""
        controls = self.parts.data.form.controls
        return {
            name: f"{value:.6g}" if isinstance(controls[name], gr.Textbox) and not isinstance(value, str) else value
            for name, value in trial.variant.settings.items()
            if name in controls
        }

    def _best(self, view: StudyView) -> Trial | None:
        """Return the run whose settings are offered first: of a search the best trial, of others none."""
        return best_of(view.progress.of_role("trial")) if view.study.searches else None

    # --- deleted, and had back ---

    def delete(self, choice: Choice, values: Values) -> Updates:
        """Outputs: run, Components.dataset, the notice with Undo and its timer."""
        services, study = self.page.services, study_of(values[self.page.run])
        owner, folder = services.owner(choice.key), services.studies.store.folder(study)
        name = services.studies.store.read(study, owner).study.request.data_name
        runs = services.study_deletion.hide(study, owner)
        for run in runs:
            services.forget(run)
        if choice.source is not None and Path(choice.source.path).is_relative_to(folder):  # a copy that goes too
            choice = nothing_chosen("", choice.key, choice.lang)
        left = self.data.show(choice, choice.source, choice.picked)
        bar = self.parts.study.bar
        notice = render_deleted(study, name, len(runs), choice.lang)
        return {self.page.run: {"run": None}, **left, bar.deleted: notice, bar.undo_timer: gr.Timer(active=True)}

    def restore(self, choice: Choice, study: str) -> Updates:
        """Outputs: run, those of `shown`, the notice, gone, and its timer."""
        self.page.services.study_deletion.restore(study, self.page.services.owner(choice.key))
        return {self.page.run: {"run": None, "study": study}, **self.shown(study, choice), **self.expired()}

    def expired(self) -> Updates:
        """Outputs: the notice, gone, and its timer: from now on nothing can be undone."""
        return {self.parts.study.bar.deleted: "", self.parts.study.bar.undo_timer: gr.Timer(active=False)}

    def undo_refused(self, message: str) -> Updates:
        """Outputs: the error in place of the notice, and its timer."""
        return {**self.expired(), self.parts.study.bar.deleted: root(error_state(message))}

    # --- what is on disk ---

    def _cards(self, view: StudyView, facts: Facts, lang: str) -> Cards:
        request = view.study.request
        line = DataLine(request.data_name, columns=tuple(request.columns.values()))
        return Cards(line, facts.model, state_of(view, facts, lang)[0], stage=2)

    def _facts(self, view: StudyView, key: str) -> Facts:
        owner, request = self.page.services.owner(key), view.study.request
        checkpoints = {trial.variant.checkpoint for trial in view.progress.trials if trial.variant.checkpoint}
        names = Names({it: self._described(it, owner)[0] for it in checkpoints})
        model, width, heads = self._described(request.checkpoint, owner)
        run = self._run(view, owner)
        seconds = seconds_of(run, time.time()) if run and run.state not in ENDED else 0.0
        return Facts(names, self._status(run), seconds, model, width, heads, ENOUGH_TRIALS)

    def _status(self, run: RunView | None) -> RunStatus | None:
        return status_of(run) if run else None

    def _described(self, checkpoint: str, owner: str) -> tuple[str, int, int]:
        """Return name, hidden size and heads of a pretrained model."""
        try:
            info = self.page.services.catalogue.describe(checkpoint, owner)
        except BertDemoError:  # it was deleted since
            return checkpoint, 0, 0
        return info.name, info.width, info.heads

    def _run(self, view: StudyView, owner: str) -> RunView | None:
        """Return the run under way."""
        trial = view.progress.current
        try:
            return self.page.services.registry.summary(trial.run, owner) if trial and trial.run else None
        except BertDemoError:
            return None

    def _view(self, study: str, key: str) -> StudyView | None:
        try:
            return self.page.services.studies.store.read(study, self.page.services.owner(key)) if study else None
        except BertDemoError:
            return None


def kind_of(value: object) -> Kind:
    """Return the chosen kind; the first one for anything else."""
    return next((kind for kind in KINDS if kind == value), KINDS[0])


def study_of(remembered: object) -> str:
    """Return the id of the study that the page shows, "" where it shows none."""
    return str(remembered.get("study") or "") if isinstance(remembered, dict) else ""
