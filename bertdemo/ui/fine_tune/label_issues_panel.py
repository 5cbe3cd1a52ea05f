"""Likely label errors: the button below the data that lists them, and what a visitor does about the ticked rows.

The new labels are part of the chosen data (Source.relabel): every view and the run use the relabeled table, and undo
leaves no trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from bertdemo import tasks
from bertdemo.analysis.label_issue_search import Listed, Looked, write_suspects
from bertdemo.errors import DataNotChosen
from bertdemo.i18n.translation import translate
from bertdemo.services import Services
from bertdemo.ui.fine_tune.dataset_state import ChosenData, Picked, Source
from bertdemo.ui.html.label_issues import render_relabels, render_suspects
from bertdemo.ui.html.primitives import caption, error_state, root
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page
from bertdemo.ui.updates import QUIET, keyed

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
# Sends the row numbers of the ticked boxes in place of the first input.
_TICKED = """(ticked, ...rest) => [
  [...document.querySelectorAll("#train-suspects input[data-row]:checked")].map((box) => box.dataset.row).join(" "),
  ...rest,
]"""


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


def build(page: Page) -> dict[str, Any]:
    """Draw the button and the places below it; hidden until there is data."""
    make = page.words.make
    go = make(gr.Button, {"value": "suspects.button"}, visible=False, elem_id="train-suspects-go", scale=0)
    answer = gr.HTML("", elem_id="train-suspects", js_on_load=_TICKING)
    with gr.Row(visible=False, elem_id="train-suspects-do", elem_classes="bd-actions") as actions:
        take = make(gr.Button, {"value": "suspects.take"}, elem_id="train-suspects-take", size="sm", min_width=40)
        drop = make(gr.Button, {"value": "suspects.drop"}, elem_id="train-suspects-drop", size="sm", min_width=40)
        export = make(gr.Button, {"value": "suspects.export"}, elem_id="train-suspects-export", size="sm", min_width=40)
    message = gr.HTML("", elem_id="train-suspects-told")
    undo = make(gr.Button, {"value": "suspects.undo"}, visible=False, elem_id="train-suspects-undo", size="sm")
    return {
        "go": go, "answer": answer, "actions": actions, "take": take, "drop": drop, "export": export, "told": message,
        "undo": undo, "seen": gr.State(None), "ticked": gr.Textbox(visible="hidden"),
        "file": gr.DownloadButton("csv", visible="hidden"),
    }  # fmt: skip


# Outputs of `drawn`, in their order.
_DRAWN = ("seen", "go", "answer", "actions", "told", "undo")


class _Callbacks:
    """The listeners of this box, without the page."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._data = ChosenData(services)

    def look(
        self,
        source: Source | None,
        picked: Picked | None,
        checkpoint: str,
        key: str,
        lang: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        """Inputs: source, columns, checkpoint, owner, lang. Outputs: those of `drawn`."""
        if source is None:
            raise DataNotChosen
        (prepared, picked), words = self._data.prepared(source, picked), translate(lang, "suspects.working")
        looked = self._services.label_issues.look(
            prepared, checkpoint, self._services.owner(key), progress=lambda share: progress(share, desc=words)
        )
        return self.drawn(Seen(looked, source, picked, checkpoint), source, picked, checkpoint, lang)

    def drawn(
        self,
        seen: Seen | None,
        source: Source | None,
        picked: Picked | None,
        checkpoint: str,
        lang: str,
    ) -> tuple[Any, ...]:
        """Outputs: seen, button, list, what can be done, what was done, undo; no list where it is of other data."""
        there = source is not None and picked is not None and tasks.find(picked.task).categories
        done = source.relabel if source else {}
        changes, undo = render_relabels(done, lang), gr.update(visible=bool(done))
        if seen is None or source is None or not seen.holds(source, picked, checkpoint):
            return None, gr.update(visible=there), "", gr.update(visible=False), changes, undo
        html = render_suspects(seen.looked, seen.left(source), lang)
        some = bool(seen.looked.found)
        return seen, gr.update(visible=there), html, gr.update(visible=some), changes, undo

    def speak(self, lang: str, *now: Any) -> tuple[Any, ...]:
        """Inputs: language, then those of `drawn` without it. Outputs: those of `drawn`."""
        return self.drawn(*now, lang)

    def apply(
        self,
        leave_out: bool,
        ticked: str,
        seen: Seen | None,
        source: Source | None,
        picked: Picked | None,
        checkpoint: str,
        key: str,
        lang: str,
    ) -> tuple[Any, ...]:
        """Inputs: whether to leave them out, ticked rows, seen, …. Outputs: told, source, then those of `shown`."""
        if seen is None or source is None or not seen.holds(source, picked, checkpoint):
            return (gr.skip(), source, *self._data.examined(source, picked, checkpoint, key, lang))
        # The row numbers come from the page's script: only those of the list count.
        wanted = set((ticked or "").split())
        chosen = [row for row in seen.left(source) if str(row.number) in wanted]
        if not chosen:
            words = root(caption(translate(lang, "suspects.tick_first")))
            return (words, source, *self._data.examined(source, picked, checkpoint, key, lang))
        new = {str(row.number): "" if leave_out else row.issue.suggested for row in chosen}
        cleaned = source.relabeled({**source.relabel, **new})
        return (gr.skip(), cleaned, *self._data.examined(cleaned, picked, checkpoint, key, lang))

    def undo(
        self, source: Source | None, picked: Picked | None, checkpoint: str, key: str, lang: str
    ) -> tuple[Any, ...]:
        """Inputs: source, columns, checkpoint, owner, lang. Outputs: source, then those of `shown`."""
        plain = source.relabeled({}) if source else None
        return (plain, *self._data.examined(plain, picked, checkpoint, key, lang))

    def export(self, seen: Seen | None, lang: str) -> Any:  # noqa: ARG002 - for `guarded`
        """Inputs: seen, lang. Outputs: the hidden download button, holding the file."""
        if seen is None:
            return gr.skip()
        target = self._services.new_result_folder() / "suspect-labels.csv"
        write_suspects(seen.looked.found, target)
        return gr.DownloadButton(value=str(target))


def wire(
    page: Page,
    box: Mapping[str, Any],
    source: gr.State,
    data: Mapping[str, Any],
    checkpoint: gr.Dropdown,
    dataset_outputs: Sequence[Any],
) -> None:
    """Connect the box; `shown` are the outputs of ChosenData.shown. Other data take the list away."""
    calls = _Callbacks(page.services)
    drawn = [box[name] for name in _DRAWN]
    about = [source, data["picked"], checkpoint]
    who = [page.owner, page.lang]
    refused = guarded(
        calls.look, on_error=lambda message: (None, gr.skip(), root(error_state(message)), *(gr.skip(),) * 3)
    )
    looking = box["go"].click(
        refused,
        [*about, *who],
        drawn,
        concurrency_id="infer",
        show_progress="full",
        show_progress_on=box["answer"],
        api_visibility="private",
    )
    # Another file may have been chosen while these were looked at.
    looking.then(_late, [box["seen"], *about], drawn, **QUIET)
    for changed in (source.change, data["picked"].change, checkpoint.change):
        changed(calls.drawn, [box["seen"], *about, page.lang], drawn, **QUIET)
    for name, leave_out in (("take", False), ("drop", True)):
        box[name].click(
            guarded(partial(calls.apply, leave_out)),
            [box["ticked"], box["seen"], *about, *who],
            [box["told"], source, *dataset_outputs],
            js=_TICKED,
            show_progress="hidden",
            api_visibility="private",
        )
    box["undo"].click(
        guarded(calls.undo),
        [*about, *who],
        [source, *dataset_outputs],
        show_progress="hidden",
        api_visibility="private",
    )
    box["export"].click(
        guarded(calls.export), [box["seen"], page.lang], box["file"], show_progress="hidden", api_visibility="private"
    ).then(None, box["file"], None, js="(file) => window.bertdemo.download(file)")
    page.on_language(keyed(calls.speak, drawn), [box["seen"], *about], drawn)


def _late(seen: Seen | None, source: Source | None, picked: Picked | None, checkpoint: str) -> tuple[Any, ...]:
    if seen is None or seen.holds(source, picked, checkpoint):
        return (gr.skip(),) * len(_DRAWN)
    return None, gr.skip(), "", gr.update(visible=False), gr.skip(), gr.skip()
