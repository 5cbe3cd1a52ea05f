"""Runs, connected: which component calls which listener."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import gradio as gr
from gradio.blocks import Block

from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page
from bertdemo.ui.runs.callbacks import Callbacks, drawn_by_tick
from bertdemo.ui.runs.changes import Changes
from bertdemo.ui.runs.comparing import Comparison
from bertdemo.ui.runs.layout import Components, layout
from bertdemo.ui.runs.linking import Links
from bertdemo.ui.runs.sharing import Scripts
from bertdemo.ui.updates import LATEST, QUEUED, QUIET, Updates

# After the answer, in the browser: the keyboard's focus goes on where the pressed button has disappeared.
_FOCUS_RUN = "() => window.bertdemo.focusOn('#runs-back')"
_FOCUS_LIST = "() => window.bertdemo.focusOn('#runs-deleted [data-undo], #runs-list [data-open]')"
_FOCUS_EDIT = "() => window.bertdemo.focusOn('#runs-edit')"
_FOCUS_NAME = "() => window.bertdemo.focusOn('#runs-name textarea, #runs-name input')"
_LEAVE_RUN = "(...values) => { window.bertdemo.leaveRun(); return values; }"


def build(page: Page) -> None:
    """Draw the tab and connect it."""
    parts = layout(page)
    callbacks = Callbacks(page, parts)
    _wire_list(page, parts, callbacks)
    _wire_actions(page, parts, callbacks)
    _wire_changes(page, parts, Changes(callbacks))
    _wire_comparison(page, parts, Comparison(callbacks))
    _wire_files(page, parts, callbacks)
    _wire_scripts(page, parts, Scripts(callbacks))
    _wire_links(page, parts, Links(callbacks))


def _wire_list(page: Page, parts: Components, callbacks: Callbacks) -> None:
    """Connect the list, arrival, and the timer that runs while any run is active."""
    state, drawn = parts.state, drawn_by_tick(parts)
    who = [page.owner, page.lang]
    chosen = [state.opened, parts.tabs, *drawn]
    parts.listing.runs.select(guarded(callbacks.choose), who, chosen, **QUIET).then(None, js=_FOCUS_RUN)
    parts.actions.back.click(guarded(callbacks.back), who, [state.opened, *drawn], js=_LEAVE_RUN, **QUIET).then(
        None, js=_FOCUS_LIST
    )
    followed = [state.opened, state.drawn, state.listed, *who]
    state.timer.tick(guarded(callbacks.watch), followed, [state.drawn, *drawn], **QUIET)
    arrived = [page.opened, state.opened, *drawn]
    page.on_open("runs", guarded(callbacks.come), [page.opened, state.opened, *who], arrived)
    page.on_load(callbacks.arrive, [], [state.opened, parts.tabs, *drawn])
    page.on_language(callbacks.speak, [state.opened, page.owner], drawn)


def _wire_actions(page: Page, parts: Components, callbacks: Callbacks) -> None:
    """Connect the buttons of the open run, and those that take it to another tab."""
    state, actions = parts.state, parts.actions
    stopping = guarded(callbacks.stop, on_error=callbacks.refused)
    actions.stop.click(stopping, [state.opened, page.owner, page.lang], [parts.trouble, *drawn_by_tick(parts)], **QUIET)
    resumed = [parts.trouble, parts.tabs, *drawn_by_tick(parts)]
    for button, resume in ((actions.resume, callbacks.resume), (actions.resume_anyway, callbacks.resume_anyway)):
        resuming = guarded(resume, on_error=callbacks.refused)
        button.click(resuming, [state.opened, page.owner, page.lang], resumed, **QUIET).then(None, js=_FOCUS_RUN)
    actions.use.click(callbacks.use, state.opened, [page.tabs, page.checkpoint], **QUIET)
    actions.inspect.click(callbacks.inspect, state.opened, [page.tabs, page.inspected], **QUIET)


def _wire_changes(page: Page, parts: Components, changes: Changes) -> None:
    """Connect the form for name and note, Delete and Undo."""
    state, form, drawn = parts.state, parts.editing, drawn_by_tick(parts)
    refused = changes.callbacks.refused
    who = [page.owner, page.lang]
    editing = guarded(changes.edit, on_error=refused)
    parts.actions.edit.click(
        editing, [state.opened, *who], [form.box, form.name, form.note, parts.trouble], **QUIET
    ).then(None, js=_FOCUS_NAME)
    left = [form.box, parts.trouble]
    form.cancel.click(changes.leave, None, left, **QUIET).then(None, js=_FOCUS_EDIT)
    saving = guarded(changes.save, on_error=refused)
    form.save.click(saving, [state.opened, form.name, form.note, *who], [*left, *drawn], **QUIET)
    state.opened.change(changes.leave, None, left, **QUIET)
    deleting = guarded(changes.delete, on_error=refused)
    undoable = [parts.listing.deleted, state.undo_timer]
    deleted = [state.opened, *left, *undoable, *drawn]
    parts.actions.delete.click(deleting, [state.opened, *who], deleted, js=_LEAVE_RUN, **QUIET).then(
        None, js=_FOCUS_LIST
    )
    undoing = guarded(changes.undo, on_error=changes.undo_refused)
    parts.listing.deleted.select(undoing, who, [*undoable, *drawn], **QUIET).then(None, js=_FOCUS_LIST)
    state.undo_timer.tick(changes.expired, None, undoable, **QUIET)


def _wire_comparison(page: Page, parts: Components, comparison: Comparison) -> None:
    """Connect the choice of the other run; what there is to choose is looked up whenever a run is opened."""
    state, place = parts.state, parts.comparing
    offered: list[Block] = [place.other, place.picture]
    offering = guarded(comparison.offer, on_error=comparison.refused)
    opened = [state.opened, place.other, page.owner, page.lang]
    state.opened.change(_if_open(offering, place.picture), opened, offered, **QUIET)
    choosing = guarded(comparison.choose, on_error=comparison.refused)
    place.other.input(choosing, opened, place.picture, **LATEST).then(
        None, place.other, None, js="(run) => window.bertdemo.address('compare', run)"
    )
    page.on_load(comparison.arrive, [], [*offered, parts.tabs])
    page.on_language(comparison.speak, [state.opened, place.other, page.owner], offered)


def _if_open(offer: Callable[..., Updates], picture: Block) -> Callable[..., Updates]:
    """Look for other runs only where one is open."""
    nothing: Updates = {picture: gr.skip()}

    def offered(opened: str, other: str | None, key: str, lang: str) -> Updates:
        return offer(opened, None if other == opened else other, key, lang) if opened else nothing

    return offered


def _wire_files(page: Page, parts: Components, callbacks: Callbacks) -> None:
    """Connect the buttons that make a file, which the browser then saves."""
    inputs: Sequence[Block] = [parts.state.opened, page.owner, page.lang]
    # The file is written only when somebody presses; then the script clicks the hidden download button.
    zipped, saved = parts.actions.download.click, parts.pictures.result.select
    for press, write in ((zipped, callbacks.archive), (saved, callbacks.table)):
        press(guarded(write), inputs, parts.download, **QUEUED).then(
            None, parts.download, None, js="(file) => window.bertdemo.download(file)"
        )


def _wire_scripts(page: Page, parts: Components, scripts: Scripts) -> None:
    """Connect the code of a run, and the zip with it."""
    inputs: Sequence[Block] = [parts.state.opened, page.owner, page.lang]
    shown = guarded(scripts.show, on_error=scripts.refused)
    parts.sharing.show.click(shown, inputs, parts.sharing.code, **QUIET)
    parts.sharing.save.click(guarded(scripts.save), inputs, parts.download, **QUEUED).then(
        None, parts.download, None, js="(file) => window.bertdemo.download(file)"
    )
    parts.state.opened.change(scripts.leave, None, parts.sharing.code, **QUIET)


def _wire_links(page: Page, parts: Components, links: Links) -> None:
    """Connect the read-only link of the open run; its address is completed in the browser, which alone knows it."""
    link, inputs = parts.sharing.link, [parts.state.opened, page.owner, page.lang]
    outputs = [link.box, link.state, link.create, link.withdraw, link.address]
    showing = guarded(links.show, on_error=links.refused)
    parts.state.opened.change(showing, inputs, outputs, **QUIET)
    page.on_language(links.speak, [parts.state.opened, page.owner], [link.state, link.create])
    making = guarded(links.create, on_error=links.refused)
    link.create.click(making, inputs, outputs, **QUIET).then(
        None, link.address, link.address, js="(query) => query && new URL(query, location.href).href"
    )
    withdrawing = guarded(links.withdraw, on_error=links.refused)
    link.withdraw.click(withdrawing, inputs, outputs, **QUIET)
