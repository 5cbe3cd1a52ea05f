"""The choices on the left of Fine-tune: a file or a sample, its columns and cleaning steps, validation and test file.

Everything that reads or examines a file reports its progress: a large one takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from bertdemo import samples
from bertdemo.services import CHINESE, Services
from bertdemo.ui.fine_tune import hub_dataset_panel, parse_options_panel
from bertdemo.ui.fine_tune.dataset_state import SHOWN, ChosenData, Picked, Source
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page


class DataListeners:
    """The listeners, without the page. `shown` are the outputs of ChosenData.shown."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._data = ChosenData(services)

    def upload(
        self,
        file: str | None,
        validation: str | None,
        test: str | None,
        split_seed: float | None,
        checkpoint: str,
        key: str,
        lang: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        """Inputs: file, files beside it, split seed, checkpoint, owner, lang. Outputs: source, sample, `shown`."""
        if not file:
            return (None, gr.skip(), *self._data.nothing(lang))
        source = Source(file, Path(file).name).beside(validation, test, split_seed)
        return (source, None, *self._data.shown(source, None, checkpoint, key, lang, progress))

    def choose_sample(
        self,
        sample: str | None,
        validation: str | None,
        test: str | None,
        split_seed: float | None,
        checkpoint: str,
        key: str,
        lang: str,
    ) -> tuple[Any, ...]:
        """Inputs: sample, files, split seed, checkpoint, owner, lang. Outputs: source, file, checkpoint, `shown`."""
        if not sample:
            return (gr.skip(),) * (3 + SHOWN)
        info = samples.find(sample)
        source = Source(str(samples.sample_path(sample)), info.file, sample).beside(validation, test, split_seed)
        # The bundled vocabulary is English: a Chinese sample would be mostly [UNK].
        chosen: Any = gr.skip()
        if info.language == "zh" and checkpoint == "bundled" and self._services.reads_chinese():
            checkpoint = chosen = CHINESE
        return (source, None, chosen, *self._data.shown(source, None, checkpoint, key, lang))

    def held_out(
        self,
        source: Source | None,
        validation: str | None,
        test: str | None,
        split_seed: float | None,
        picked: Picked | None,
        checkpoint: str,
        key: str,
        lang: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        """Inputs: source, files beside it, split seed, columns, checkpoint, owner, lang. Outputs: source, `shown`."""
        before, source = source, source.beside(validation, test, split_seed) if source else None
        if source == before:  # the field of the seed was left as it was
            return (gr.skip(),) * (1 + SHOWN)
        return (source, *self._data.examined(source, picked, checkpoint, key, lang, progress))

    def examine(
        self,
        source: Source | None,
        picked: Picked | None,
        checkpoint: str,
        key: str,
        lang: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        """Inputs: source, picked, checkpoint, owner, lang. Outputs: those of `shown`."""
        return self._data.examined(source, picked, checkpoint, key, lang, progress)

    def other_columns(
        self,
        source: Source | None,
        task: str | None,
        text: str | None,
        pair: str | None,
        label: str | None,
        checkpoint: str,
        key: str,
        lang: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        """Inputs: source, task, columns by place, checkpoint, owner, lang. Outputs: source, then those of `shown`.

        Labels were changed in another column, so that is forgotten.
        """
        source = source.relabeled({}) if source else None
        picked = Picked(task, text or "", pair or "", label or "") if task else None
        return (source, *self._data.examined(source, picked, checkpoint, key, lang, progress))

    def other_task(
        self,
        source: Source | None,
        task: str | None,
        checkpoint: str,
        key: str,
        lang: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        """Inputs: source, task, checkpoint, owner, lang. Outputs: source, then `shown`; columns are guessed."""
        source = replace(source.relabeled({}), cleaning=()) if source else None
        return (source, *self._data.examined(source, Picked(task) if task else None, checkpoint, key, lang, progress))

    def step(
        self,
        source: Source | None,
        cleaning: list[str],
        picked: Picked | None,
        checkpoint: str,
        key: str,
        lang: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        """Inputs: source, cleaning steps, columns, checkpoint, owner, lang. Outputs: source, then those of `shown`."""
        source = replace(source, cleaning=tuple(cleaning or ())) if source else None
        return (source, *self._data.examined(source, picked, checkpoint, key, lang, progress))


def wire(
    page: Page, source: gr.State, data: Mapping[str, Any], checkpoint: gr.Dropdown, outputs: Sequence[Any]
) -> None:
    """Connect them; `shown` are the components of ChosenData.shown."""
    calls = DataListeners(page.services)
    who = [checkpoint, page.owner, page.lang]
    beside, picked = [data["validation"], data["test"], data["split_seed"]], data["picked"]
    columns = [data[name] for name in ("task", "text", "pair", "label")]
    options: dict[str, Any] = {"show_progress_on": data["box"], "api_visibility": "private"}
    for event in (data["file"].upload, data["file"].clear):
        event(guarded(calls.upload), [data["file"], *beside, *who], [source, data["sample"], *outputs], **options)
    data["sample"].input(
        guarded(calls.choose_sample),
        [data["sample"], *beside, *who],
        [source, data["file"], checkpoint, *outputs],
        show_progress="hidden",
        api_visibility="private",
    )
    for box in beside:
        for event in (box.submit, box.blur) if box is data["split_seed"] else (box.upload, box.clear):
            event(guarded(calls.held_out), [source, *beside, picked, *who], [source, *outputs], **options)
    data["cleaning"].input(guarded(calls.step), [source, data["cleaning"], picked, *who], [source, *outputs], **options)
    data["task"].input(guarded(calls.other_task), [source, data["task"], *who], [source, *outputs], **options)
    for box in columns[1:]:
        box.input(guarded(calls.other_columns), [source, *columns, *who], [source, *outputs], **options)
    checkpoint.input(guarded(calls.examine), [source, picked, *who], outputs, **options)
    hub_dataset_panel.wire(page, data["hub"], source, data, who, outputs)
    parse_options_panel.wire(page, data["reading"], source, data["box"], who, outputs)
