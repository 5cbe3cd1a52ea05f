"""Likely label errors: the card that lists them, and what a visitor does about the ticked rows.

The new labels are part of the chosen data (Source.relabel): every view and the run use the relabeled table, and undo
leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import gradio as gr
from gradio.blocks import Block

from bertdemo import tasks
from bertdemo.analysis.label_issue_search import Listed, Looked, write_suspects
from bertdemo.errors import DataNotChosen
from bertdemo.i18n.translation import translate
from bertdemo.services import Services
from bertdemo.ui.fine_tune.baselines_panel import title
from bertdemo.ui.fine_tune.choice import Choice, Listeners, Values
from bertdemo.ui.fine_tune.dataset_state import ChosenData, Picked, Say, Source
from bertdemo.ui.html.label_issues import render_relabels, render_suspects
from bertdemo.ui.html.primitives import caption, error_state, root
from bertdemo.ui.page import Page
from bertdemo.ui.updates import QUEUED, QUIET, Updates

# The listeners stay while the list is drawn anew; Gradio then writes other rows into the boxes that are there, ticked
# or not.
_TICKING = """
const boxes = () => [...element.querySelectorAll("input[data-row]")];
const count = () => {
  const place = element.querySelector("[data-count]");
  if (place) place.textContent = boxes().filter((box) => box.checked).length;
};
const tick = (on) => {
  boxes().forEach((box) => { box.checked = on; });
  count();
};
element.addEventListener("change", count);
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-tick]");
  if (!button) return;
  tick(button.dataset.tick === "all");
});
watch("value", () => tick(false));
"""
# The row numbers of the ticked boxes as one text, which is what the hidden text box gets.
_TICKED = """() =>
  [...document.querySelectorAll("#train-suspects input[data-row]:checked")].map((box) => box.dataset.row).join(" ")
"""


@dataclass(frozen=True)
class Seen:
    """The list that is shown, and what it was made for."""

    looked: Looked
    source: Source
    picked: Picked | None
    checkpoint: str

    def holds(self, source: Source | None, picked: Picked | None, checkpoint: str) -> bool:
        """Whether the list is still about this: the same data, whatever was done about single rows since."""
        return (
            source is not None
            and source.relabeled({}).beside(None, None) == self.source.relabeled({}).beside(None, None)
            and set(self.source.relabel) <= set(source.relabel)
            and (picked, checkpoint) == (self.picked, self.checkpoint)
        )

    def left(self, source: Source) -> tuple[Listed, ...]:
        """Return the suspects that nothing was done about since."""
        # A row was decided on if its new label differs from the one that it had when the list was made.
        before, now = self.source.relabel, source.relabel
        return tuple(row for row in self.looked.found if now.get(str(row.number)) == before.get(str(row.number)))


@dataclass(frozen=True)
class Components:
    """The card."""

    box: gr.Column
    go: gr.Button
    answer: gr.HTML
    actions: gr.Row
    take: gr.Button
    drop: gr.Button
    export: gr.Button
    message: gr.HTML
    undo: gr.Button
    seen: gr.State
    ticked: gr.Textbox
    file: gr.DownloadButton

    @property
    def drawn(self) -> list[Block]:
        """What `Callbacks.drawn` changes."""
        return [self.seen, self.box, self.answer, self.actions, self.message, self.undo]


def layout(page: Page) -> Components:
    """Draw the card."""
    make = page.words.make
    with gr.Column(elem_classes="bd-half", min_width=300) as box:
        with gr.Row(elem_classes="bd-half-head"):
            make(gr.HTML, {"value": title("fine_tune.issues.title", "fine_tune.issues.about")})
            go = make(
                gr.Button,
                {"value": "fine_tune.issues.go"},
                elem_id="train-suspects-go",
                size="sm",
                scale=0,
                min_width=90,
            )
        answer = gr.HTML("", elem_id="train-suspects", js_on_load=_TICKING)
        with gr.Row(visible=False, elem_id="train-suspects-do", elem_classes="bd-actions") as actions:
            take, drop, export = (
                make(
                    gr.Button, {"value": f"suspects.{name}"}, elem_id=f"train-suspects-{name}", size="sm", min_width=40
                )
                for name in ("take", "drop", "export")
            )
        message = gr.HTML("", elem_id="train-suspects-told")
        undo = make(gr.Button, {"value": "suspects.undo"}, visible=False, elem_id="train-suspects-undo", size="sm")
        ticked = gr.Textbox(visible="hidden", elem_id="train-suspects-ticked")
        file = gr.DownloadButton("csv", visible="hidden", elem_id="train-suspects-file")
    return Components(box, go, answer, actions, take, drop, export, message, undo, gr.State(None), ticked, file)


Show = Callable[[Choice, Source | None, Picked | None], Updates]
"""Draws the data again: what the tab does with another source."""


@dataclass(frozen=True)
class Callbacks:
    """The listeners of this card."""

    services: Services
    parts: Components
    show: Show

    def look(self, choice: Choice, say: Say) -> Updates:
        """Outputs: those of `drawn`."""
        if choice.source is None:
            raise DataNotChosen
        prepared, picked = ChosenData(self.services).prepared(choice.source, choice.picked)
        looked = self.services.label_issues.look(
            prepared,
            choice.checkpoint,
            self.services.owner(choice.key),
            progress=lambda share: say("suspects.working", share),
        )
        return self.drawn(choice, Seen(looked, choice.source, picked, choice.checkpoint))

    def refused(self, message: str) -> Updates:
        """Outputs: those of `look`."""
        return {self.parts.seen: None, self.parts.answer: root(error_state(message))}

    def drawn(self, choice: Choice, seen: Seen | None) -> Updates:
        """Outputs: those of `Components.drawn`; no list where it is of other data."""
        source, picked, parts = choice.source, choice.picked, self.parts
        there = source is not None and picked is not None and tasks.find(picked.task).categories
        done = source.relabel if source else {}
        updates: Updates = {
            parts.box: gr.update(visible=there),
            parts.message: render_relabels(done, choice.lang),
            parts.undo: gr.update(visible=bool(done)),
        }
        if seen is None or source is None or not seen.holds(source, picked, choice.checkpoint):
            return {**updates, parts.seen: None, parts.answer: "", parts.actions: gr.update(visible=False)}
        html = render_suspects(seen.looked, seen.left(source), choice.lang)
        some = bool(seen.looked.found)
        return {**updates, parts.seen: seen, parts.answer: html, parts.actions: gr.update(visible=some)}

    def late(self, choice: Choice, seen: Seen | None) -> Updates:
        """Outputs: those of `drawn`, where another file was chosen while the rows were looked at."""
        if seen is None or (choice.source and seen.holds(choice.source, choice.picked, choice.checkpoint)):
            return {}
        return self.drawn(choice, None)

    def apply(self, leave_out: bool, choice: Choice, seen: Seen | None, ticked: str) -> Updates:
        """Outputs: message, and those of the data; `ticked` are row numbers, or to be left out the rows."""
        source = choice.source
        if seen is None or source is None or not seen.holds(source, choice.picked, choice.checkpoint):
            return {}
        # The row numbers come from the page's script: only those of the list count.
        wanted = set((ticked or "").split())
        chosen = [row for row in seen.left(source) if str(row.number) in wanted]
        if not chosen:
            return {self.parts.message: root(caption(translate(choice.lang, "suspects.tick_first")))}
        new = {str(row.number): "" if leave_out else row.issue.suggested for row in chosen}
        return self.show(choice, source.relabeled({**source.relabel, **new}), choice.picked)

    def undo(self, choice: Choice) -> Updates:
        """Outputs: those of the data."""
        return self.show(choice, choice.source.relabeled({}) if choice.source else None, choice.picked)

    def export(self, seen: Seen | None) -> Updates:
        """Outputs: the hidden download button, holding the file."""
        if seen is None:
            return {}
        with self.services.result_file("suspect-labels.csv") as target:
            write_suspects(seen.looked.found, target)
        return {self.parts.file: gr.DownloadButton(value=str(target))}


def wire(
    listeners: Listeners, parts: Components, services: Services, show: Show, dataset_outputs: Sequence[Block]
) -> None:
    """Connect the card. Other data take the list away."""
    calls, inputs, drawn, seen = Callbacks(services, parts, show), listeners.inputs, parts.drawn, parts.seen
    looking = listeners.slow(
        parts.go.click, lambda choice, values, say: calls.look(choice, say), drawn, calls.refused, parts.answer,
        concurrency_id="infer",
    )  # fmt: skip
    listeners.quiet(looking.then, lambda choice, values: calls.late(choice, values[seen]), drawn, None, QUIET, [seen])
    for changed in (inputs.source.change, inputs.picked.change, inputs.checkpoint.change):
        listeners.quiet(changed, lambda choice, values: calls.drawn(choice, values[seen]), drawn, None, QUIET, [seen])
    for button, leave_out in ((parts.take, False), (parts.drop, True)):
        _wire_apply(listeners, parts, button, partial(calls.apply, leave_out), dataset_outputs)
    listeners.quiet(parts.undo.click, lambda choice, values: calls.undo(choice), dataset_outputs, None, QUEUED)
    listeners.quiet(
        parts.export.click, lambda choice, values: calls.export(values[seen]), [parts.file], None, QUEUED, [seen]
    ).then(None, parts.file, None, js="(file) => window.bertdemo.download(file)")
    listeners.language(lambda choice, values: calls.drawn(choice, values[seen]), drawn, [seen])


def _wire_apply(
    listeners: Listeners,
    parts: Components,
    button: gr.Button,
    apply: Callable[[Choice, Seen | None, str], Updates],
    dataset_outputs: Sequence[Block],
) -> None:
    """Connect a button to the ticked rows: first they are put into a hidden text box, then they are dealt with."""

    def listener(choice: Choice, values: Values) -> Updates:
        return apply(choice, values[parts.seen], values[parts.ticked])

    pressed = button.click(None, None, parts.ticked, js=_TICKED)
    extra: list[Block] = [parts.seen, parts.ticked]
    listeners.quiet(pressed.then, listener, [parts.message, *dataset_outputs], None, QUEUED, extra)
