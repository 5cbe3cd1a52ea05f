"""A dataset of the Hugging Face Hub instead of a file: its name, then one of its parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block

from bertdemo.errors import DataNotChosen
from bertdemo.hub.datasets import HubData, Part, RemoteData
from bertdemo.i18n.translation import size, translate
from bertdemo.services import Services
from bertdemo.ui.fine_tune.choice import Choice, Listeners
from bertdemo.ui.fine_tune.dataset_state import Picked, Say, Source
from bertdemo.ui.html.primitives import caption, error_state, root
from bertdemo.ui.page import Page
from bertdemo.ui.updates import Updates

# Hexadecimal digits of a commit that are shown.
_COMMIT_SHOWN = 8


@dataclass(frozen=True)
class Components:
    """The folded box."""

    name: gr.Textbox
    look: gr.Button
    message: gr.HTML
    part: gr.Dropdown
    fetch: gr.Button
    dataset: gr.State


def layout(page: Page) -> Components:
    """Draw the box, shut."""
    make = page.words.make
    with make(gr.Accordion, {"label": "hub_data.title"}, open=False, elem_id="train-hub"):
        with gr.Row(elem_classes="bd-controls"):
            words = {"label": "hub_data.name", "placeholder": "hub_data.placeholder"}
            name = make(gr.Textbox, words, lines=1, max_lines=1, elem_id="train-hub-name", min_width=150, scale=3)
            look = make(gr.Button, {"value": "hub_data.look"}, elem_id="train-hub-look", scale=0, min_width=90)
        message = gr.HTML("", elem_id="train-hub-told")
        with gr.Row(elem_classes="bd-controls"):
            part = make(
                gr.Dropdown,
                {"label": "hub_data.part"},
                visible=False,
                allow_custom_value=True,
                elem_id="train-hub-part",
                min_width=150,
                scale=3,
            )
            fetch = make(
                gr.Button, {"value": "hub_data.fetch"}, visible=False, elem_id="train-hub-fetch", scale=0, min_width=90
            )
    return Components(name, look, message, part, fetch, gr.State(None))


@dataclass(frozen=True)
class Callbacks:
    """The listeners of this box; `show` draws the data that were downloaded."""

    services: Services
    hub: HubData
    parts: Components
    show: Callable[[Choice, Source | None, Picked | None, Say], Updates]

    def look(self, name: str, lang: str) -> Updates:
        """Outputs: dataset, message, part, fetch."""
        dataset = self.hub.look(name or "")
        choices = [(_named(part), part.id) for part in dataset.parts]
        return {
            self.parts.dataset: dataset,
            self.parts.message: _found(dataset, lang),
            self.parts.part: gr.update(choices=choices, value=choices[0][1], visible=True),
            self.parts.fetch: gr.update(visible=True),
        }

    def fetch(self, choice: Choice, dataset: RemoteData | None, part: str, say: Say) -> Updates:
        """Outputs: message, and those of the data."""
        if dataset is None:
            raise DataNotChosen
        with self.services.result_file("") as folder:
            path, name = self.hub.fetch(
                dataset, part or "", folder, lambda done: say("fine_tune.downloading", done.share)
            )
        source = Source(str(path), name, origin=f"{dataset.repo_id}@{dataset.commit} {part}")
        return {self.parts.message: _found(dataset, choice.lang), **self.show(choice, source, None, say)}

    def refused(self, message: str) -> Updates:
        """Outputs: message."""
        return {self.parts.message: root(error_state(message))}


def wire(
    listeners: Listeners,
    parts: Components,
    services: Services,
    show: Callable[[Choice, Source | None, Picked | None, Say], Updates],
    dataset_outputs: Sequence[Block],
) -> None:
    """Connect it: what was downloaded takes the place of a file and of a sample."""
    calls = Callbacks(services, HubData(services.settings), parts, show)
    looked_up: list[Block] = [parts.dataset, parts.message, parts.part, parts.fetch]
    for event in (parts.look.click, parts.name.submit):
        listeners.slow(
            event, lambda choice, values, say: calls.look(values[parts.name], choice.lang), looked_up, calls.refused,
            parts.message, [parts.name], concurrency_id="infer",
        )  # fmt: skip
    listeners.slow(
        parts.fetch.click,
        lambda choice, values, say: calls.fetch(choice, values[parts.dataset], values[parts.part], say),
        [parts.message, *dataset_outputs],
        calls.refused,
        parts.message,
        [parts.dataset, parts.part],
        concurrency_id="infer",
    )
    listeners.language(
        lambda choice, values: {parts.message: _found(values[parts.dataset], choice.lang)},
        [parts.message],
        [parts.dataset],
    )


def _named(part: Part) -> str:
    place = part.split if part.config == "default" else f"{part.config} · {part.split}"
    return f"{place} ({size(part.size)})"


def _found(dataset: RemoteData | None, lang: str) -> str:
    if dataset is None:
        return ""
    words = translate(lang, "hub_data.found", name=dataset.repo_id, commit=dataset.commit[:_COMMIT_SHOWN])
    return root(caption(words))
