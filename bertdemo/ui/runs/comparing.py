"""The open run beside another one: which there are, and the drawing of both."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from bertdemo.errors import BertDemoError
from bertdemo.i18n.translation import translate
from bertdemo.runs.status import status_of
from bertdemo.ui.html.primitives import note, root
from bertdemo.ui.page import Visit
from bertdemo.ui.runs.callbacks import Callbacks
from bertdemo.ui.runs.html.compare import Side, render_compare, render_nothing_to_compare
from bertdemo.ui.runs.html.recipe import ListedRun, names_apart
from bertdemo.ui.updates import Updates


@dataclass(frozen=True)
class Comparison:
    """The listeners of Compare."""

    callbacks: Callbacks

    def offer(self, opened: str, other: str | None, key: str, lang: str) -> Updates:
        """Outputs: the choice of the other run, and the drawing; runs of the same task come first."""
        place, runs = self.callbacks.parts.comparing, self.callbacks.listed(key, lang)
        names = names_apart(runs, lang)
        task = next((run.status.task for run in runs if run.status.run_id == opened), "")
        rest = [run for run in runs if run.status.run_id != opened]
        rest.sort(key=lambda run: run.status.task != task)
        choices = [(names[run.status.run_id], run.status.run_id) for run in rest]
        known = other if other in names and other != opened else None
        choice = gr.update(choices=choices, value=known, visible=bool(choices))
        if other and known is None:
            return {place.other: choice, place.picture: root(note(translate(lang, "runs.compare.gone")))}
        return {place.other: choice, place.picture: self._drawn(opened, known, runs, key, lang)}

    def arrive(self, visit: Visit) -> Updates:
        """Outputs: those of `offer`, and the tabs: a link to a comparison opens it."""
        updates = self.offer(visit.run, visit.compare, visit.owner, visit.lang) if visit.run else {}
        if visit.run and visit.compare:
            updates[self.callbacks.parts.tabs] = gr.Tabs(selected="compare")
        return updates

    def speak(self, lang: str, opened: str, other: str | None, key: str) -> Updates:
        """Outputs: those of `offer`, in another language."""
        return self.offer(opened, other, key, lang) if opened else {}

    def choose(self, opened: str, other: str | None, key: str, lang: str) -> Updates:
        """Outputs: the drawing."""
        runs = self.callbacks.listed(key, lang)
        return {self.callbacks.parts.comparing.picture: self._drawn(opened, other, runs, key, lang)}

    def refused(self, message: str) -> Updates:
        """Outputs: the drawing, with what went wrong in its place."""
        return {self.callbacks.parts.comparing.picture: root(note(message))}

    def _drawn(self, opened: str, other: str | None, runs: list[ListedRun], key: str, lang: str) -> str:
        if not opened or not other:
            return render_nothing_to_compare(lang, alone=len(runs) < 2)
        names = names_apart(runs, lang)
        try:
            this, that = (self._side(run, names.get(run, run), key) for run in (opened, other))
        except BertDemoError:  # deleted in another window
            return root(note(translate(lang, "runs.compare.gone")))
        return render_compare(this, that, lang)

    def _side(self, run: str, name: str, key: str) -> Side:
        services = self.callbacks.page.services
        owner = services.owner(key)
        view = services.registry.read(run, owner)
        return Side(name, status_of(view), view.request, services.registry.evaluation(run, owner))
