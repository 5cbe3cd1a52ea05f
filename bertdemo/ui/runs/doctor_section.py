"""Below the list of runs, for the owner of this machine alone: the checks of `make doctor`."""

from __future__ import annotations

import gradio as gr

from bertdemo.doctor.checks import Finding, examine
from bertdemo.i18n.translation import translate
from bertdemo.ui.html.primitives import error_state, finding, join, root
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page
from bertdemo.ui.updates import QUIET, Updates


def doctor_section(page: Page) -> None:
    """Draw it where it is called; where others can reach the server, it says nothing about the machine."""
    if not page.settings.loopback:
        return
    with page.words.make(gr.Accordion, {"label": "doctor.title"}, open=False, elem_id="doctor"):
        start = page.words.make(gr.Button, {"value": "doctor.run"}, elem_id="doctor-run", size="sm", scale=0)
        place = gr.HTML("", elem_id="doctor-findings")

    def check(lang: str) -> Updates:
        admission = page.services.admission
        devices = admission.devices if admission.devices_known else None
        return {place: render_findings(examine(page.settings, devices, serving=True), lang)}

    start.click(guarded(check, on_error=lambda words: {place: root(error_state(words))}), page.lang, place, **QUIET)
    page.on_language(lambda lang: {place: ""}, [], [place])


def render_findings(findings: list[Finding], lang: str) -> str:
    """Draw each check with its level as a word."""
    return root(join(finding(it.level, translate(lang, f"doctor.level.{it.level}"), it.words(lang)) for it in findings))
