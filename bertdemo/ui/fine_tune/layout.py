"""The boxes of the Fine-tune tab as they are drawn, before anything is connected: data, settings, training, result."""

from __future__ import annotations

from typing import Any

import gradio as gr

from bertdemo import samples
from bertdemo.dataset.split import SEED
from bertdemo.i18n.translation import translate
from bertdemo.services import Services
from bertdemo.tables.table_files import KINDS
from bertdemo.tasks import TASKS
from bertdemo.tasks.roles import INPUT_SLOTS
from bertdemo.ui.fine_tune import hub_dataset_panel, parse_options_panel
from bertdemo.ui.fine_tune.run_settings import SettingsForm, build_form
from bertdemo.ui.html.dataset import render_data
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import caption, root
from bertdemo.ui.html.runs import render_run
from bertdemo.ui.page import Page


def data_box(page: Page) -> dict[str, Any]:
    """Draw where data is chosen; returns its components by name."""
    make, types, services = page.words.make, list(KINDS), page.services

    def choices(lang: str) -> list[tuple[str, str]]:
        return [(translate(lang, f"sample.{sample.id}"), sample.id) for sample in _offered(services, lang)]

    def told(lang: str) -> str:
        first = _offered(services, lang)[0].language
        return translate(lang, "train.sample_info" if first == lang else "train.sample_info_zh_bundled")

    make(gr.HTML, {"value": lambda lang: _step(1, "train.data", lang)})
    file = make(gr.File, {"label": "train.file"}, file_types=types, height=110, elem_id="train-file")
    sample = make(
        gr.Dropdown,
        {"label": "train.sample", "info": told, "choices": choices},
        value=None,
        elem_id="train-sample",
    )
    hub = hub_dataset_panel.build(page)
    reading = parse_options_panel.build(page)
    task = make(
        gr.Dropdown, {"label": "train.task", "choices": _tasks}, value=None, visible=False, elem_id="train-task"
    )
    with gr.Row():  # their names follow the task
        text, pair, label = (
            gr.Dropdown(label=place, visible=False, elem_id=f"train-{place}", min_width=120) for place in INPUT_SLOTS
        )
    box = make(gr.HTML, {"value": lambda lang: render_data("", None, (), lang)}, elem_id="train-report")
    cleaning = make(
        gr.CheckboxGroup, {"label": "cleaning.label"}, choices=[], value=[], visible=False, elem_id="train-cleaning"
    )
    cleaned = gr.HTML("", elem_id="train-cleaned")
    with make(gr.Accordion, {"label": "train.preview"}, open=False, visible=False) as preview_box:
        preview = gr.HTML("", elem_id="train-preview")
    validation, test, split_seed = _held_out_box(make, types)
    return {
        "file": file, "sample": sample, "box": box, "task": task, "text": text, "pair": pair, "label": label,
        "picked": gr.State(None), "preview_box": preview_box,
        "preview": preview, "cleaning": cleaning, "cleaned": cleaned, "reading": reading, "hub": hub,
        "validation": validation, "test": test, "split_seed": split_seed,
    }  # fmt: skip


def _held_out_box(make: Any, types: list[str]) -> tuple[gr.File, gr.File, gr.Number]:
    """Draw where the held-out rows are chosen: files of their own, or the seed of the split."""
    with make(gr.Accordion, {"label": "train.held_out"}, open=False, elem_id="train-held-out"):
        make(gr.HTML, {"value": lambda lang: root(caption(translate(lang, "train.held_out_info")))})
        validation = make(
            gr.File, {"label": "train.validation"}, file_types=types, height=90, elem_id="train-validation"
        )
        test = make(gr.File, {"label": "train.test"}, file_types=types, height=90, elem_id="train-test")
        split_seed = make(
            gr.Number, {"label": "config.split_seed", "info": "config.help.split_seed"}, value=SEED, precision=0,
            elem_id="train-split-seed",
        )  # fmt: skip
    return validation, test, split_seed


def settings_box(page: Page) -> SettingsForm:
    """Draw the settings."""
    page.words.make(gr.HTML, {"value": lambda lang: _step(2, "train.settings", lang)})
    return build_form(page, page.services)


def training_box(page: Page) -> dict[str, Any]:
    """Draw where a run is followed; returns its components by name."""
    make = page.words.make
    make(gr.HTML, {"value": lambda lang: _step(3, "train.training", lang)})
    panel = gr.HTML(render_run(None, "en"), elem_id="train-panel")
    smaller = gr.Button("", visible=False, variant="primary", elem_id="train-smaller")
    stop = make(gr.Button, {"value": "train.stop"}, visible=False, elem_id="train-stop")
    return {"panel": panel, "stop": stop, "smaller": smaller}


def result_box(page: Page) -> dict[str, Any]:
    """Draw where the result stands; returns its components by name."""
    make = page.words.make
    outcome = gr.HTML("", elem_id="train-outcome")
    with gr.Row(visible=False, elem_id="train-buttons") as buttons:
        use = make(gr.Button, {"value": "train.try"}, variant="primary", elem_id="train-try", min_width=140)
        inspect = make(gr.Button, {"value": "train.inspect"}, elem_id="train-inspect", min_width=140)
        download = make(gr.Button, {"value": "train.download"}, elem_id="train-download", min_width=140)
        again = make(gr.Button, {"value": "train.again"}, elem_id="train-again", min_width=140)
        opened = make(gr.Button, {"value": "train.open"}, elem_id="train-open", min_width=140)
    package = gr.DownloadButton("zip", visible="hidden", elem_id="train-zip")
    return {
        "outcome": outcome, "buttons": buttons, "try": use, "inspect": inspect, "download": download,
        "again": again, "open": opened, "zip": package,
    }  # fmt: skip


def _offered(services: Services, lang: str) -> tuple[samples.Sample, ...]:
    return samples.offered(lang, chinese_model=services.reads_chinese())


def _tasks(lang: str) -> list[tuple[str, str]]:
    return [(translate(lang, f"task.{task}"), task) for task in TASKS]


def _step(number: int, key: str, lang: str) -> str:
    return f'<h2 class="bd bd-step"><span>{number}</span>{esc(translate(lang, key))}</h2>'
