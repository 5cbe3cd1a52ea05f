"""Runs: everything that this visitor has trained, or one run of it in place of the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import gradio as gr
from gradio.blocks import Block

from bertdemo import tasks
from bertdemo.errors import BertDemoError
from bertdemo.i18n.translation import has, translate
from bertdemo.runs.evaluation import Evaluation, evaluate
from bertdemo.runs.events import ENDED
from bertdemo.runs.launchers.torchrun import where as host_setup
from bertdemo.runs.queue.line import NEXT
from bertdemo.runs.registry import RunView
from bertdemo.runs.status import RunStatus, status_of
from bertdemo.sharing.read_links import is_link
from bertdemo.tables.spreadsheet import write_csv
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.mistakes import mistake_cells
from bertdemo.ui.html.primitives import error_state, root
from bertdemo.ui.html.runs import page_title, resume_words, state_words, stop_words
from bertdemo.ui.page import Page, Visit
from bertdemo.ui.runs.html.confused import pair_cells
from bertdemo.ui.runs.html.inputs import render_request
from bertdemo.ui.runs.html.labels import label_cells
from bertdemo.ui.runs.html.listing import render_list
from bertdemo.ui.runs.html.live import render_run
from bertdemo.ui.runs.html.recipe import ListedRun, recipe_words
from bertdemo.ui.runs.html.result import render_result
from bertdemo.ui.runs.html.where_to_run import render_where_to_run
from bertdemo.ui.runs.layout import Actions, Components, Pictures, choose_words, lost_words
from bertdemo.ui.runs.open_runs import OpenRuns
from bertdemo.ui.updates import Updates


@dataclass(frozen=True)
class Callbacks:
    """The listeners of this tab; `key` is the owner key of the visitor, `opened` the id of the open run."""

    page: Page
    parts: Components
    open_runs: OpenRuns = field(default_factory=OpenRuns)

    # --- the list ---

    def listed(self, key: str, lang: str) -> list[ListedRun]:
        """Return all runs of this visitor, the newest first."""
        registry, owner = self.page.services.registry, self.page.services.owner(key)
        views = [registry.summary(run, owner) for run in registry.ids(owner)]
        models = {view.request.checkpoint: "" for view in views}
        models = {checkpoint: self._model(checkpoint, owner) for checkpoint in models}
        return [self._listed(view, models[view.request.checkpoint], lang) for view in views]

    def refresh(self, runs: Sequence[ListedRun], lang: str) -> Updates:
        """Outputs: the list and its field, and the timer, which runs while any run is active."""
        html = render_list(runs, lang)
        return {
            self.parts.listing.runs: html,
            self.parts.listing.filter: gr.update(visible=len(runs) > 1),
            self.parts.state.listed: str(hash(html)),
            self.parts.state.timer: gr.Timer(active=any(not run.status.ended for run in runs)),
        }

    def tick(self, opened: str, key: str, lang: str) -> Updates:
        """Outputs: those of `refresh`, and of `show` unless the page has opened another run since."""
        updates = {**self.refresh(self.listed(key, lang), lang), **self.show(opened, key, lang)}
        if self.open_runs.has_open(opened):
            return updates
        return {block: updates[block] for block in self._list_outputs}

    def watch(self, opened: str, drawn: str, listed: str, key: str, lang: str) -> Updates:
        """Outputs: drawn, and those of `tick`; a list that did not change, and a run that has ended, are drawn once."""
        view = self._view(self.page.services.registry.summary, opened, key)
        # Only an ended run has a version: the curves of an active one are drawn at every tick.
        version = f"{opened}:{view.seq}:{lang}" if view and view.state in ENDED else ""
        updates = {self.parts.state.drawn: version, **self.refresh(self.listed(key, lang), lang)}
        if updates[self.parts.state.listed] == listed:
            del updates[self.parts.listing.runs]
        if version and version == drawn:
            return updates
        shown = self.show(opened, key, lang)
        if self.open_runs.has_open(opened):
            return {**updates, **shown}
        del updates[self.parts.state.drawn]
        return updates

    @property
    def _list_outputs(self) -> list[Block]:
        """Outputs of `refresh`."""
        listing, state = self.parts.listing, self.parts.state
        return [listing.runs, listing.filter, state.listed, state.timer]

    def _listed(self, view: RunView, model: str, lang: str) -> ListedRun:
        status = status_of(view)
        place = self.page.services.dispatcher.place_of(view) if view.state == "queued" else NEXT
        return ListedRun(status, model, recipe_words(view.request.config, status, lang), place)

    def _model(self, checkpoint: str, owner: str) -> str:
        try:
            return self.page.services.catalogue.describe(checkpoint, owner).name
        except BertDemoError:  # it was deleted since
            return checkpoint

    # --- the open run ---

    def arrive(self, visit: Visit) -> Updates:
        """Outputs: opened, the tabs, and those of `tick`."""
        first = self._first_tab(visit.run, visit.owner)
        return {**first, **self._open(visit.run, visit.owner, visit.lang)}

    def come(self, wanted: str, opened: str, key: str, lang: str) -> Updates:
        """Outputs: those of `arrive`, for the run that another tab wants opened, or for the one open here."""
        drawn = self._open(wanted, key, lang) if wanted else self.tick(opened, key, lang)
        return {self.page.opened: "", **drawn}

    def choose(self, key: str, lang: str, event: gr.EventData) -> Updates:
        """Outputs: opened, the run that was pressed in the list, the first of its tabs, and those of `tick`."""
        # The data of the event comes from the page's script, so it may be any text: `_view` checks it.
        run = str(getattr(event, "run", ""))
        return {**self._first_tab(run, key), **self._open(run, key, lang)}

    def _first_tab(self, run: str, key: str) -> Updates:
        """Return the tabs with the first one open that has something: a run that goes on has curves, and no result."""
        view = self._view(self.page.services.registry.summary, run, key)
        return {self.parts.tabs: gr.Tabs(selected="curves" if view and view.state not in ENDED else "result")}

    def back(self, key: str, lang: str) -> Updates:
        """Outputs: opened, and those of `tick`: the list in place of the run."""
        return self._open("", key, lang)

    def _open(self, run: str, key: str, lang: str) -> Updates:
        """Outputs: opened, and those of `tick`, for another run or, with "", for the list."""
        self.open_runs.opens(run)
        updates = self.tick(run, key, lang)
        return {self.parts.state.opened: run, **updates} if self.open_runs.has_open(run) else updates

    def speak(self, lang: str, opened: str, key: str) -> Updates:
        """Outputs: those of `tick`, in another language."""
        return self.tick(opened, key, lang)

    def show(self, run: str, key: str, lang: str) -> Updates:
        """Outputs: the box of the open run, its title, its buttons and its pictures."""
        view = self._view(self.page.services.registry.read, run, key)
        if view is None:
            return self._closed(lang, lost=bool(run))
        view = replace(view, note="") if is_link(run) else view  # a note is for its owner
        status = status_of(view)
        evaluation = self.evaluation(run, status, key) if status.ended else None
        listed = self._listed(view, self._model(view.request.checkpoint, self.page.services.owner(key)), lang)
        pictures = self.parts.pictures
        return {
            self.parts.listing.box: gr.update(visible=False),
            self.parts.box: gr.update(visible=True),
            self.parts.title: _title(listed, lang, linked=is_link(run)),
            pictures.result: render_result(status, evaluation, lang),
            pictures.data: render_request(view.request, status, lang) + self._where_to_run(view, lang),
            pictures.curves: render_run(status, lang, listed.place),
            **self._actions(status, lang, linked=is_link(run)),
        }

    def _where_to_run(self, view: RunView, lang: str) -> str:
        """Draw the commands that start the run elsewhere; "" where others than the operator would see its paths."""
        services = self.page.services
        if not services.settings.loopback:
            return ""
        where = host_setup(services.settings, services.registry.folder(view.run_id))
        return render_where_to_run(where, services.settings.launching, lang, finished=view.state == "finished")

    def evaluation(self, run: str, status: RunStatus, key: str) -> Evaluation | None:
        """Return the evaluated rows summed up, None where there are none; `run` is an id or a read-only link."""
        rows = self.page.services.registry.evaluation(*self.page.services.reader(run, key))
        return evaluate(rows, status.started.labels) if rows and status.started else None

    def _closed(self, lang: str, *, lost: bool) -> Updates:
        """Return the updates of `show` where no run is open; `lost` is one that is not there, or not for this owner."""
        pictures = self.parts.pictures
        return {
            self.parts.listing.box: gr.update(visible=True),
            self.parts.box: gr.update(visible=False),
            self.parts.title: lost_words(lang) if lost else choose_words(lang),
            **dict.fromkeys((pictures.result, pictures.data, pictures.curves), ""),
            **{button: gr.update(visible=False) for button in components(self.parts.actions)},
        }

    def _actions(self, status: RunStatus, lang: str, *, linked: bool) -> Updates:
        """Return the buttons for a run in this state; whoever has a link to it can only go back to the list."""
        actions = self.parts.actions
        if linked:
            buttons = dict.fromkeys(components(actions), gr.update(visible=False))
            return {**buttons, actions.back: gr.update(visible=True)}
        usable = gr.update(visible=bool(status.checkpoint))
        deletable = not status.shipped and (status.ended or status.state == "queued")
        return {
            actions.back: gr.update(visible=True),
            actions.edit: gr.update(visible=not status.shipped),
            **dict.fromkeys((actions.use, actions.inspect, actions.download), usable),
            actions.stop: gr.update(
                visible=not status.ended,
                interactive=status.silent or not status.stopping,
                value=stop_words(status, lang),
            ),
            actions.resume: gr.update(visible=status.resumable, value=resume_words(status, lang)),
            actions.resume_anyway: gr.update(visible=status.resumable and status.differs),
            actions.delete: gr.update(visible=deletable),
        }

    def stop(self, run: str, key: str, lang: str) -> Updates:
        """Outputs: trouble, and those of `tick`."""
        self.page.services.dispatcher.cancel(run, self.page.services.owner(key))
        return {self.parts.trouble: "", **self.tick(run, key, lang)}

    def resume(self, run: str, key: str, lang: str, *, not_exact: bool = False) -> Updates:
        """Outputs: trouble, the tabs with the curves open, and those of `tick`."""
        self.page.services.dispatcher.resume(run, self.page.services.owner(key), not_exact=not_exact)
        return {self.parts.trouble: "", **self._first_tab(run, key), **self.tick(run, key, lang)}

    def resume_anyway(self, run: str, key: str, lang: str) -> Updates:
        """Outputs: those of `resume`, under other conditions too."""
        return self.resume(run, key, lang, not_exact=True)

    def refused(self, message: str) -> Updates:
        """Outputs: trouble."""
        return {self.parts.trouble: root(error_state(message))}

    # --- files ---

    def archive(self, run: str, key: str, lang: str) -> Updates:  # noqa: ARG002 - for `guarded`
        """Outputs: the hidden download button, holding the zip."""
        return self.file(self.page.services.zip_of(run, key))

    def table(self, run: str, key: str, lang: str, event: gr.EventData) -> Updates:
        """Outputs: the hidden download button, holding the table whose button was pressed, as CSV."""
        return self.csv(run, str(getattr(event, "csv", "")), key, lang)

    def csv(self, run: str, name: str, key: str, lang: str) -> Updates:
        """Outputs: the hidden download button, holding a table of the result; the mistakes for any other name."""
        view = self.page.services.registry.read(*self.page.services.reader(run, key))
        evaluation = self.evaluation(run, status_of(view), key)
        if evaluation is None:
            return {self.parts.download: gr.skip()}
        tables: dict[str, Callable[[Evaluation, str], Cells]] = {"labels": label_cells, "pairs": pair_cells}
        name = name if name in tables else "mistakes"
        reads = [role.name for role in tasks.find(view.request.task).reads]
        cells = (
            tables[name](evaluation, lang)
            if name in tables
            else mistake_cells(evaluation.mistakes, reads, view.request.task, lang)
        )
        with self.page.services.result_file(f"{view.run_id}-{name}.csv", view.run_id) as target:
            write_csv(target, *cells)
        return self.file(target)

    # --- to other tabs ---

    def use(self, run: str) -> Updates:
        """Outputs: the tabs, with Inference open, and the checkpoint for it."""
        return {self.page.tabs: gr.Tabs(selected="predict"), self.page.checkpoint: run}

    def inspect(self, run: str) -> Updates:
        """Outputs: the tabs, with Inside BERT open, and the checkpoint for it."""
        return {self.page.tabs: gr.Tabs(selected="inside"), self.page.inspected: run}

    def file(self, path: Path) -> Updates:
        """Outputs: the hidden download button, holding this file."""
        return {self.parts.download: gr.DownloadButton(value=str(path))}

    def _view(self, read: Callable[[str, str | None], RunView], run: str, key: str) -> RunView | None:
        if not run:
            return None
        try:
            return read(*self.page.services.reader(run, key))
        except BertDemoError:  # deleted in another window, or an id from the address that was never a run
            return None


# Header and rows of a file.
Cells = tuple[list[str], list[list[str]]]


def drawn_by_tick(parts: Components) -> list[Block]:
    """Return the outputs of `Callbacks.tick`."""
    listing = [parts.listing.box, parts.listing.runs, parts.listing.filter, parts.state.listed, parts.state.timer]
    return [*listing, parts.box, parts.title, *components(parts.actions), *components(parts.pictures)]


def components(group: Actions | Pictures) -> list[Block]:
    """Return the components of a group."""
    return [getattr(group, field.name) for field in fields(group)]


def _title(run: ListedRun, lang: str, *, linked: bool) -> str:
    """Draw the name of a run, in one line what it is, and its note.

    `data-linked` lets the style sheet hide the tabs that a read-only link does not open.
    """
    status = run.status
    task = translate(lang, f"task.{status.task}") if has(f"task.{status.task}") else status.task
    facts = " · ".join([state_words(status, lang, run.place), task, run.model, run.recipe])
    facts = translate(lang, "runs.shipped_facts", facts=facts) if status.shipped else facts
    facts = translate(lang, "runs.linked_facts", facts=facts) if linked else facts
    note = f'<p class="bd-run-note">{esc(status.note)}</p>' if status.note else ""
    return root(
        f'<h2 class="bd-h" data-opened="{esc(status.run_id)}" {"data-linked " if linked else ""}'
        f"{page_title(status, lang)}>{esc(status.name)}</h2>"
        f'<p class="bd-caption">{esc(facts)}</p>{note}'
    )
