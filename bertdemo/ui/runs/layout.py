"""The components of Runs: the list, and below it the open run."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from bertdemo.i18n.translation import DEFAULT, translate
from bertdemo.ui.html.primitives import caption, note, root
from bertdemo.ui.html.run_list import render_list
from bertdemo.ui.localized import LocalizedComponents
from bertdemo.ui.page import Page

# A click on a name in the table opens that run; the listener stays when the table is drawn again.
_OPEN_ON_CLICK = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-open]");
  if (!button) return;
  window.bertdemo.address("run", button.dataset.open, true);
  trigger("select", { run: button.dataset.open });
});
"""


@dataclass(frozen=True)
class State:
    """What the page remembers between listeners."""

    # Id of the open run, "" where none is.
    opened: gr.State
    # Whether delete was pressed once: the next press deletes.
    confirming: gr.State
    # Version of the open run that the timer has drawn, so that it sends a large result only once.
    drawn: gr.State
    timer: gr.Timer


@dataclass(frozen=True)
class Actions:
    """The buttons of the open run."""

    use: gr.Button
    inspect: gr.Button
    download: gr.Button
    mistakes: gr.Button
    stop: gr.Button
    delete: gr.Button


@dataclass(frozen=True)
class Pictures:
    """The drawings of the open run."""

    result: gr.HTML
    data: gr.HTML
    curves: gr.HTML


@dataclass(frozen=True)
class Components:
    """Everything in the tab that a listener reads or changes."""

    state: State
    listing: gr.HTML
    trouble: gr.HTML
    title: gr.HTML
    box: gr.Column
    actions: Actions
    pictures: Pictures
    # Holds the file that the browser then saves; invisible.
    download: gr.DownloadButton


def layout(page: Page) -> Components:
    """Draw the tab as it opens, without a run."""
    # The timer ticks every two seconds, and only while a run is active.
    state = State(gr.State(""), gr.State(False), gr.State(""), gr.Timer(2.0, active=False))
    listing = gr.HTML(render_list([], {}, "", DEFAULT), js_on_load=_OPEN_ON_CLICK, elem_id="runs-list")
    trouble = gr.HTML("", elem_id="runs-trouble")
    title = page.words.make(gr.HTML, {"value": choose_words}, elem_id="runs-title")
    box = gr.Column(visible=False, elem_id="runs-opened")
    with box:
        actions, pictures = _actions(page.words), _pictures(page.words)
    # "hidden" and not False: an invisible component is not in the page, so the script could not click it.
    download = gr.DownloadButton("zip", visible="hidden", elem_id="runs-zip")
    return Components(state, listing, trouble, title, box, actions, pictures, download)


def choose_words(lang: str) -> str:
    """Draw the title where no run is open."""
    return root(caption(translate(lang, "runs.choose")))


def lost_words(lang: str) -> str:
    """Draw the title where the run that was linked or open is not there."""
    return root(note(translate(lang, "runs.lost")))


def _actions(words: LocalizedComponents) -> Actions:
    with gr.Row(elem_classes="bd-actions"):
        return Actions(
            use=_button(words, "use", "primary"),
            inspect=_button(words, "inspect"),
            download=_button(words, "download"),
            mistakes=_button(words, "mistakes"),
            stop=_button(words, "stop"),
            delete=_button(words, "delete"),
        )


def _button(words: LocalizedComponents, name: str, variant: str = "secondary") -> gr.Button:
    return words.make(
        gr.Button, {"value": f"runs.{name}"}, variant=variant, elem_id=f"runs-{name}", min_width=110, scale=0
    )


def _pictures(words: LocalizedComponents) -> Pictures:
    with gr.Tabs():
        with words.make(gr.Tab, {"label": "runs.tab.result"}, elem_id="runs-tab-result"):
            result = gr.HTML("", elem_id="runs-result")
        with words.make(gr.Tab, {"label": "runs.tab.data"}, elem_id="runs-tab-data"):
            data = gr.HTML("", elem_id="runs-data")
        with words.make(gr.Tab, {"label": "runs.tab.curves"}, elem_id="runs-tab-curves"):
            curves = gr.HTML("", elem_id="runs-curves")
    return Pictures(result, data, curves)
