"""How far without fine-tuning: the button beside the data that scores two linear models in seconds.

Where the regression on the frozen encoder is among them, a second button keeps it as a checkpoint: the tab starts a
run of it as it starts any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from statistics import median
from typing import Any

import gradio as gr

from bertdemo import tasks
from bertdemo.errors import DataNotChosen
from bertdemo.i18n.translation import translate
from bertdemo.services import Services
from bertdemo.ui.fine_tune.baselines_html import can_keep, render_baselines
from bertdemo.ui.fine_tune.dataset_state import ChosenData, Picked
from bertdemo.ui.html.primitives import error_state, root
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page
from bertdemo.ui.updates import QUIET, keyed


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
    inputs = [source, data["picked"], checkpoint, page.owner, page.lang]

    def listener(
        source: Any,
        picked: Picked | None,
        checkpoint: str,
        key: str,
        lang: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[str, Any]:
        return _answer(services, source, picked, checkpoint, services.owner(key), lang, progress)

    outputs, hidden = [box["answer"], box["keep"]], gr.update(visible=False)
    box["go"].click(
        guarded(listener, on_error=lambda message: (root(error_state(message)), hidden)),
        inputs,
        outputs,
        concurrency_id="infer",
        show_progress="full",
        show_progress_on=box["answer"],
        api_visibility="private",
    )

    def fresh(source: Any, picked: Picked | None) -> tuple[Any, ...]:
        there = source is not None and picked is not None and tasks.find(picked.task).has_baseline
        return gr.update(visible=there), "", hidden

    # Scores of other data or of another encoder would be wrong, so they go at once.
    for changed in (source.change, data["picked"].change, checkpoint.change):
        changed(fresh, [source, data["picked"]], [box["go"], *outputs], **QUIET)
    page.on_language(keyed(lambda lang: ("", hidden), outputs), [], outputs)


def _answer(
    services: Services, source: Any, picked: Picked | None, checkpoint: str, owner: str, lang: str, progress: Any
) -> tuple[str, Any]:
    if source is None:
        raise DataNotChosen
    prepared, picked = ChosenData(services).prepared(source, picked)
    words = translate(lang, "baseline.working")
    task, table = prepared.task, prepared.table
    computed = services.baselines.compute(
        prepared, checkpoint, owner, progress=lambda share: progress(share, desc=words)
    )
    if not task.categories:
        return render_baselines(computed, None, lang), gr.update(visible=False)
    counts = Counter(cell.strip() for cell in table.columns[picked.label] if cell and cell.strip())
    # The median and not the mean: one large label must not hide that the others are small.
    keeps = can_keep(computed) and task.can_freeze
    return render_baselines(computed, median(counts.values()), lang), gr.update(visible=keeps)
