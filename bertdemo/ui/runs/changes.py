"""What a person changes of a run: its name, its note, and whether it is there; a deletion can be undone."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from bertdemo.runs.notes import RunNotes
from bertdemo.ui.html.primitives import error_state, root
from bertdemo.ui.runs.callbacks import Callbacks
from bertdemo.ui.runs.html.listing import render_deleted
from bertdemo.ui.updates import Updates


@dataclass(frozen=True)
class Changes:
    """The listeners of the form and of Delete."""

    callbacks: Callbacks

    def edit(self, run: str, key: str, lang: str) -> Updates:  # noqa: ARG002 - for `guarded`
        """Outputs: the form, with the name and the note as they are."""
        services, form = self.callbacks.page.services, self.callbacks.parts.editing
        view = services.registry.summary(run, services.owner(key))
        return {form.box: gr.update(visible=True), form.name: view.name, form.note: view.note}

    def leave(self) -> Updates:
        """Outputs: the form, closed, and trouble."""
        return {self.callbacks.parts.editing.box: gr.update(visible=False), self.callbacks.parts.trouble: ""}

    def save(self, run: str, name: str, note: str, key: str, lang: str) -> Updates:
        """Outputs: the form, trouble, and those of `Callbacks.tick`."""
        services = self.callbacks.page.services
        owner = services.owner(key)
        request = services.registry.request(run, owner)
        # The name of the file stays the name of the run, also where the form was saved with it in place.
        name = "" if name.strip() == (request.name or request.data_name) else name
        notes = RunNotes.typed(name, note)
        services.registry.annotate(run, owner, notes)
        if services.catalogue.owns(run, owner):
            services.catalogue.rename(run, owner, notes.name or request.name or request.data_name)
        return {**self.leave(), **self.callbacks.tick(run, key, lang)}

    def delete(self, run: str, key: str, lang: str) -> Updates:
        """Outputs: opened, trouble, the form, the notice with Undo, its timer, and those of `Callbacks.tick`."""
        services, parts = self.callbacks.page.services, self.callbacks.parts
        owner = services.owner(key)
        name = services.registry.summary(run, owner).name
        services.dispatcher.hide(run, owner)
        services.forget(run)
        self.callbacks.open_runs.opens("")
        return {
            parts.state.opened: "",
            **self.leave(),
            parts.listing.deleted: render_deleted(run, name, lang),
            parts.state.undo_timer: gr.Timer(active=True),
            **self.callbacks.tick("", key, lang),
        }

    def undo(self, key: str, lang: str, event: gr.EventData) -> Updates:
        """Outputs: the notice, its timer, and those of `Callbacks.tick`."""
        return self.restore(str(getattr(event, "run", "")), key, lang)

    def restore(self, run: str, key: str, lang: str) -> Updates:
        """Outputs: those of `undo`."""
        services = self.callbacks.page.services
        services.registry.restore(run, services.owner(key))
        return {**self.expired(), **self.callbacks.tick("", key, lang)}

    def expired(self) -> Updates:
        """Outputs: the notice, gone, and its timer: from now on nothing can be undone."""
        return {self.callbacks.parts.listing.deleted: "", self.callbacks.parts.state.undo_timer: gr.Timer(active=False)}

    def undo_refused(self, message: str) -> Updates:
        """Outputs: those of `undo`."""
        return {**self.expired(), self.callbacks.parts.listing.deleted: root(error_state(message))}
