"""On a Space: the sentence that says what a restart of the machine costs."""

from __future__ import annotations

import gradio as gr

from bertdemo.i18n.translation import translate
from bertdemo.ui.html.primitives import note, root
from bertdemo.ui.page import Page
from bertdemo.ui.updates import Updates


def storage_note(page: Page, elem_id: str) -> None:
    """Draw it where it is called, on a Space only: elsewhere the disk outlives the server."""
    if not page.settings.public:
        return
    place = gr.HTML("", elem_id=elem_id)

    def draw(lang: str) -> Updates:
        return {place: root(note(translate(lang, f"storage.{_state(page)}")))}

    page.on_load(lambda visit: draw(visit.lang), [], [place])
    page.on_language(draw, [], [place])


def _state(page: Page) -> str:
    """Return `erased`, `copied`, or `failing` where the newest attempt to copy has failed."""
    backup = page.services.backup
    if not backup.on:
        return "erased"
    return "failing" if backup.failing else "copied"
