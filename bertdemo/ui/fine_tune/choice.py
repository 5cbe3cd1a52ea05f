"""All that a visitor has chosen in Fine-tune, as one value, and listeners that get it.

Every listener of the tab sends the same inputs as one dictionary, so that nothing is wired by position.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import gradio as gr
from gradio.blocks import Block

from bertdemo.i18n.translation import translate
from bertdemo.ui.fine_tune.dataset_state import Facts, Picked, Say, Source
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page
from bertdemo.ui.updates import QUEUED, ListenerOptions, Updates

Stage = Literal["empty", "data", "run", "study"]
Values = Mapping[Block, Any]


@dataclass(frozen=True)
class Choice:
    """What is chosen at one moment."""

    stage: Stage
    source: Source | None
    picked: Picked | None
    facts: Facts | None
    validation: str | None
    test: str | None
    split_seed: float | None
    checkpoint: str
    fields: Mapping[str, object]
    """Field of RunConfig -> what its control holds."""
    ghosts: Mapping[str, str]
    """Field -> the ghost text that its control shows."""
    run: str
    """Id of the run that is shown, "" where none is."""
    key: str
    """Owner key."""
    lang: str


def nothing_chosen(run: str, key: str, lang: str) -> Choice:
    """Return the choice of a visitor who has just come, perhaps to a run."""
    return Choice("run" if run else "empty", None, None, None, None, None, None, "bundled", {}, {}, run, key, lang)


@dataclass(frozen=True)
class ChoiceInputs:
    """The components that a Choice is read from."""

    stage: gr.State
    source: gr.State
    picked: gr.State
    facts: gr.State
    validation: gr.File
    test: gr.File
    split_seed: gr.Number
    checkpoint: gr.Dropdown
    controls: Mapping[str, Block]
    ghosts: gr.State
    run: gr.BrowserState
    owner: gr.BrowserState
    lang: gr.Radio

    @property
    def components(self) -> list[Block]:
        """All of them."""
        named = (self.stage, self.source, self.picked, self.facts, self.validation, self.test, self.split_seed)
        return [*named, self.checkpoint, *self.controls.values(), self.ghosts, self.run, self.owner, self.lang]

    def read(self, values: Values) -> Choice:
        """Return what the components hold; nothing is chosen where it was by another visitor of the same session."""
        source = values[self.source]
        mine = source is None or source.is_of(values[self.owner])
        return Choice(
            stage=values[self.stage] if mine else "empty",
            source=source if mine else None,
            picked=values[self.picked] if mine else None,
            facts=values[self.facts] if mine else None,
            validation=values[self.validation],
            test=values[self.test],
            split_seed=values[self.split_seed],
            checkpoint=values[self.checkpoint] or "bundled",
            fields={name: values[control] for name, control in self.controls.items()},
            ghosts=values[self.ghosts] or {},
            run=(values[self.run] or {}).get("run") or "",
            key=values[self.owner],
            lang=values[self.lang],
        )


def say_of(progress: Callable[..., None], lang: str) -> Say:
    """Return what tells a share of the work, under a locale key."""
    return lambda key, share: progress(share, desc=translate(lang, key))


@dataclass(frozen=True)
class Listeners:
    """Connects events to functions of a Choice; `refuse` makes updates of an error's sentence."""

    page: Page
    inputs: ChoiceInputs

    def quiet(
        self,
        event: Any,
        fn: Callable[[Choice, Values], Updates],
        outputs: Sequence[Block],
        refuse: Callable[[str], Updates] | None,
        options: ListenerOptions,
        extra: Sequence[Block] = (),
        js: str | None = None,
    ) -> Any:
        """Call `fn(choice, values)`, where `values` has the components in `extra` too."""

        def listener(values: dict[Block, Any]) -> Updates:
            return self._answer(lambda choice: fn(choice, values), values, refuse, outputs)

        inputs = {*self.inputs.components, *extra}
        return event(listener, inputs, list(outputs), js=js, **options)

    def slow(
        self,
        event: Any,
        fn: Callable[[Choice, Values, Say], Updates],
        outputs: Sequence[Block],
        refuse: Callable[[str], Updates] | None,
        shown_on: Block,
        extra: Sequence[Block] = (),
        concurrency_id: str | None = None,
    ) -> Any:
        """Call in the queue what may take seconds; `shown_on` shows how far it is."""

        def listener(values: dict[Block, Any], progress: gr.Progress = gr.Progress()) -> Updates:  # noqa: B008
            say = say_of(progress, values[self.inputs.lang])
            return self._answer(lambda choice: fn(choice, values, say), values, refuse, outputs)

        return event(
            listener,
            {*self.inputs.components, *extra},
            list(outputs),
            show_progress="full",
            show_progress_on=shown_on,
            concurrency_id=concurrency_id,
            api_visibility="private",
        )

    def pressed(
        self,
        event: Any,
        fn: Callable[[Choice, Mapping[str, str]], Updates],
        outputs: Sequence[Block],
        refuse: Callable[[str], Updates] | None,
    ) -> Any:
        """Answer a press in a drawing; the value of its button is text that has not been validated."""

        def listener(values: dict[Block, Any], data: gr.EventData) -> Updates:
            pressed = {name: str(value) for name, value in vars(data).get("_data", {}).items()}
            return self._answer(lambda choice: fn(choice, pressed), values, refuse, outputs)

        return event(listener, set(self.inputs.components), list(outputs), **QUEUED)

    def language(
        self, fn: Callable[[Choice, Values], Updates], outputs: Sequence[Block], extra: Sequence[Block] = ()
    ) -> None:
        """Draw again in another language."""
        components = [it for it in dict.fromkeys([*self.inputs.components, *extra]) if it is not self.inputs.lang]

        def speak(lang: str, *values: object) -> Updates:
            by_component = {**dict(zip(components, values, strict=True)), self.inputs.lang: lang}
            return fn(self.inputs.read(by_component), by_component)

        self.page.on_language(speak, components, outputs)

    def _answer(
        self,
        fn: Callable[[Choice], Updates],
        values: Values,
        refuse: Callable[[str], Updates] | None,
        outputs: Sequence[Block],
    ) -> Updates:
        choice = self.inputs.read(values)
        updates = guarded(lambda lang: fn(choice), on_error=refuse)(lang=choice.lang)
        # Gradio would take an empty dictionary for a value.
        return updates or {outputs[0]: gr.skip()}
