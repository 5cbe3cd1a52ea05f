"""The components of Runs: the list, or one run in its place."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from bertdemo.i18n.translation import DEFAULT, translate
from bertdemo.runs.deletion import UNDO_SECONDS
from bertdemo.runs.notes import NOTE_CHARS
from bertdemo.ui.html.primitives import caption, note, root
from bertdemo.ui.localized import LocalizedComponents, Source
from bertdemo.ui.page import Page
from bertdemo.ui.runs.doctor_section import doctor_section
from bertdemo.ui.runs.html.compare import render_nothing_to_compare
from bertdemo.ui.runs.html.listing import render_filter, render_list
from bertdemo.ui.runs.html.script import render_about
from bertdemo.ui.storage_note import storage_note

# A click on a name opens that run; the order and the filter of the table stay when it is drawn again.
_LIST_SCRIPT = "window.bertdemo.runList(element, trigger, watch);"
# A click on a CSV button asks for that table.
_RESULT_SCRIPT = "window.bertdemo.runResult(element, trigger);"
_UNDO_SCRIPT = "window.bertdemo.runUndo(element, trigger, watch);"
# How far the run is stands in the title of the page.
_TITLE_SCRIPT = "window.bertdemo.follow(element, watch);"


@dataclass(frozen=True)
class State:
    """What the page remembers between listeners."""

    # Id of the open run, "" where none is.
    opened: gr.State
    # Version of the open run that the timer has drawn, so that it sends a large result only once.
    drawn: gr.State
    # The list that the timer has drawn, as a hash.
    listed: gr.State
    # Ticks while any run is active.
    timer: gr.Timer
    # Ticks once, when a deletion can no longer be undone.
    undo_timer: gr.Timer


@dataclass(frozen=True)
class Listing:
    """The list of runs, which gives its place to the open one."""

    box: gr.Column
    deleted: gr.HTML
    filter: gr.HTML
    runs: gr.HTML


@dataclass(frozen=True)
class Actions:
    """The buttons of the open run."""

    back: gr.Button
    use: gr.Button
    inspect: gr.Button
    download: gr.Button
    stop: gr.Button
    resume: gr.Button
    resume_anyway: gr.Button
    edit: gr.Button
    delete: gr.Button


@dataclass(frozen=True)
class Editing:
    """The form for the name and the note of the open run."""

    box: gr.Column
    name: gr.Textbox
    note: gr.Textbox
    save: gr.Button
    cancel: gr.Button


@dataclass(frozen=True)
class Comparing:
    """The open run beside another one."""

    other: gr.Dropdown
    picture: gr.HTML


@dataclass(frozen=True)
class Linking:
    """The read-only link of the open run."""

    box: gr.Column
    state: gr.HTML
    create: gr.Button
    withdraw: gr.Button
    # The address, as long as it is on the page.
    address: gr.Textbox


@dataclass(frozen=True)
class Sharing:
    """The open run to take elsewhere: the script that repeats it, and a link for others."""

    show: gr.Button
    save: gr.Button
    code: gr.HTML
    link: Linking


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
    listing: Listing
    trouble: gr.HTML
    title: gr.HTML
    box: gr.Column
    actions: Actions
    editing: Editing
    tabs: gr.Tabs
    pictures: Pictures
    comparing: Comparing
    sharing: Sharing
    # Holds the file that the browser then saves; invisible.
    download: gr.DownloadButton


def layout(page: Page) -> Components:
    """Draw the tab as it opens, without a run."""
    words = page.words
    state = _state()
    with gr.Row(elem_id="runs-head"):
        back = _button(words, "back", visible=False)
        title = words.make(gr.HTML, {"value": choose_words}, elem_id="runs-title", js_on_load=_TITLE_SCRIPT)
    trouble = gr.HTML("", elem_id="runs-trouble")
    listing = _listing(page)
    editing = _editing(words)
    box = gr.Column(visible=False, elem_id="runs-opened")
    with box:
        actions = _actions(words, back)
        with gr.Tabs(selected="result") as tabs:
            pictures = _pictures(words)
            comparing = _comparing(words)
            sharing = _sharing(words)
    # "hidden" and not False: an invisible component is not in the page, so the script could not click it.
    download = gr.DownloadButton("zip", visible="hidden", elem_id="runs-zip")
    return Components(
        state, listing, trouble, title, box, actions, editing, tabs, pictures, comparing, sharing, download
    )


def choose_words(lang: str) -> str:
    """Draw the title where no run is open."""
    return root(caption(translate(lang, "runs.choose")))


def lost_words(lang: str) -> str:
    """Draw the title where the run that was linked or open is not there."""
    return root(note(translate(lang, "runs.lost")))


def note_info(lang: str) -> str:
    """Return what the field for a note is for."""
    return translate(lang, "runs.note_info", limit=NOTE_CHARS)


def _state() -> State:
    # The timer ticks every two seconds, and only while a run is active.
    timer = gr.Timer(2.0, active=False)
    undo = gr.Timer(UNDO_SECONDS, active=False)
    return State(gr.State(""), gr.State(""), gr.State(""), timer, undo)


def _listing(page: Page) -> Listing:
    with gr.Column(elem_id="runs-all") as box:
        deleted = gr.HTML("", elem_id="runs-deleted", js_on_load=_UNDO_SCRIPT)
        fields = page.words.make(gr.HTML, {"value": render_filter}, elem_id="runs-filter", visible=False)
        runs = gr.HTML(render_list([], DEFAULT), js_on_load=_LIST_SCRIPT, elem_id="runs-list")
        storage_note(page, "runs-kept")
        doctor_section(page)
    return Listing(box, deleted, fields, runs)


def _actions(words: LocalizedComponents, back: gr.Button) -> Actions:
    with gr.Row(elem_classes="bd-actions"):
        return Actions(
            back=back,
            use=_button(words, "use", "primary"),
            inspect=_button(words, "inspect"),
            download=_button(words, "download"),
            stop=gr.Button("", elem_id="runs-stop", min_width=0, scale=0),  # its words tell whether it is forced
            resume=gr.Button("", elem_id="runs-resume", min_width=0, scale=0),  # its words tell the step
            resume_anyway=_button(words, "resume-anyway"),
            edit=_button(words, "edit"),
            delete=_button(words, "delete", "stop"),
        )


def _editing(words: LocalizedComponents) -> Editing:
    with gr.Column(visible=False, elem_id="runs-editing", elem_classes="bd-box") as box:
        name = words.make(
            gr.Textbox, {"label": "runs.name", "info": "runs.name_info"}, elem_id="runs-name", max_lines=1
        )
        info: dict[str, Source] = {
            "label": "runs.note",
            "info": lambda lang: translate(lang, "runs.note_info", limit=NOTE_CHARS),
        }
        text = words.make(gr.Textbox, info, elem_id="runs-note", lines=3)
        with gr.Row(elem_classes="bd-actions"):
            save, cancel = _button(words, "save", "primary"), _button(words, "cancel")
    return Editing(box, name, text, save, cancel)


def _button(words: LocalizedComponents, name: str, variant: str = "secondary", *, visible: bool = True) -> gr.Button:
    options = {"variant": variant, "elem_id": f"runs-{name}", "min_width": 0, "scale": 0, "visible": visible}
    return words.make(gr.Button, {"value": f"runs.{name.replace('-', '_')}"}, **options)


def _pictures(words: LocalizedComponents) -> Pictures:
    with words.make(gr.Tab, {"label": "runs.tab.result"}, id="result", elem_id="runs-tab-result"):
        result = gr.HTML("", elem_id="runs-result", js_on_load=_RESULT_SCRIPT)
    with words.make(gr.Tab, {"label": "runs.tab.data"}, id="data", elem_id="runs-tab-data"):
        data = gr.HTML("", elem_id="runs-data")
    with words.make(gr.Tab, {"label": "runs.tab.curves"}, id="curves", elem_id="runs-tab-curves"):
        curves = gr.HTML("", elem_id="runs-curves")
    return Pictures(result, data, curves)


def _comparing(words: LocalizedComponents) -> Comparing:
    with words.make(gr.Tab, {"label": "runs.tab.compare"}, id="compare", elem_id="runs-tab-compare"):
        other = words.make(
            gr.Dropdown, {"label": "runs.compare.with"}, choices=[], value=None, elem_id="runs-other", interactive=True
        )
        picture = gr.HTML(render_nothing_to_compare(DEFAULT, alone=False), elem_id="runs-compare")
    return Comparing(other, picture)


def _sharing(words: LocalizedComponents) -> Sharing:
    with words.make(gr.Tab, {"label": "runs.tab.share"}, id="share", elem_id="runs-tab-share"):
        words.make(gr.HTML, {"value": render_about}, elem_id="runs-script-about")
        with gr.Row(elem_classes="bd-actions"):
            show, save = _button(words, "show-code"), _button(words, "save-script")
        code = gr.HTML("", elem_id="runs-script")
        link = _linking(words)
    return Sharing(show, save, code, link)


def _linking(words: LocalizedComponents) -> Linking:
    with gr.Column(visible=False, elem_id="runs-link") as box:
        state = gr.HTML("", elem_id="runs-link-state")
        with gr.Row(elem_classes="bd-actions"):
            create, withdraw = _button(words, "make-link"), _button(words, "withdraw-link", visible=False)
        address = words.make(
            gr.Textbox,
            {"label": "runs.link.address", "info": "runs.link.once"},
            elem_id="runs-link-address",
            max_lines=1,
            visible=False,
            interactive=False,
            buttons=["copy"],
        )
    return Linking(box, state, create, withdraw, address)
