"""A data set of the Hugging Face Hub instead of a file: its name, then one of its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from bertdemo.errors import DataNotChosen
from bertdemo.hub.datasets import HubData, Part, RemoteData
from bertdemo.i18n.translation import size, translate
from bertdemo.services import Services
from bertdemo.ui.fine_tune.dataset_state import ChosenData, Source
from bertdemo.ui.html.primitives import caption, error_state, root
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page

# Hexadecimal digits of a commit that are shown.
_COMMIT_SHOWN = 8


def build(page: Page) -> dict[str, Any]:
    """Draw the box, shut."""
    make = page.words.make
    with make(gr.Accordion, {"label": "hub_data.title"}, open=False, elem_id="train-hub"):
        with gr.Row(elem_classes="bd-controls"):
            name = make(
                gr.Textbox,
                {"label": "hub_data.name", "placeholder": "hub_data.placeholder"},
                lines=1,
                max_lines=1,
                elem_id="train-hub-name",
                min_width=150,
                scale=3,
            )
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
    return {"name": name, "look": look, "told": message, "part": part, "fetch": fetch, "found": gr.State(None)}


def wire(
    page: Page,
    box: Mapping[str, Any],
    source: gr.State,
    data: Mapping[str, Any],
    who: Sequence[Any],
    dataset_outputs: Sequence[Any],
) -> None:
    """Connect it: what was fetched takes the place of a file and of a sample."""
    services, hub, chosen = page.services, HubData(page.services.settings), ChosenData(page.services)

    def look(name: str, lang: str) -> tuple[Any, ...]:
        dataset = hub.look(name or "")
        choices = [(_named(part, lang), part.id) for part in dataset.parts]
        part = gr.update(choices=choices, value=choices[0][1], visible=True)
        return dataset, _told(dataset, lang), part, gr.update(visible=True)

    def fetch(
        dataset: RemoteData | None,
        part: str,
        validation: str | None,
        test: str | None,
        split_seed: float | None,
        checkpoint: str,
        key: str,
        lang: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        fetched = _fetch(services, hub, dataset, part, lambda done: progress(done.share, desc=done.file))
        fetched = fetched.beside(validation, test, split_seed)
        drawn = chosen.shown(fetched, None, checkpoint, key, lang, progress)
        return (fetched, None, None, _told(dataset, lang), *drawn)

    def refused(count: int, at: int) -> Any:
        return lambda message: tuple(root(error_state(message)) if i == at else gr.skip() for i in range(count))

    slow = {"show_progress_on": box["told"], "api_visibility": "private", "concurrency_id": "infer"}
    looked_up = [box["found"], box["told"], box["part"], box["fetch"]]
    for event in (box["look"].click, box["name"].submit):
        event(guarded(look, on_error=refused(4, 1)), [box["name"], page.lang], looked_up, **slow)
    outputs = [source, data["file"], data["sample"], box["told"], *dataset_outputs]
    beside = [data["validation"], data["test"], data["split_seed"]]
    box["fetch"].click(
        guarded(fetch, on_error=refused(len(outputs), 3)),
        [box["found"], box["part"], *beside, *who],
        outputs,
        **slow,
    )
    page.on_language(lambda lang, dataset: {box["told"]: _told(dataset, lang)}, [box["found"]], [box["told"]])


def _fetch(services: Services, hub: HubData, dataset: RemoteData | None, part: str, progress: Any) -> Source:
    if dataset is None:
        raise DataNotChosen
    path, name = hub.fetch(dataset, part or "", services.new_result_folder(), progress)
    return Source(str(path), name, origin=f"{dataset.repo_id}@{dataset.commit} {part}")


def _named(part: Part, lang: str) -> str:
    place = part.split if part.config == "default" else f"{part.config} · {part.split}"
    return f"{place} ({size(part.size)})"


def _told(dataset: RemoteData | None, lang: str) -> str:
    if dataset is None:
        return ""
    words = translate(lang, "hub_data.found", name=dataset.repo_id, commit=dataset.commit[:_COMMIT_SHOWN])
    return root(caption(words))
