"""Connects *Try several*."""

from __future__ import annotations

from gradio.blocks import Block

from bertdemo.ui.fine_tune.choice import Listeners
from bertdemo.ui.fine_tune.layout import Components
from bertdemo.ui.fine_tune.studies.callbacks import StudyCallbacks
from bertdemo.ui.localized import guarded
from bertdemo.ui.updates import LATEST, QUIET

# The button is disabled in the browser, so that a second press before the answer starts no second study.
_STARTING = "(...values) => window.bertdemo.starting(...values)"
_STARTED = "(run) => window.bertdemo.studying(run)"
# What was opened, or has grown, is not below the bar.
_IN_SIGHT = "() => window.bertdemo.inSight('#train-study')"
_LEFT = "(run) => run?.study || window.bertdemo.address('study', '')"
_NO_STUDY = "() => window.bertdemo.address('study', '')"


def wire(listeners: Listeners, parts: Components, callbacks: StudyCallbacks) -> None:
    """Connect the section, the study and its line in the bar."""
    page, place, bar = listeners.page, parts.study.place, parts.study.bar
    followed = [parts.cards, *parts.study.followed]
    shown: list[Block] = list(dict.fromkeys([page.run, place.timer, *parts.stages, *followed]))
    _wire_form(listeners, parts, callbacks, shown)
    who = [page.run, parts.state.stage, place.drawn, page.owner, page.lang]
    place.timer.tick(guarded(callbacks.tick), who, [place.timer, *followed], **QUIET)
    page.on_load(callbacks.arrive, [page.run], list(dict.fromkeys([*shown, parts.run.panel])))
    listeners.language(callbacks.speak, followed, [page.run])
    stopped = [parts.bar.trouble, *followed]
    listeners.quiet(bar.stop.click, callbacks.stop, stopped, callbacks.runs.refused, QUIET, [page.run])
    left: list[Block] = list(dict.fromkeys([page.run, *parts.dataset]))
    for press, leave in ((bar.settings.click, callbacks.back), (bar.use.click, callbacks.use)):
        listeners.quiet(press, leave, left, callbacks.runs.refused, QUIET, [page.run]).then(
            None, None, None, js=_NO_STUDY
        )
    _wire_deletion(listeners, parts, callbacks, left, shown)
    # The press in a row names its run; the study is that of the browser's storage.
    listeners.pressed(
        place.panel.select,
        lambda choice, pressed: callbacks.use(
            choice, {page.run: {"study": pressed.get("study", "")}}, pressed.get("use", "")
        ),
        left,
        callbacks.runs.refused,
    ).then(None, None, None, js=_NO_STUDY)


def _wire_deletion(
    listeners: Listeners, parts: Components, callbacks: StudyCallbacks, left: list[Block], shown: list[Block]
) -> None:
    """Connect Delete, and Undo in the notice of it."""
    bar = parts.study.bar
    gone: list[Block] = list(dict.fromkeys([*left, *bar.undoable]))
    deleting, refused, run = callbacks.delete, callbacks.runs.refused, [listeners.page.run]
    # The page leaves the address of a study that is no more there; one that was not deleted stays where it is.
    listeners.quiet(bar.delete.click, deleting, gone, refused, QUIET, run).then(
        None, [listeners.page.run], None, js=_LEFT
    )
    restored: list[Block] = list(dict.fromkeys([*shown, *bar.undoable]))
    listeners.pressed(
        bar.deleted.select,
        lambda choice, pressed: callbacks.restore(choice, pressed.get("undo", "")),
        restored,
        callbacks.undo_refused,
    ).then(None, run, None, js=_STARTED)
    bar.undo_timer.tick(callbacks.expired, None, bar.undoable, **QUIET)


def _wire_form(listeners: Listeners, parts: Components, callbacks: StudyCallbacks, shown: list[Block]) -> None:
    """Connect what is to be tried, and the button that starts it."""
    page, form = listeners.page, parts.study.form
    for event in (form.section.expand, form.kind.change, form.checkpoints.input):
        listeners.quiet(event, callbacks.plan, form.planned, callbacks.refused, LATEST, form.inputs).then(
            None, None, None, js=_IN_SIGHT
        )
    ranges: list[Block] = [*form.ranges.drawn, form.refused]
    listeners.quiet(form.fields.input, callbacks.ranges, ranges, callbacks.refused, LATEST, [form.fields]).then(
        None, None, None, js=_IN_SIGHT
    )
    started = [*shown, form.refused]
    listeners.quiet(form.go.click, callbacks.start, started, callbacks.refused, QUIET, form.inputs, js=_STARTING).then(
        None, [page.run], None, js=_STARTED
    )
    listeners.language(callbacks.plan, form.planned, form.inputs)
