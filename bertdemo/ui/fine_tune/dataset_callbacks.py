"""Choosing data: a file, pasted rows, a sample, other columns, a cleaning step; and what the bar says of them.

Everything that reads or examines a file reports its progress: a large one takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import gradio as gr

from bertdemo import samples, tasks
from bertdemo.errors import BertDemoError, DataNotChosen, ProbeNotForTask
from bertdemo.i18n.translation import has, translate
from bertdemo.run_config import RunConfig
from bertdemo.runs import recipes
from bertdemo.runs.request import resolve_defaults
from bertdemo.services import CHINESE
from bertdemo.ui.fine_tune import parse_options_panel
from bertdemo.ui.fine_tune.choice import Choice, Stage, Values, nothing_chosen
from bertdemo.ui.fine_tune.dataset_state import ChosenData, DataView, Picked, Say, Source, silent
from bertdemo.ui.fine_tune.html.bar import (
    Cards,
    DataLine,
    render_cards,
    render_plan,
    render_reason,
    render_wrong_setting,
)
from bertdemo.ui.fine_tune.html.guide import render_task
from bertdemo.ui.fine_tune.html.readings import render_readings
from bertdemo.ui.fine_tune.html.recipe import render_recipe
from bertdemo.ui.fine_tune.html.samples import render_samples
from bertdemo.ui.fine_tune.layout import Components
from bertdemo.ui.fine_tune.probe_time import timed
from bertdemo.ui.fine_tune.run_settings import ghost_texts, placeholders
from bertdemo.ui.fine_tune.sample_cards import sample_cards
from bertdemo.ui.html.dataset import render_checks, render_label_rows, render_labels, render_preview
from bertdemo.ui.html.primitives import error_state, join, root
from bertdemo.ui.localized import sentence
from bertdemo.ui.page import Page, Visit
from bertdemo.ui.updates import Updates

# Rows in the tile of the first rows, and of one label.
_FIRST_ROWS, _LABEL_ROWS = 20, 50
# Name of the file that pasted rows become.
_PASTED = "pasted.txt"


@dataclass(frozen=True)
class DataCallbacks:
    """The listeners, without the page."""

    page: Page
    parts: Components

    @property
    def data(self) -> ChosenData:
        """What reads and examines."""
        return ChosenData(self.page.services)

    def show(self, choice: Choice, source: Source | None, picked: Picked | None, say: Say = silent) -> Updates:
        """Outputs: Components.dataset, for this source."""
        if source is None:
            return {**self.nothing(choice), **self.stage("empty", choice)}
        source = source.beside(choice.validation, choice.test, choice.split_seed).chosen_by(choice.key)
        view = self.data.view(source, picked, choice.checkpoint, choice.key, choice.lang, say)
        now = replace(choice, stage="data", source=source, picked=view.picked, facts=view.facts)
        updates = {**self._drawn(view, now), **self.stage("data", now), **self.plan(now)}
        if view.readings:
            updates[self.parts.bar.plan] = render_reason(translate(choice.lang, "fine_tune.reason.which_reading"))
        return updates

    def nothing(self, choice: Choice) -> Updates:
        """Outputs: what is remembered of the data, forgotten."""
        state = self.parts.state
        now = replace(choice, stage="empty", source=None, picked=None, facts=None)
        return {state.source: None, state.picked: None, state.facts: None, **self.plan(now)}

    def stage(self, name: Stage, choice: Choice) -> Updates:
        """Outputs: Components.stages, but the cards."""
        parts, empty = self.parts, self.parts.empty
        back = gr.update(visible=False)
        if name == "empty" and choice.source is not None:
            back = gr.update(visible=True, value=translate(choice.lang, "fine_tune.back", name=choice.source.name))
        return {
            parts.state.stage: name,
            empty.box: gr.update(visible=name == "empty"),
            parts.data.box: gr.update(visible=name == "data"),
            parts.run.box: gr.update(visible=name == "run"),
            parts.study.place.box: gr.update(visible=name == "study"),
            parts.bar.plan_box: gr.update(visible=name in {"empty", "data"}),
            parts.bar.run_box: gr.update(visible=name == "run"),
            parts.study.bar.box: gr.update(visible=name == "study"),
            parts.bar.trouble: "",
            empty.back: back,
            empty.notice: "",
        }

    def plan(self, choice: Choice) -> Updates:
        """Outputs: Components.planned: what a press on Fine-tune will do, or why it cannot be pressed."""
        parts, lang = self.parts, choice.lang
        updates: Updates = (
            {} if choice.stage in {"run", "study"} else {parts.cards: render_cards(self._cards(choice), lang)}
        )
        try:
            config = self.resolved(choice) if choice.facts else None
            updates[parts.data.form.recipe] = self._recipe(choice, config)
        except BertDemoError as error:
            wrong = render_wrong_setting(sentence(error, lang))
            return {**updates, parts.bar.plan: wrong, parts.bar.start: gr.update(interactive=False)}
        ghosts = ghost_texts(config, choice.facts.task if choice.facts else "", lang)
        updates |= {parts.state.ghosts: ghosts, **placeholders(parts.data.form, ghosts, choice.ghosts)}
        if choice.facts is None or config is None:
            reason = "no_data" if choice.source is None else "not_usable"
            words = render_reason(translate(lang, f"fine_tune.reason.{reason}"))
            return {**updates, parts.bar.plan: words, parts.bar.start: gr.update(interactive=False)}
        plan = render_plan(choice.facts.split, config, self.estimate(choice, config), choice.facts.split_seed, lang)
        return {**updates, parts.bar.plan: plan, parts.bar.start: gr.update(interactive=True)}

    def plan_refused(self, message: str) -> Updates:
        """Outputs: the words of the plan."""
        return {self.parts.bar.plan: render_wrong_setting(message), self.parts.bar.start: gr.update(interactive=False)}

    def resolved(self, choice: Choice) -> RunConfig:
        """Return the settings with their defaults filled in for these data."""
        services, facts = self.page.services, choice.facts
        if facts is None:
            raise DataNotChosen
        info = services.catalogue.describe(choice.checkpoint, services.owner(choice.key))
        return resolve_defaults(
            RunConfig.from_fields(choice.fields),
            train_rows=facts.split["train"],
            parameters=info.parameters,
            suggested_length=min(facts.suggested, info.positions),
            labels=facts.labels,
            step_multiplier=facts.step_multiplier,
            can_probe=facts.can_probe,
        )

    def _recipe(self, choice: Choice, config: RunConfig | None) -> str:
        """Draw the recipe and its reason. Raises ProbeNotForTask where the chosen one is not for this task."""
        services, facts = self.page.services, choice.facts
        if facts is None or config is None:
            return ""
        if config.needs_probe and not facts.can_probe:
            raise ProbeNotForTask(task=facts.task)
        info = services.catalogue.describe(choice.checkpoint, services.owner(choice.key))
        rows_per_label = facts.split["train"] / max(1, facts.labels)
        return render_recipe(
            config, recipes.recommended(facts.can_probe, rows_per_label, info.parameters), rows_per_label, choice.lang
        )

    def estimate(self, choice: Choice, config: RunConfig) -> float | None:
        """Return the seconds that a training with these settings takes here; None where that is not known."""
        services, facts = self.page.services, choice.facts
        if facts is None or not services.admission.devices_known:
            return None
        devices = services.admission.devices.devices
        device = next((it for it in devices if it.id == config.device), devices[0])
        info = services.catalogue.describe(choice.checkpoint, services.owner(choice.key))
        return services.estimates.training_seconds(facts.lengths, facts.split, config, info, device)

    def _cards(self, choice: Choice) -> Cards:
        source, facts, picked = choice.source, choice.facts, choice.picked
        if source is None or choice.stage == "empty":
            return Cards()
        columns = tuple(picked.columns.values()) if picked and facts else ()
        line = DataLine(source.name, facts.rows if facts else 0, facts.labels if facts else 0, columns, source.sample)
        services = self.page.services
        model = services.catalogue.describe(choice.checkpoint, services.owner(choice.key)).name
        return Cards(line, model, stage=1 if facts else 0)

    def _drawn(self, view: DataView, choice: Choice) -> Updates:
        """Return what the stage of the data shows of a view."""
        parts, data, lang = self.parts, self.parts.data, choice.lang
        report, prepared = view.report, view.prepared
        # An error in a validation or test file is also shown where those files are chosen, so that accordion opens.
        refusals = join(error_state(sentence(error, lang)) for error in view.refusals)
        if view.table is not None and view.readings:
            refusals = render_readings(view.readings, view.table, lang)
        updates: Updates = {
            parts.state.source: view.source,
            parts.state.picked: view.picked if view.table else None,
            parts.state.facts: view.facts,
            parts.empty.refused: "",
            parts.empty.file: None,
            data.refused: root(refusals, "bd-data") if refusals else "",
            data.pretrain: gr.update(visible=view.one_column),
            data.tiles: gr.update(visible=view.table is not None),
            data.before: gr.update(visible=view.facts is not None),
            data.reading: gr.update(open=True) if self._asks(view) else gr.skip(),
            # Here and not in the listeners of these cards: those may still be sent the language before this one.
            data.baselines.go: timed(translate(lang, "fine_tune.baseline.go"), choice, self.page.services),
            data.issues.go: timed(translate(lang, "fine_tune.issues.go"), choice, self.page.services),
            **parse_options_panel.updates_of(data.options, view, lang),
            **self._columns(view, lang),
        }
        checks = ""
        if report and prepared and view.table:
            checks = render_labels(report, lang) + render_checks(
                report, view.table.notes, view.offered, prepared.done, lang
            )
        updates[data.report] = checks
        updates[data.preview] = self._first_rows(view, lang)
        return updates

    @staticmethod
    def _asks(view: DataView) -> bool:
        """Whether something about how the file is read must be decided by the visitor, so that the fold opens."""
        guessed = view.table is not None and not view.table.detected.encoding_sure
        missing = view.table is not None and not view.picked_whole and not view.one_column and not view.readings
        return guessed or missing

    def _columns(self, view: DataView, lang: str) -> Updates:
        data = self.parts.data
        if view.table is None:
            hidden = gr.update(visible=False)
            return {data.task: hidden, data.task_words: "", **dict.fromkeys(data.slots.values(), hidden)}
        if view.readings:
            hidden = gr.update(visible=False)
            task_box = gr.update(value=None, visible=True)
            return {data.task: task_box, data.task_words: "", **dict.fromkeys(data.slots.values(), hidden)}
        task = view.picked_or_empty.task
        words = render_task(task, lang) if has(f"fine_tune.task.{task}.what") else ""
        updates: Updates = {data.task: gr.update(value=task, visible=True), data.task_words: words}
        for column in view.columns:
            label = translate(lang, f"role.{column.role}") if column.role else column.slot
            updates[data.slots[column.slot]] = gr.update(
                choices=list(column.columns),
                value=column.value,
                visible=bool(column.role),
                label=label,
                info=column.why,
            )
        return updates

    def _first_rows(self, view: DataView, lang: str) -> str:
        table = view.prepared.table if view.prepared else view.table
        if table is None:
            return ""
        columns = list(view.picked.columns.values()) if view.picked else []
        limit = min(_FIRST_ROWS, self.page.settings.limits.preview_rows)
        return render_preview(table, limit, view.report, columns, lang)

    # --- listeners ---

    def upload(self, choice: Choice, file: str | None, say: Say) -> Updates:
        """Outputs: Components.dataset."""
        return self.show(choice, Source(file, Path(file).name), None, say) if file else {}

    def paste(self, choice: Choice, rows: str | None, say: Say) -> Updates:
        """Outputs: Components.dataset; the rows are written to a file of this visitor and read as an upload is."""
        if not rows or not rows.strip():
            return {self.parts.empty.refused: root(error_state(translate(choice.lang, "fine_tune.paste.empty")))}
        with self.page.services.result_file(_PASTED) as path:
            path.write_text(rows, encoding="utf-8")
        return self.show(choice, Source(str(path), _PASTED), None, say)

    def choose_refused(self, message: str) -> Updates:
        """Outputs: the error below the places where data are chosen."""
        return {self.parts.empty.refused: root(error_state(message))}

    def choose_sample(self, choice: Choice, pressed: Mapping[str, str]) -> Updates:
        """Outputs: Components.dataset."""
        id = pressed.get("sample", "")
        if id not in {sample.id for sample in samples.all_samples()}:
            return {}
        info = samples.find(id)
        updates: Updates = {}
        # The bundled vocabulary is English: a Chinese sample would be mostly [UNK].
        if info.language == "zh" and choice.checkpoint == "bundled" and self.page.services.reads_chinese():
            choice = replace(choice, checkpoint=CHINESE)
            updates[self.parts.data.form.checkpoint] = CHINESE
        return {**self.show(choice, Source(str(samples.sample_path(id)), info.file, id), None), **updates}

    def pressed(self, choice: Choice, pressed: Mapping[str, str]) -> Updates:
        """Outputs: Components.dataset: a cleaning step was pressed, a label, or one of several readings."""
        if (number := pressed.get("reading", "")).isdigit():
            return self._read_as(choice, int(number))
        if step := pressed.get("step"):
            return self._toggled(choice, step)
        if "allRows" in pressed:
            return self.label_rows(choice, "")
        return self.label_rows(choice, pressed["label"]) if "label" in pressed else {}

    def _read_as(self, choice: Choice, number: int) -> Updates:
        if choice.source is None:
            return {}
        readings = tasks.readings(self.data.read(choice.source))
        if number >= len(readings):
            return {}
        reading = readings[number]
        return self.show(choice, choice.source, Picked.of(tasks.find(reading.task), reading.columns))

    def _toggled(self, choice: Choice, step: str) -> Updates:
        source = choice.source
        if source is None:
            return {}
        chosen = [it for it in source.cleaning if it != step] if step in source.cleaning else [*source.cleaning, step]
        return self.show(choice, replace(source, cleaning=tuple(chosen)), choice.picked)

    def label_rows(self, choice: Choice, label: str) -> Updates:
        """Outputs: the rows of one label in place of the first rows, or for "" the first rows again."""
        source, picked = choice.source, choice.picked
        if source is None or picked is None:
            return {}
        if not label:
            view = self.data.view(source, picked, choice.checkpoint, choice.key, choice.lang)
            return {self.parts.data.preview: self._first_rows(view, choice.lang)}
        prepared = self.page.services.datasets.get(source.preparation, tasks.find(picked.task), picked.columns)
        table = prepared.table
        cells, texts = table.columns[picked.label], table.columns[picked.text]
        exact = prepared.task.categories
        rows = [
            i for i in prepared.usable if (cell := (cells[i] or "").strip()) == label or (not exact and label in cell)
        ]
        listed = [(table.row_numbers[i], texts[i] or "") for i in rows[:_LABEL_ROWS]]
        return {self.parts.data.preview: render_label_rows(label, listed, len(rows), choice.lang)}

    def other_columns(self, choice: Choice, values: Values, say: Say) -> Updates:
        """Outputs: Components.dataset. Labels were changed in another column, so that is forgotten."""
        source, data = choice.source, self.parts.data
        slots = {slot: values[box] or "" for slot, box in data.slots.items()}
        picked = Picked(values[data.task], **slots) if values[data.task] else None
        return self.show(choice, source.relabeled({}), picked, say) if source else {}

    def other_task(self, choice: Choice, task: str | None, say: Say) -> Updates:
        """Outputs: Components.dataset; the columns are guessed anew."""
        source = replace(choice.source.relabeled({}), cleaning=()) if choice.source else None
        return self.show(choice, source, Picked(task) if task else None, say) if source else {}

    def held_out(self, choice: Choice, say: Say) -> Updates:
        """Outputs: Components.dataset, where the files beside the data or the seed of the split are others."""
        source = choice.source
        if source is None or source == source.beside(choice.validation, choice.test, choice.split_seed):
            return {}  # the field of the seed was left as it was
        answer = self.show(choice, source, choice.picked, say)
        # Start may be pressed before the answer comes: then it must not take the person back from the run.
        staged = {*self.stage("data", choice), self.parts.cards}
        return {block: update for block, update in answer.items() if block not in staged}

    def read_again(self, choice: Choice, values: Values, say: Say) -> Updates:
        """Outputs: Components.dataset. Cleaning and relabeling belonged to other rows, so they are dropped."""
        options = parse_options_panel.options_of(self.parts.data.options, values)
        source = replace(choice.source, options=options, cleaning=(), changed=()) if choice.source else None
        return self.show(choice, source, None, say) if source else {}

    def arrive(self, visit: Visit) -> Updates:
        """Outputs: Components.dataset and the samples. A link may name a sample; a run in the link takes precedence."""
        cards = self.samples(visit.lang)
        if not visit.sample or visit.run:
            return cards
        choice = nothing_chosen("", visit.owner, visit.lang)
        if chosen := self.choose_sample(choice, {"sample": visit.sample}):
            return {**chosen, **cards}
        refused = root(error_state(translate(visit.lang, "fine_tune.sample_gone")))
        return {**cards, self.parts.empty.refused: refused}

    def samples(self, lang: str) -> Updates:
        """Outputs: the samples."""
        return {self.parts.empty.samples: render_samples(sample_cards(self.page.services, lang), lang)}

    def speak(self, choice: Choice) -> Updates:
        """Outputs: Components.dataset and the samples, in another language."""
        cards = self.samples(choice.lang)
        if choice.source is None:
            return {**self.plan(choice), **cards}
        stage = self.stage(choice.stage, choice)
        kept: Updates = {self.parts.cards: gr.skip()} if choice.stage in {"run", "study"} else {}
        return {**self.show(choice, choice.source, choice.picked), **stage, **cards, **kept}
