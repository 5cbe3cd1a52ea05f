"""What every tab gets: settings, services, the language, the owner, and hooks into load and language change.

A tab is a module with `build(page: Page) -> None` and one line in `ui/app.TABS`. It draws inside the gr.Tab that
is already open when `build` is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import gradio as gr
from gradio.blocks import Block

from bertdemo.checkpoints import Catalogue
from bertdemo.i18n.translation import DEFAULT, choose, normalize
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.ui.hooks import Hook, call_all, inputs_of, outputs_of
from bertdemo.ui.localized import LocalizedComponents, guarded
from bertdemo.ui.updates import LATEST, QUIET, Updates, merged

# The sentence that the page opens with, by the language that a checkpoint reads.
SAMPLES = {
    "en": "The violin stayed in its case because it was embarrassingly out of tune.",
    "zh": "小提琴一直放在琴盒里，因为它走音走得让人难为情。",
}


@dataclass(frozen=True)
class Visit:
    """How a visitor came to the page; all fields but the owner are unchecked text from the address."""

    lang: str
    tab: str
    run: str
    checkpoint: str
    owner: str
    text: str = ""
    pair: str = ""
    step: str = ""
    layer: str = ""
    head: str = ""
    token: str = ""
    sample: str = ""
    compare: str = ""
    study: str = ""


@dataclass(frozen=True)
class Page:
    """The page under construction."""

    settings: Settings
    services: Services
    tab_ids: tuple[str, ...]
    tabs: gr.Tabs
    # The language control. As an input it is `"en"` or `"zh"`, sent by the browser, so a restart keeps it.
    lang: gr.Radio
    # The owner key, "" until there is one; as an input a str. Stays in this browser.
    owner: gr.BrowserState
    # The pill in the header with the device and its state; empty (and invisible) until it is known.
    device: gr.HTML
    # The pill in the header with the checkpoint chosen last.
    model: gr.HTML
    words: LocalizedComponents
    # {"run": id or None}: the run that the Fine-tune tab shows; stays in this browser.
    run: gr.BrowserState
    # Set by a tab to the checkpoint that Inference should open with.
    checkpoint: gr.State
    # Set by a tab to the run that Runs should open.
    opened: gr.State
    # Set by a tab to the checkpoint that Inside BERT should open with.
    inspected: gr.State
    # Ticks while the page is open, whichever tab is open.
    clock: gr.Timer
    load_hooks: list[Hook] = field(default_factory=list)
    language_hooks: list[Hook] = field(default_factory=list)
    open_hooks: dict[str, Hook] = field(default_factory=dict)
    model_choices: dict[str, gr.Dropdown] = field(default_factory=dict)

    @property
    def catalogue(self) -> Catalogue:
        """The checkpoints."""
        return self.services.catalogue

    def on_load(self, fn: Callable[..., Updates], inputs: Sequence[Block], outputs: Sequence[Block]) -> None:
        """Call `fn(visit, *inputs)` when the page opens."""
        self.load_hooks.append(Hook(fn, tuple(inputs), tuple(outputs)))

    def on_language(self, fn: Callable[..., Updates], inputs: Sequence[Block], outputs: Sequence[Block]) -> None:
        """Call `fn(lang, *inputs)` when the language changes, and at load if it is not the default one.

        For drawings with words in them. Components with fixed words go through `page.words` instead.
        """
        self.language_hooks.append(Hook(fn, tuple(inputs), tuple(outputs)))

    def on_open(
        self, tab: str, fn: Callable[..., Updates], inputs: Sequence[Block] | set[Block], outputs: Sequence[Block]
    ) -> None:
        """Call `fn(*inputs)` whenever a visitor opens the tab; a set of inputs comes as one dictionary."""
        self.open_hooks[tab] = Hook(fn, inputs, tuple(outputs))

    def tells_model(self, tab: str, checkpoint: gr.Dropdown) -> None:
        """Let the header show the checkpoint chosen in this dropdown, while its tab is open."""
        self.model_choices[tab] = checkpoint

    def goes_to(self, button: gr.Button, tab: str) -> None:
        """Let a button open another tab."""
        button.click(lambda: gr.Tabs(selected=tab), None, self.tabs, **QUIET)


def wire(page: Page, demo: gr.Blocks, remembered: gr.BrowserState) -> None:
    """Connect load and language change: one request each, whatever the number of tabs."""
    change_inputs, load_inputs = inputs_of(page.language_hooks), inputs_of(page.load_hooks)
    hooked = outputs_of([*page.language_hooks, *page.load_hooks])
    outputs = list(dict.fromkeys([page.lang, page.owner, page.tabs, *page.words.components, *hooked]))

    def change(lang: str, *values: object) -> Updates:
        lang = normalize(lang)
        return {**_localized(page, lang, values), remembered: lang}

    def load(request: gr.Request, remembered_lang: str, owner: str, *values: object) -> Updates:
        lang = choose(request.query_params.get("lang"), remembered_lang, request.headers.get("accept-language"))
        visit = _visit(request, lang, page.services.known_owner(owner))
        # The browser sends no owner on a first visit: the hooks get the key that was just made.
        components = [*change_inputs, *load_inputs]
        values = tuple(
            visit.owner if component is page.owner else value
            for component, value in zip(components, values, strict=True)
        )
        updates = _arrival(page, visit, values[: len(change_inputs)])
        return merged(updates, call_all(page.load_hooks, visit, values[len(change_inputs) :]))

    # The script runs after the answer: it sets the language of the document, and of the address after a choice.
    page.lang.input(guarded(change), [page.lang, *change_inputs], [*outputs, remembered], **LATEST).then(
        None, page.lang, None, js="(lang) => window.bertdemo.changed(lang)"
    )
    demo.load(guarded(load), [remembered, page.owner, *change_inputs, *load_inputs], outputs, **QUIET).then(
        None, page.lang, None, js="(lang) => window.bertdemo.arrived(lang)"
    )


def _visit(request: gr.Request, lang: str, owner: str) -> Visit:
    """Return how the visitor came, from the address."""
    # Unchecked: every hook that reads one of them must expect any text.
    names = ("tab", "run", "checkpoint", "text", "pair", "step", "layer", "head", "token", "sample", "compare", "study")
    return Visit(lang=lang, owner=owner, **{name: request.query_params.get(name, "") for name in names})


def _arrival(page: Page, visit: Visit, values: Sequence[object]) -> Updates:
    """Return the updates for the language, the owner and the address, before those of any tab's load hook."""
    updates: Updates = {page.lang: visit.lang, page.owner: visit.owner}
    if visit.tab in page.tab_ids:
        updates[page.tabs] = gr.Tabs(selected=visit.tab)
    if visit.lang != DEFAULT:  # the page was built in the default language
        updates = merged(updates, _localized(page, visit.lang, values))
    return updates


def _localized(page: Page, lang: str, values: Sequence[object]) -> Updates:
    """Return the updates of all components with words, and those of the language hooks."""
    return merged(page.words.updates(lang), call_all(page.language_hooks, lang, values))
