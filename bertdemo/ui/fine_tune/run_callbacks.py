"""A run in Fine-tune: started, followed, stopped, answered with, and its data found again after a reload.

The page only looks at run folders: Start returns a run id at once, a timer reads the run, Stop leaves a flag. So a
reload, a second tab or a restart of the server shows the same run again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import gradio as gr

from bertdemo import tasks
from bertdemo.analysis.baseline_cache import as_fields
from bertdemo.analysis.baselines import Baseline
from bertdemo.dataset.dataset_cache import rows_key
from bertdemo.errors import BertDemoError, DataNotChosen
from bertdemo.i18n.translation import translate
from bertdemo.run_config import RunConfig
from bertdemo.runs.evaluation import Evaluation, evaluate
from bertdemo.runs.events import ENDED
from bertdemo.runs.registry import RunView
from bertdemo.runs.request import RunRequest
from bertdemo.runs.status import RunStatus, status_of
from bertdemo.tables.parse_options import ParseOptions
from bertdemo.ui.fine_tune.choice import Choice, nothing_chosen
from bertdemo.ui.fine_tune.dataset_callbacks import DataCallbacks
from bertdemo.ui.fine_tune.dataset_state import Picked, Source
from bertdemo.ui.fine_tune.html.bar import Cards, DataLine, render_cards, render_progress
from bertdemo.ui.fine_tune.html.class_map import MapDot, render_map
from bertdemo.ui.fine_tune.html.result import render_more, render_outcome
from bertdemo.ui.fine_tune.html.training import WatchedText, render_training
from bertdemo.ui.fine_tune.layout import Components
from bertdemo.ui.fine_tune.run_settings import for_probe, over
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.predictions import ModelInput, render_prediction
from bertdemo.ui.html.primitives import error_state, root
from bertdemo.ui.html.runs import resume_words, state_words, stop_words
from bertdemo.ui.page import Page, Visit
from bertdemo.ui.updates import Updates

# Seconds between two looks for a run where none is active.
_IDLE_SECONDS = 3.0
# Message of a run that failed for want of memory: the page then offers a smaller batch.
_OUT_OF_MEMORY = "error.out_of_memory"


@dataclass(frozen=True)
class RunCallbacks:
    """The listeners, without the page."""

    page: Page
    parts: Components
    data: DataCallbacks

    # --- starting ---

    def start(self, choice: Choice) -> Updates:
        """Outputs: run, timer, Components.stages and Components.followed."""
        source = choice.source
        if source is None:
            raise DataNotChosen
        return self._begun(self.request(choice, source, RunConfig.from_fields(choice.fields)), choice)

    def keep(self, choice: Choice) -> Updates:
        """Outputs: those of `start`; what is started is the linear probe on the frozen encoder."""
        return self.start(replace(choice, fields=for_probe(choice.fields)))

    def again(self, choice: Choice) -> Updates:
        """Outputs: those of `start`; after a reload with the data of the run that is shown."""
        if choice.source is not None or not choice.run:
            return self.start(choice)
        registry, owner = self.page.services.registry, self.page.services.owner(choice.key)
        before = registry.read(choice.run, owner).request
        # The upload may be gone after a reload, but the folder of the run has a copy of each file.
        folder = registry.folder(choice.run)
        data, validation, test = (
            str(folder / path) if path else None for path in (before.data, before.validation, before.test)
        )
        base = before.checkpoint if choice.checkpoint == "bundled" else choice.checkpoint
        config = over(before.config, choice.fields)
        request = replace(before, data=data or "", validation=validation, test=test, checkpoint=base, config=config)
        if before.study:  # a run of its own, on the whole training set
            request = replace(request, study=None, name="")
        return self._begun(request, choice)

    def refused(self, message: str) -> Updates:
        """Outputs: the error above the bar."""
        return {self.parts.bar.trouble: root(error_state(message))}

    def smaller(self, choice: Choice) -> Updates:
        """Outputs: batch size, set to what the failed run suggested."""
        status = self._status(choice.run, choice.key)
        message = status.message if status else None
        if message is None or message.key != _OUT_OF_MEMORY:
            return {}
        return {self.parts.data.form.controls["batch_size"]: str(message.values["smaller"])}

    def request(self, choice: Choice, source: Source, config: RunConfig) -> RunRequest:
        """Return the request for a run of what is chosen, with these settings."""
        picked = choice.picked
        task, columns = (picked.task, picked.columns) if picked else ("", {})  # "" is guessed from the table
        # Only baselines that were already computed for these rows: a start never waits for them.
        known: tuple[Baseline, ...] = ()
        if picked is not None:
            rows = rows_key(source.preparation, tasks.find(task), columns)
            known = self.page.services.baselines.remembered(rows, choice.checkpoint)
        validation, test = choice.validation, choice.test
        return RunRequest(
            task=task,
            columns=columns,
            checkpoint=choice.checkpoint,
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

    def _begun(self, request: RunRequest, choice: Choice) -> Updates:
        run = self.page.services.admission.start(request, self.page.services.owner(choice.key))
        now = replace(choice, run=run, stage="run")
        return {
            **self.data.stage("run", now),
            self.page.run: {"run": run},
            self.parts.state.timer: gr.Timer(1.0, active=True),
            **self.drawn(run, "", choice.key, choice.lang),
        }

    # --- following ---

    def stop(self, choice: Choice) -> Updates:
        """Outputs: Components.followed."""
        if choice.run:
            self.page.services.dispatcher.cancel(choice.run, self.page.services.owner(choice.key))
        return self.drawn(choice.run, "", choice.key, choice.lang)

    def resume(self, choice: Choice, *, not_exact: bool = False) -> Updates:
        """Outputs: trouble, timer, and Components.followed."""
        self.page.services.dispatcher.resume(choice.run, self.page.services.owner(choice.key), not_exact=not_exact)
        followed = self.drawn(choice.run, "", choice.key, choice.lang)
        return {self.parts.state.timer: gr.Timer(1.0, active=True), self.parts.bar.trouble: "", **followed}

    def resume_anyway(self, choice: Choice) -> Updates:
        """Outputs: those of `resume`, under other conditions too."""
        return self.resume(choice, not_exact=True)

    def tick(self, remembered: dict[str, str | None] | None, stage: str, seen: str, key: str, lang: str) -> Updates:
        """Outputs: timer, Components.followed where something is new, and Components.stages where the run is gone."""
        run = (remembered or {}).get("run") or ""
        view = self._view(run, key)
        timer = self.parts.state.timer
        if view is None:
            # Without a run in the browser's storage the answer of a Start is on its way.
            gone = self._gone(lang) if stage == "run" and run else {}
            # Slower, never off: this answer may arrive after that of a Start, whose run must still be followed.
            return {timer: gr.Timer(_IDLE_SECONDS, active=True), **gone}
        updates = self.drawn(run, seen, key, lang)
        if stage != "run":
            updates.pop(self.parts.cards, None)
        # Set only where it changes: a timer that is set begins to wait anew.
        return {timer: gr.Timer(_IDLE_SECONDS, active=True) if view.state in ENDED else gr.skip(), **updates}

    def come(self, remembered: dict[str, str | None] | None, stage: str, seen: str, key: str, lang: str) -> Updates:
        """Outputs: those of `tick`, and the samples."""
        return {**self.data.samples(lang), **self.tick(remembered, stage, seen, key, lang)}

    def arrive(self, visit: Visit, remembered: dict[str, str | None] | None) -> Updates:
        """Outputs: run, timer, Components.stages and Components.followed."""
        # A link to a sample shows the sample, whatever this browser trained last.
        run = visit.run or ("" if visit.sample else (remembered or {}).get("run") or "")
        view = self._view(run, visit.owner)
        timer: Updates = {self.parts.state.timer: gr.Timer(active=bool(run))}
        if view is None:
            lost = self.lost(visit.lang) if visit.run else {}
            return {self.page.run: {"run": None}, **timer, **lost}
        choice = nothing_chosen(run, visit.owner, visit.lang)
        return {
            self.page.run: {"run": run},
            **timer,
            **self.data.stage("run", choice),
            **self.drawn(run, "", visit.owner, visit.lang),
        }

    def drawn(self, run: str, seen: str, key: str, lang: str) -> Updates:
        """Outputs: Components.followed; nothing where all of it is as it was when `seen` was remembered."""
        view = self._view(run, key)
        if view is None:
            return {}
        place = self.page.services.dispatcher.place_of(view)
        # Everything that the drawing depends on: while it stays the same, nothing is sent.
        mark = (
            f"{run}:{view.seq}:{view.state}:{view.exit_code}:{view.stopping}:{view.silent_seconds // 10}"
            f":{place.ahead}:{place.minutes}:{lang}"
        )
        if mark == seen:
            return {}
        owner = self.page.services.owner(key)
        view = self.page.services.registry.read(run, owner)
        status = status_of(view)
        return {
            self.parts.state.drawn: mark,
            self.parts.cards: render_cards(self._cards(status, view.request, owner, lang), lang),
            self.parts.run.panel: render_training(status, _watched(status), lang, place),
            self.parts.bar.progress: render_progress(status, lang, place),
            **self._buttons(status, lang),
            **self._result(status, key, lang),
        }

    def speak(self, choice: Choice) -> Updates:
        """Outputs: Components.followed, in another language."""
        updates = self.drawn(choice.run, "", choice.key, choice.lang)
        if choice.stage != "run":
            updates.pop(self.parts.cards, None)
        return updates

    def _buttons(self, status: RunStatus, lang: str) -> Updates:
        bar, ended, kept = self.parts.bar, status.ended, bool(status.checkpoint)
        message = status.message
        smaller = message.values["smaller"] if message and message.key == _OUT_OF_MEMORY else None
        words = translate(lang, "train.smaller", n=smaller) if smaller is not None else ""
        # Beside Resume there is no room for everything: what is left out is one press away, in the full result.
        rest = kept and not status.resumable
        shown = {bar.open: kept, bar.inspect: rest, bar.use: kept, bar.download: rest, bar.again: ended}
        return {
            bar.stop: gr.update(
                visible=not ended,
                interactive=status.silent or not status.stopping,
                value=stop_words(status, lang, "train.stop"),
            ),
            bar.resume: gr.update(
                visible=status.resumable and not status.differs,
                value=resume_words(status, lang),
                variant="secondary" if kept or smaller is not None else "primary",
            ),
            bar.resume_anyway: gr.update(visible=status.resumable and status.differs),
            bar.smaller: gr.update(visible=smaller is not None, value=words),
            bar.settings: gr.update(visible=ended),
            bar.new: gr.update(visible=ended),
            **{button: gr.update(visible=visible) for button, visible in shown.items()},
        }

    def _result(self, status: RunStatus, key: str, lang: str) -> Updates:
        """Return what stands in place of the chart once the run has ended."""
        stage = self.parts.run
        if not status.ended:
            hidden: Updates = {
                stage.done: gr.update(visible=False),
                stage.outcome: "",
                stage.class_map: "",
                stage.more: "",
            }
            return {**hidden, stage.answer: "", stage.text: "", stage.pair: ""}
        evaluation = self._evaluation(status, key)
        task = tasks.TASKS.get(status.task)
        outcome = render_outcome(status, lang)
        return {
            stage.done: gr.update(visible=bool(outcome)),
            stage.outcome: outcome,
            stage.class_map: self._map(status, key, lang),
            stage.more: render_more(status, evaluation, lang),
            stage.text: gr.update(visible=bool(status.checkpoint)),
            stage.pair: gr.update(visible=bool(status.checkpoint) and task is not None and task.reads_pairs),
        }

    def _evaluation(self, status: RunStatus, key: str) -> Evaluation | None:
        rows = self.page.services.registry.evaluation(status.run_id, self.page.services.owner(key))
        return evaluate(rows, status.started.labels if status.started else ()) if rows else None

    def _map(self, status: RunStatus, key: str, lang: str) -> str:
        found = self.page.services.registry.class_map(status.run_id, self.page.services.owner(key))
        if found is None:
            return ""
        dots = [MapDot(point.text, point.label, point.before, point.after) for point in found.points]
        return render_map(dots, found.explained, lang)

    def _cards(self, status: RunStatus, request: RunRequest, owner: str, lang: str) -> Cards:
        started = status.started
        rows = started.train_rows + started.validation_rows + started.test_rows if started else 0
        labels = len(started.labels) if started else 0
        line = DataLine(request.data_name, rows, labels, tuple(request.columns.values()))
        return Cards(line, self._model(request.checkpoint, owner), state_words(status, lang), stage=2)

    def _model(self, checkpoint: str, owner: str) -> str:
        try:
            return self.page.services.catalogue.describe(checkpoint, owner).name
        except BertDemoError:  # it was deleted since
            return checkpoint

    # --- the end of it ---

    def answer(self, choice: Choice, text: str | None, pair: str | None) -> Updates:
        """Outputs: the prediction for what is typed, beside that of the head at step 0."""
        place = self.parts.run.answer
        status = self._status(choice.run, choice.key)
        task = tasks.TASKS.get(status.task) if status else None
        if status is None or task is None or not status.checkpoint or not (text or "").strip():
            return {place: ""}
        second = pair if task.reads_pairs else ""
        if task.reads_pairs and not (second or "").strip():
            return {place: ""}
        owner = self.page.services.owner(choice.key)
        answer = self.page.services.predictor.predict(text or "", second or "", status.checkpoint, owner)
        inputs = ModelInput(text or "", second or "")
        drawing = render_prediction(
            answer.output, answer.before, status.name, choice.lang, inputs, from_probe=answer.from_probe
        )
        return {place: drawing}

    def answer_refused(self, message: str) -> Updates:
        """Outputs: those of `answer`."""
        return {self.parts.run.answer: root(error_state(message))}

    def archive(self, choice: Choice) -> Updates:
        """Outputs: the hidden download button, holding the zip."""
        return {self.parts.bar.zip: gr.DownloadButton(value=str(self.page.services.zip_of(choice.run, choice.key)))}

    def back(self, choice: Choice) -> Updates:
        """Outputs: Components.dataset: the data and the settings, after a reload those of the run that is shown."""
        if choice.source is not None or not choice.run:
            return self.data.show(choice, choice.source, choice.picked)
        registry = self.page.services.registry
        request = registry.request(choice.run, self.page.services.owner(choice.key))
        source = source_of(request, registry.folder(choice.run))
        return self.data.show(choice, source, Picked.of(tasks.find(request.task), request.columns))

    def new(self, choice: Choice) -> Updates:
        """Outputs: run, and Components.dataset, with nothing chosen."""
        now = replace(choice, source=None, picked=None, facts=None, run="", stage="empty")
        return {self.page.run: {"run": None}, **self.data.nothing(now), **self.data.stage("empty", now)}

    def _gone(self, lang: str) -> Updates:
        """Return the stage without data: the run that was shown has been deleted."""
        return {**self.lost(lang), self.page.run: {"run": None}, self.parts.run.panel: render_training(None, (), lang)}

    def lost(self, lang: str) -> Updates:
        """Outputs: Components.stages: where data are chosen, with the sentence that what was linked is not there."""
        link = f'<a href="?tab=runs&lang={esc(lang)}">{esc(translate(lang, "fine_tune.all_runs"))}</a>'
        notice = root(f'<p class="bd-banner" role="alert">{esc(translate(lang, "runs.lost"))} {link}</p>')
        choice = nothing_chosen("", "", lang)
        cards = render_cards(Cards(), lang)
        return {**self.data.stage("empty", choice), self.parts.empty.notice: notice, self.parts.cards: cards}

    def _status(self, run: str, key: str) -> RunStatus | None:
        view = self._view(run, key)
        return status_of(view) if view else None

    def _view(self, run: str, key: str) -> RunView | None:
        if not run:
            return None
        try:
            return self.page.services.registry.summary(run, self.page.services.owner(key))
        except BertDemoError:
            return None


def _watched(status: RunStatus) -> tuple[WatchedText, ...]:
    """Return the held-out texts that are shown, each with its prediction at every snapshot."""
    if not status.watched:
        return ()
    columns = zip(*(snapshot.rows for snapshot in status.watched), strict=False)  # one column is one text
    return tuple(
        WatchedText(
            f"{rows[0].text} | {rows[0].pair}" if rows[0].pair else rows[0].text,
            rows[0].label,
            tuple((row.predicted, row.right) for row in rows),
        )
        for rows in columns
    )


def source_of(request: RunRequest, folder: Path) -> Source:
    """Return the data of a run as they were chosen; the folder of the run has a copy of the file."""
    return Source(
        str(folder / request.data),
        request.data_name,
        origin=request.origin,
        cleaning=request.cleaning,
        options=ParseOptions.from_fields(dict(request.parse)),
        changed=tuple(sorted(request.relabel.items())),
        split_seed=request.split_seed,
    )
