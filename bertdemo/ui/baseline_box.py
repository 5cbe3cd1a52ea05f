"""How far without fine-tuning: the button beside the data that scores two linear models in seconds.

Where the regression on the frozen encoder is among them, a second button keeps it as a checkpoint: the tab starts a
run of it as it starts any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import gradio as gr

from bertdemo.errors import FileMissing
from bertdemo.ui.chosen_data import ChosenData
from bertdemo.ui.i18n import translate
from bertdemo.ui.page import Page
from bertdemo.ui.render.baselines import can_keep, render_baselines
from bertdemo.ui.render.primitives import error_state, root
from bertdemo.ui.services import Services
from bertdemo.ui.widgets import guarded


def build(page: Page) -> dict[str, Any]:
    """Draw the button and the place for its answer, hidden until there is data, and the one that keeps a regression."""
    go = page.words.make(gr.Button, {"value": "baseline.button"}, visible=False, elem_id="train-baseline", scale=0)
    answer = gr.HTML("", elem_id="train-baselines")
    keep = page.words.make(gr.Button, {"value": "baseline.keep"}, visible=False, elem_id="train-keep", scale=0)
    return {"go": go, "answer": answer, "keep": keep}


def wire(
    page: Page, box: Mapping[str, Any], source: gr.State, data: Mapping[str, Any], checkpoint: gr.Dropdown
) -> None:
    """Connect the button; another file, column or model takes the answer away, and with it what it offered."""
    services = page.services
    asked = [source, data["text"], data["label"], checkpoint, page.owner, page.lang]

    def listener(
        source: Any,
        text: str | None,
        label: str | None,
        checkpoint: str,
        key: str,
        lang: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[str, Any]:
        columns = {"text": text or "", "label": label or ""}
        return _answer(services, source, columns, checkpoint, services.owner(key), lang, progress)

    shown, hidden = [box["answer"], box["keep"]], gr.update(visible=False)
    box["go"].click(
        guarded(listener, shown=lambda told: (root(error_state(told)), hidden)), asked, shown,
        concurrency_id="infer", show_progress="full", show_progress_on=box["answer"], api_visibility="private",
    )  # fmt: skip
    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    for changed in (source.change, data["text"].change, data["label"].change, checkpoint.change):
        changed(
            lambda source: (gr.update(visible=source is not None), "", hidden), source, [box["go"], *shown], **quiet
        )
    page.on_language(lambda lang: ("", hidden), [], shown)


def _answer(
    services: Services, source: Any, columns: Mapping[str, str], checkpoint: str, owner: str, lang: str, progress: Any
) -> tuple[str, Any]:
    if source is None:
        raise FileMissing
    table = ChosenData(services).mended(source, columns)
    words = translate(lang, "baseline.working")
    found = services.baselines.compute(
        Path(source.path), table, columns, checkpoint, owner, mends=source.mends, relabels=source.relabels,
        reading=source.options, progress=lambda share: progress(share, desc=words),
    )  # fmt: skip
    counts = Counter(cell.strip() for cell in table.columns[columns["label"]] if cell and cell.strip())
    return render_baselines(found, median(counts.values()), lang), gr.update(visible=can_keep(found))
