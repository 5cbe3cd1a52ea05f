"""What every tab is handed: settings, services, the language, the owner, and hooks into load and language change.

A tab is a module with `build(page: Page) -> None` and one line in `ui/app.TABS`. It draws inside the gr.Tab that
is already open when `build` is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from bertdemo.checkpoints import Catalogue
from bertdemo.i18n.translation import DEFAULT, choose, normalize
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.ui.localized import Words, guarded, log

SAMPLES = {
    "en": "The violin stayed in its case because it was embarrassingly out of tune.",
    "zh": "小提琴一直放在琴盒里，因为它走音走得让人难为情。",
}
"""The sentence that the page opens with, by the language that a checkpoint reads."""


@dataclass(frozen=True)
class Visit:
    """How somebody came to the page; all but the owner come from the address and are unchecked text from outside."""

    lang: str
    tab: str
    run: str
    checkpoint: str
    owner: str
    text: str = ""
    pair: str = ""
    layer: str = ""
    head: str = ""


@dataclass(frozen=True)
class Hook:
    """A listener that runs with others in one request: `fn(first, *values of inputs)`."""

    fn: Callable[..., Any]
    inputs: Sequence[Any] | set[Any]
    outputs: Sequence[Any]


@dataclass(frozen=True)
class Page:
    """The page under construction."""

    settings: Settings
    services: Services
    tab_ids: tuple[str, ...]
    tabs: gr.Tabs
    lang: gr.Radio
    """The language control. As an input it is `"en"` or `"zh"`, sent by the browser, so it survives a restart."""
    owner: gr.BrowserState
    """The owner key, "" until one is handed out; as an input a str. Stays in this browser."""
    device: gr.HTML
    """The pill in the header that tells the device and its state; empty (and not seen) until it is known."""
    model: gr.HTML
    """The pill in the header that tells the checkpoint chosen last."""
    words: Words
    run: gr.BrowserState
    """{"run": id or None}: the run that the Fine-tune tab shows; stays in this browser."""
    checkpoint: gr.State
    """Set by a tab to the checkpoint that Inference should open with."""
    opened: gr.State
    """Set by a tab to the run that Runs should open."""
    inspected: gr.State
    """Set by a tab to the checkpoint that Inside BERT should open with."""
    clock: gr.Timer
    """Ticks while the page is open, whichever tab is."""
    load_hooks: list[Hook] = field(default_factory=list)
    language_hooks: list[Hook] = field(default_factory=list)
    open_hooks: dict[str, Hook] = field(default_factory=dict)
    model_choices: dict[str, gr.Dropdown] = field(default_factory=dict)

    @property
    def catalogue(self) -> Catalogue:
        """The checkpoints."""
        return self.services.catalogue

    def on_load(self, fn: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        """Call `fn(visit, *inputs)` when the page opens; one value per output (a lone one unwrapped)."""
        self.load_hooks.append(Hook(fn, tuple(inputs), tuple(outputs)))

    def on_language(self, fn: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        """Call `fn(lang, *inputs)` when the language changes, and at load where it is not the default one.

        For drawings with words in them. Components with fixed words go through `page.words` instead.
        """
        self.language_hooks.append(Hook(fn, tuple(inputs), tuple(outputs)))

    def on_open(
        self, tab: str, fn: Callable[..., Any], inputs: Sequence[Any] | set[Any], outputs: Sequence[Any]
    ) -> None:
        """Call `fn(*inputs)` whenever a person opens the tab; a set of inputs comes as one dictionary."""
        self.open_hooks[tab] = Hook(fn, inputs, tuple(outputs))

    def tells_model(self, tab: str, checkpoint: gr.Dropdown) -> None:
        """Let the header tell what is chosen in this dropdown, while its tab is open."""
        self.model_choices[tab] = checkpoint

    def goes_to(self, button: gr.Button, tab: str) -> None:
        """Let a button open another tab."""
        button.click(lambda: gr.Tabs(selected=tab), None, self.tabs, queue=False, api_visibility="private")


def wire(page: Page, demo: gr.Blocks, remembered: gr.BrowserState) -> None:
    """Connect load and language change: one request each, whatever the number of tabs; a hook fails alone."""
    hooked = _outputs(page.language_hooks + page.load_hooks)
    outputs = _unique([page.lang, page.owner, page.tabs, *page.words.components, *hooked])
    names = _inputs(page.load_hooks)
    spoken = _inputs(page.language_hooks)

    def change(lang: str, *values: Any) -> dict[Any, Any]:
        lang = normalize(lang)
        return {**_merged(page.words.updates(lang), _run(page.language_hooks, lang, values)), remembered: lang}

    def load(request: gr.Request, was: str, owner: str, *values: Any) -> dict[Any, Any]:
        query = request.query_params
        lang = choose(query.get("lang"), was, request.headers.get("accept-language"))
        owner = page.services.known_owner(owner)
        # What the browser sent as owner is empty on a first visit: the hooks get the one that is known from now on.
        values = tuple(
            owner if at is page.owner else value for at, value in zip([*spoken, *names], values, strict=True)
        )
        said = {name: query.get(name, "") for name in ("tab", "run", "checkpoint", "text", "pair", "layer", "head")}
        visit = Visit(lang=lang, owner=owner, **said)
        updates: dict[Any, Any] = {page.lang: lang, page.owner: owner}
        if visit.tab in page.tab_ids:
            updates[page.tabs] = gr.Tabs(selected=visit.tab)
        if lang != DEFAULT:  # the page was built in the default language
            updates = _merged(updates, page.words.updates(lang))
            updates = _merged(updates, _run(page.language_hooks, lang, values[: len(spoken)]))
        return _merged(updates, _run(page.load_hooks, visit, values[len(spoken) :]))

    changed = page.lang.input(
        guarded(change), [page.lang, *spoken], [*outputs, remembered], trigger_mode="always_last", **_QUIET
    )
    changed.then(None, page.lang, None, js=_SPEAK)
    opened = demo.load(guarded(load), [remembered, page.owner, *spoken, *names], outputs, **_QUIET)
    opened.then(None, page.lang, None, js="(lang) => window.bertdemo.arrived(lang)")


_QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
_SPEAK = "(lang) => window.bertdemo.changed(lang)"


def _run(hooks: Sequence[Hook], first: Any, values: Sequence[Any]) -> dict[Any, Any]:
    updates: dict[Any, Any] = {}
    for hook in hooks:
        mine, values = values[: len(hook.inputs)], values[len(hook.inputs) :]
        updates |= _answer(hook, first, mine)
    return updates


def _answer(hook: Hook, first: Any, values: Sequence[Any]) -> dict[Any, Any]:
    """Return a hook's updates; none where it fails, so that it costs its own panel and not the whole answer."""

    def call() -> dict[Any, Any]:
        returned = hook.fn(first, *values)
        return dict(zip(hook.outputs, returned if len(hook.outputs) != 1 else (returned,), strict=True))

    def lost(told: str) -> dict[Any, Any]:
        log.warning(
            "the hook %s failed, its panel stays as it was: %s", getattr(hook.fn, "__qualname__", hook.fn), told
        )
        return {}

    try:
        updates: dict[Any, Any] = guarded(call, shown=lost)()
    except gr.Error as error:  # of a hook that is guarded itself
        return lost(error.message)
    return updates


def _merged(first: dict[Any, Any], second: dict[Any, Any]) -> dict[Any, Any]:
    """Join updates; where both touch a component (its label, its value), both hold."""
    joined = dict(first)
    for component, update in second.items():
        both = component in first and (_is_update(first[component]) or _is_update(update))
        joined[component] = {**_as_update(first[component]), **_as_update(update)} if both else update
    return joined


def _as_update(value: Any) -> dict[str, Any]:
    return value if _is_update(value) else gr.update(value=value)


def _is_update(value: Any) -> bool:
    return isinstance(value, dict) and value.get("__type__") == "update"


def _inputs(hooks: Sequence[Hook]) -> list[Any]:
    return [component for hook in hooks for component in hook.inputs]


def _outputs(hooks: Sequence[Hook]) -> list[Any]:
    return [component for hook in hooks for component in hook.outputs]


def _unique(components: Sequence[Any]) -> list[Any]:
    return list(dict.fromkeys(components))
