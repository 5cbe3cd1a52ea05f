"""On a Space: the sentences that say what a restart of the machine costs, and what a lent GPU allows."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from bertdemo.i18n.translation import translate
from bertdemo.runs.launchers.zerogpu import SLICE_SECONDS, duration
from bertdemo.ui.html.primitives import note, root
from bertdemo.ui.page import Page
from bertdemo.ui.updates import Updates


def storage_note(page: Page, elem_id: str) -> None:
    """Draw it where it is called, on a Space only: elsewhere the disk outlives the server."""
    if not page.settings.public:
        return
    _sentence(page, elem_id, lambda lang: translate(lang, f"storage.{_state(page)}"))


def gpu_note(page: Page, elem_id: str) -> None:
    """Draw it where it is called, on a ZeroGPU Space only: a person should know before Start what a day allows."""
    if page.settings.launching.launcher == "zerogpu":
        seconds = duration("", SLICE_SECONDS)
        _sentence(page, elem_id, lambda lang: translate(lang, "train.gpu_lent", seconds=seconds))


def _sentence(page: Page, elem_id: str, words: Callable[[str], str]) -> None:
    place = gr.HTML("", elem_id=elem_id)

    def draw(lang: str) -> Updates:
        return {place: root(note(words(lang)))}

    page.on_load(lambda visit: draw(visit.lang), [], [place])
    page.on_language(draw, [], [place])


def _state(page: Page) -> str:
    """Return `erased`, `copied`, or `failing` where the newest attempt to copy has failed."""
    backup = page.services.backup
    if not backup.on:
        return "erased"
    return "failing" if backup.failing else "copied"
