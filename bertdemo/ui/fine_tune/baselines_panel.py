"""Baselines: the card that scores models without fine-tuning in seconds.

Where a linear probe is among them, a second button keeps it as a checkpoint: the tab starts a run of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import gradio as gr
from gradio.blocks import Block

from bertdemo import tasks
from bertdemo.errors import DataNotChosen
from bertdemo.i18n.translation import translate
from bertdemo.services import Services
from bertdemo.ui.fine_tune.choice import Choice, Listeners
from bertdemo.ui.fine_tune.dataset_state import ChosenData, Say
from bertdemo.ui.fine_tune.html.baselines import can_keep, render_baselines
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import caption, error_state, root
from bertdemo.ui.page import Page
from bertdemo.ui.updates import QUIET, Updates

# Shares of the work from which the next stage is named: the majority class and TF-IDF come first, then each row is
# embedded, which takes longest, then the probe is fitted.
_STAGES = ((0.2, "tfidf"), (0.8, "embedding"), (1.1, "probe"))


@dataclass(frozen=True)
class Components:
    """The card."""

    box: gr.Column
    go: gr.Button
    answer: gr.HTML
    keep: gr.Button


def layout(page: Page) -> Components:
    """Draw the card."""
    with gr.Column(elem_classes="bd-half", min_width=300) as box:
        with gr.Row(elem_classes="bd-half-head"):
            page.words.make(gr.HTML, {"value": title("fine_tune.baseline.title", "fine_tune.baseline.about")})
            go = page.words.make(
                gr.Button,
                {"value": "fine_tune.baseline.go"},
                elem_id="train-baseline",
                size="sm",
                scale=0,
                min_width=90,
            )
        answer = gr.HTML("", elem_id="train-baselines")
        keep = page.words.make(
            gr.Button, {"value": "baseline.keep"}, visible=False, elem_id="train-keep", size="sm", scale=0
        )
    return Components(box, go, answer, keep)


def title(key: str, about: str) -> Callable[[str], object]:
    """Return what draws the title of a card with one sentence below it."""
    return lambda lang: root(
        f'<h3 class="bd-stage-title">{esc(translate(lang, key))}</h3>{caption(translate(lang, about))}'
    )


@dataclass(frozen=True)
class Callbacks:
    """The listeners of this card."""

    services: Services
    parts: Components

    def compute(self, choice: Choice, say: Say) -> Updates:
        """Outputs: the answer, and the button that keeps the linear probe."""
        if choice.source is None:
            raise DataNotChosen
        prepared, picked = ChosenData(self.services).prepared(choice.source, choice.picked)
        owner = self.services.owner(choice.key)
        computed = self.services.baselines.compute(
            prepared, choice.checkpoint, owner, progress=lambda share: say(_stage(share), share)
        )
        rows_per_label: float | None = None
        if prepared.task.categories:
            counts = Counter(cell.strip() for cell in prepared.table.columns[picked.label] if cell and cell.strip())
            # The median and not the mean: one large label must not hide that the others are small.
            rows_per_label = median(counts.values())
        keeps = prepared.task.categories and can_keep(computed) and prepared.task.can_freeze
        drawn = render_baselines(computed, rows_per_label, choice.lang, prepared.task.id)
        return {self.parts.answer: drawn, self.parts.keep: gr.update(visible=keeps)}

    def refused(self, message: str) -> Updates:
        """Outputs: those of `compute`."""
        return {self.parts.answer: root(error_state(message)), self.parts.keep: gr.update(visible=False)}

    def fresh(self, choice: Choice) -> Updates:
        """Outputs: those of `compute`, and the card; scores of other data or of another encoder go at once."""
        picked = choice.picked
        there = choice.source is not None and picked is not None and tasks.find(picked.task).has_baseline
        return {
            self.parts.box: gr.update(visible=there),
            self.parts.answer: "",
            self.parts.keep: gr.update(visible=False),
        }


def wire(listeners: Listeners, parts: Components, services: Services) -> None:
    """Connect the card."""
    calls, inputs = Callbacks(services, parts), listeners.inputs
    outputs: list[Block] = [parts.answer, parts.keep]
    drawn = [parts.box, *outputs]
    listeners.slow(
        parts.go.click, lambda choice, values, say: calls.compute(choice, say), outputs, calls.refused, parts.answer,
        concurrency_id="infer",
    )  # fmt: skip
    for changed in (inputs.source.change, inputs.picked.change, inputs.checkpoint.change):
        listeners.quiet(changed, lambda choice, values: calls.fresh(choice), drawn, None, QUIET)
    listeners.language(lambda choice, values: calls.fresh(choice), drawn)


def _stage(share: float) -> str:
    return f"fine_tune.baseline.stage.{next(name for end, name in _STAGES if share < end)}"
