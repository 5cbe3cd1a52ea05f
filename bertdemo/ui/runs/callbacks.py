"""Runs: everything that this visitor has trained, with one run open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import gradio as gr
from gradio.blocks import Block

from bertdemo import tasks
from bertdemo.errors import BertDemoError
from bertdemo.i18n.translation import translate
from bertdemo.runs.evaluation import Evaluation, evaluate
from bertdemo.runs.events import ENDED
from bertdemo.runs.registry import RunView
from bertdemo.runs.status import RunStatus, status_of
from bertdemo.tables.spreadsheet import write_csv
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.mistakes import mistake_cells
from bertdemo.ui.html.primitives import error_state, root
from bertdemo.ui.html.run_list import render_list, render_request
from bertdemo.ui.html.runs import render_result, render_run
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page, Visit
from bertdemo.ui.runs.layout import Actions, Components, Pictures, choose_words, layout, lost_words
from bertdemo.ui.updates import QUEUED, QUIET, Updates


@dataclass(frozen=True)
class Callbacks:
    """The listeners of this tab; `key` is the owner key of the visitor, `opened` the id of the open run."""

    page: Page
    parts: Components

    def refresh(self, opened: str, key: str, lang: str) -> Updates:
        """Outputs: the list, and the timer, which runs while any run is active."""
        registry, owner = self.page.services.registry, self.page.services.owner(key)
        views = [registry.summary(run, owner) for run in registry.ids(owner)]
        statuses = [status_of(view) for view in views]
        ahead = {view.run_id: self.page.services.dispatcher.ahead(view) for view in views if view.state == "queued"}
        return {
            self.parts.listing: render_list(statuses, ahead, opened, lang),
            self.parts.state.timer: gr.Timer(active=any(not status.ended for status in statuses)),
        }

    def tick(self, opened: str, key: str, lang: str) -> Updates:
        """Outputs: those of `refresh` and of `show`."""
        return {**self.refresh(opened, key, lang), **self.show(opened, key, lang)}

    def watch(self, opened: str, drawn: str, key: str, lang: str) -> Updates:
        """Outputs: drawn, and those of `tick`; a run that has ended is drawn only once."""
        view = self._view(self.page.services.registry.summary, opened, key)
        # Only an ended run has a version: the curves of an active one are drawn at every tick.
        version = f"{opened}:{view.seq}:{lang}" if view and view.state in ENDED else ""
        updates = {self.parts.state.drawn: version, **self.refresh(opened, key, lang)}
        return updates if version and version == drawn else {**updates, **self.show(opened, key, lang)}

    def arrive(self, visit: Visit) -> Updates:
        """Outputs: opened, and those of `tick`."""
        return {self.parts.state.opened: visit.run, **self.tick(visit.run, visit.owner, visit.lang)}

    def come(self, wanted: str, opened: str, key: str, lang: str) -> Updates:
        """Outputs: those of `arrive`, for the run that another tab wants opened, or for the one open here."""
        run = wanted or opened
        return {self.page.opened: "", self.parts.state.opened: run, **self.tick(run, key, lang)}

    def choose(self, key: str, lang: str, event: gr.EventData) -> Updates:
        """Outputs: opened, the run that was pressed in the list, and those of `tick`."""
        # The data of the event comes from the page's script, so it may be any text: `_view` checks it.
        run = str(getattr(event, "run", ""))
        return {self.parts.state.opened: run, **self.tick(run, key, lang)}

    def speak(self, lang: str, opened: str, key: str) -> Updates:
        """Outputs: those of `tick`, in another language."""
        return self.tick(opened, key, lang)

    def show(self, run: str, key: str, lang: str) -> Updates:
        """Outputs: the box of the open run, its title, its buttons and its pictures."""
        view = self._view(self.page.services.registry.read, run, key)
        if view is None:
            return self._closed(lang, lost=bool(run))
        status = status_of(view)
        rows = self.page.services.registry.evaluation(run, self.page.services.owner(key)) if status.ended else []
        evaluation = evaluate(rows, status.started.labels) if rows and status.started else None
        pictures = self.parts.pictures
        return {
            self.parts.box: gr.update(visible=True),
            self.parts.title: root(f'<h2 class="bd-h" data-opened="{esc(run)}">{esc(status.name)}</h2>'),
            pictures.result: render_result(status, evaluation, lang),
            pictures.data: render_request(view.request, status, lang),
            pictures.curves: render_run(status, lang, self.page.services.dispatcher.ahead(view)),
            **self._actions(status, evaluation, lang),
        }

    def _closed(self, lang: str, *, lost: bool) -> Updates:
        """Return the updates of `show` where no run is open; `lost` is one that is not there, or not for this owner."""
        pictures = self.parts.pictures
        return {
            self.parts.box: gr.update(visible=False),
            self.parts.title: lost_words(lang) if lost else choose_words(lang),
            **dict.fromkeys((pictures.result, pictures.data, pictures.curves), ""),
            **{button: gr.update(visible=False) for button in _components(self.parts.actions)},
        }

    def _actions(self, status: RunStatus, evaluation: Evaluation | None, lang: str) -> Updates:
        """Return the buttons for a run in this state."""
        actions = self.parts.actions
        usable = gr.update(visible=bool(status.checkpoint))
        deletable = status.ended or status.state == "queued"
        return {
            **dict.fromkeys((actions.use, actions.inspect, actions.download), usable),
            actions.mistakes: gr.update(visible=bool(evaluation and evaluation.mistakes)),
            actions.stop: gr.update(visible=not status.ended, interactive=not status.stopping),
            actions.delete: gr.update(visible=deletable, value=translate(lang, "runs.delete")),
        }

    def stop(self, run: str, key: str, lang: str) -> Updates:
        """Outputs: trouble, and those of `tick`."""
        self.page.services.dispatcher.cancel(run, self.page.services.owner(key))
        return {self.parts.trouble: "", **self.tick(run, key, lang)}

    def delete(self, run: str, confirming: bool, key: str, lang: str) -> Updates:
        """Outputs: trouble, confirming, opened, and those of `tick`; only the second press deletes."""
        updates: Updates = {self.parts.trouble: "", self.parts.state.confirming: not confirming}
        if not confirming:
            sure = gr.update(value=translate(lang, "runs.delete_sure"))
            return {**updates, self.parts.actions.delete: sure}
        self.page.services.dispatcher.delete(run, self.page.services.owner(key))
        self.page.services.forget(run)
        return {**updates, self.parts.state.opened: "", **self.tick("", key, lang)}

    def refused(self, message: str) -> Updates:
        """Outputs: trouble."""
        return {self.parts.trouble: root(error_state(message))}

    def delete_refused(self, message: str) -> Updates:
        """Outputs: trouble, and confirming: the next press asks again."""
        return {**self.refused(message), self.parts.state.confirming: False}

    def archive(self, run: str, key: str, lang: str) -> Updates:  # noqa: ARG002 - for `guarded`
        """Outputs: the hidden download button, holding the zip."""
        return self._file(self.page.services.zip_of(run, key))

    def mistakes(self, run: str, key: str, lang: str) -> Updates:
        """Outputs: the hidden download button, holding all mistakes as CSV."""
        registry, owner = self.page.services.registry, self.page.services.owner(key)
        view = registry.read(run, owner)
        status = status_of(view)
        labels = status.started.labels if status.started else ()
        mistakes = evaluate(registry.evaluation(run, owner), labels).mistakes
        reads = [role.name for role in tasks.find(view.request.task).reads]
        target = self.page.services.new_result_folder() / f"{run}-mistakes.csv"
        write_csv(target, *mistake_cells(mistakes, reads, status.task, lang))
        return self._file(target)

    def use(self, run: str) -> Updates:
        """Outputs: the tabs, with Inference open, and the checkpoint for it."""
        return {self.page.tabs: gr.Tabs(selected="predict"), self.page.checkpoint: run}

    def inspect(self, run: str) -> Updates:
        """Outputs: the tabs, with Inside BERT open, and the checkpoint for it."""
        return {self.page.tabs: gr.Tabs(selected="inside"), self.page.inspected: run}

    def _file(self, path: Path) -> Updates:
        return {self.parts.download: gr.DownloadButton(value=str(path))}

    def _view(self, read: Callable[[str, str], RunView], run: str, key: str) -> RunView | None:
        if not run:
            return None
        try:
            return read(run, self.page.services.owner(key))
        except BertDemoError:  # deleted in another window, or an id from the address that was never a run
            return None


def build(page: Page) -> None:
    """Draw the tab and connect it."""
    parts = layout(page)
    callbacks = Callbacks(page, parts)
    _wire_list(page, parts, callbacks)
    _wire_actions(page, parts, callbacks)
    _wire_files(page, parts, callbacks)


def _wire_list(page: Page, parts: Components, callbacks: Callbacks) -> None:
    """Connect the list, arrival, and the timer that runs while any run is active."""
    state, drawn = parts.state, _drawn(parts)
    who = [page.owner, page.lang]
    parts.listing.select(guarded(callbacks.choose), who, [state.opened, *drawn], **QUIET)
    state.timer.tick(guarded(callbacks.watch), [state.opened, state.drawn, *who], [state.drawn, *drawn], **QUIET)
    arrived = [page.opened, state.opened, *drawn]
    page.on_open("runs", guarded(callbacks.come), [page.opened, state.opened, *who], arrived)
    page.on_load(callbacks.arrive, [], [state.opened, *drawn])
    page.on_language(callbacks.speak, [state.opened, page.owner], drawn)


def _wire_actions(page: Page, parts: Components, callbacks: Callbacks) -> None:
    """Connect the buttons of the open run, and those that take it to another tab."""
    state, actions, changed = parts.state, parts.actions, [parts.trouble, *_drawn(parts)]
    who = [page.owner, page.lang]
    stopping = guarded(callbacks.stop, on_error=callbacks.refused)
    actions.stop.click(stopping, [state.opened, *who], changed, **QUIET)
    deleting = guarded(callbacks.delete, on_error=callbacks.delete_refused)
    deleted = [state.confirming, state.opened, *changed]
    actions.delete.click(deleting, [state.opened, state.confirming, *who], deleted, **QUIET)
    state.opened.change(lambda: {state.confirming: False}, None, state.confirming, **QUIET)
    actions.use.click(callbacks.use, state.opened, [page.tabs, page.checkpoint], **QUIET)
    actions.inspect.click(callbacks.inspect, state.opened, [page.tabs, page.inspected], **QUIET)


def _wire_files(page: Page, parts: Components, callbacks: Callbacks) -> None:
    """Connect the buttons that make a file, which the browser then saves."""
    inputs: Sequence[Block] = [parts.state.opened, page.owner, page.lang]
    # The file is written only when somebody presses; then the script clicks the hidden download button.
    for button, write in ((parts.actions.download, callbacks.archive), (parts.actions.mistakes, callbacks.mistakes)):
        button.click(guarded(write), inputs, parts.download, **QUEUED).then(
            None, parts.download, None, js="(file) => window.bertdemo.download(file)"
        )


def _drawn(parts: Components) -> list[Block]:
    """Return the outputs of `tick`."""
    listed = [parts.listing, parts.state.timer, parts.box, parts.title]
    return [*listed, *_components(parts.actions), *_components(parts.pictures)]


def _components(group: Actions | Pictures) -> list[Block]:
    return [getattr(group, field.name) for field in fields(group)]
