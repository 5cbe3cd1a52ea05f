"""The script of the open run: shown on the page, and saved with the rows that it reads."""

from __future__ import annotations

from dataclasses import dataclass

from bertdemo.ui.html.primitives import note, root
from bertdemo.ui.runs.callbacks import Callbacks
from bertdemo.ui.runs.html.script import render_script
from bertdemo.ui.updates import Updates


@dataclass(frozen=True)
class Scripts:
    """The listeners of Share and export."""

    callbacks: Callbacks

    def show(self, run: str, key: str, lang: str) -> Updates:
        """Outputs: the code."""
        text = self.callbacks.page.services.script_of(run, key)
        return {self.callbacks.parts.sharing.code: render_script(text, lang)}

    def save(self, run: str, key: str, lang: str) -> Updates:  # noqa: ARG002 - for `guarded`
        """Outputs: the hidden download button, holding the zip."""
        return self.callbacks.file(self.callbacks.page.services.script_zip_of(run, key))

    def leave(self) -> Updates:
        """Outputs: the code, empty: another run was opened."""
        return {self.callbacks.parts.sharing.code: ""}

    def refused(self, message: str) -> Updates:
        """Outputs: the code, with the reason in its place why there is none."""
        return {self.callbacks.parts.sharing.code: root(note(message))}
