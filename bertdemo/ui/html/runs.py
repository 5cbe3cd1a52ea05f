"""The words for a run wherever it is shown: its state, its messages, its time, its metric, the title of the page."""

from __future__ import annotations

import time

from bertdemo.i18n.translation import has, percent, plural, seconds, thousands, translate
from bertdemo.runs.queue.line import NEXT, Place
from bertdemo.runs.status import Message, RunStatus
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import root


def took_words(status: RunStatus, lang: str) -> str:
    """Return the time that an ended run took, and the time that was predicted when it started; "" where neither is."""
    if not status.seconds:
        return ""
    took, predicted = seconds(lang, status.seconds), status.started.predicted_seconds if status.started else None
    if predicted is None or status.state != "finished":
        return translate(lang, "run.took", time=took)
    return translate(lang, "run.took_predicted", time=took, predicted=seconds(lang, predicted))


def state_words(status: RunStatus, lang: str, place: Place = NEXT) -> str:
    """Return the state in words: `epoch 3 of 4`, `queued (2 ahead of you, about 5 min)`."""
    if status.silent:
        return translate(lang, "state.not_responding")
    if status.stopping:
        return translate(lang, "state.stopping")
    if status.state == "queued":
        if status.phase == "fetching":
            return translate(lang, "run.fetching", percent=percent(status.phase_progress, 0))
        if not place.ahead:
            return translate(lang, "state.queued_next")
        if place.minutes is None:
            return plural(lang, "state.queued", place.ahead)
        return plural(lang, "state.queued_about", place.ahead, minutes=place.minutes)
    if status.state == "running":
        if status.phase == "testing":
            return translate(lang, "run.testing")
        if status.stepless:
            return translate(lang, f"state.{status.phase or 'embedding'}")
        if not status.epoch:
            return translate(lang, "run.first_step")
        return translate(lang, "state.running", epoch=status.epoch, epochs=status.epochs)
    return translate(lang, f"state.{status.state}")


def stop_words(status: RunStatus, lang: str, usual: str = "runs.stop") -> str:
    """Return the words of the button that stops a run; one that does not respond is ended at once."""
    return translate(lang, "run.force_stop" if status.silent else usual)


def resume_words(status: RunStatus, lang: str) -> str:
    """Return the words of the button that resumes a run: from which step it would go on."""
    if status.resume_step is None:
        return translate(lang, "run.resume_start")
    return translate(lang, "run.resume", step=thousands(status.resume_step), steps=thousands(status.steps))


def when(moment: float) -> str:
    """Return a time in seconds since the epoch in the server's time zone, as `2026-03-01 16:35`."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def page_title(status: RunStatus, lang: str) -> str:
    """Return the attributes from which the page's script takes its title: how far the run is, or how it ended."""
    if not status.ended:
        words, ended = translate(lang, "run.title", percent=percent(status.progress, 0)), ""
    elif status.state == "finished":
        words, ended = translate(lang, "run.title_done"), " data-ended"
    else:
        words, ended = translate(lang, "run.title_ended", state=state_words(status, lang)), " data-ended"
    return f'data-page-run="{esc(status.run_id)}" data-page-title="{esc(words)}"{ended}'


def message_words(message: Message, lang: str) -> str:
    """Return a message of a run in words."""
    return translate(lang, message.key, **message.values)


def metric_word(name: str, lang: str) -> str:
    """Return the name of a metric for people."""
    return translate(lang, f"metric.{name}") if has(f"metric.{name}") else name


def undo_notice(words: str, deleted: str, lang: str) -> str:
    """Say what was deleted, with the button that restores it; `deleted` is its id."""
    undo = translate(lang, "runs.undo")
    button = f'<button type="button" class="bd-undo" data-undo="{esc(deleted)}">{esc(undo)}</button>'
    return root(f'<p class="bd-deleted" role="status">{esc(words)} {button}</p>')
