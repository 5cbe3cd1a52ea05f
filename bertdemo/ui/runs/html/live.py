"""A run while it trains, and its curves afterwards."""

from __future__ import annotations

from bertdemo.i18n.translation import percent, seconds, size, thousands, translate
from bertdemo.runs.queue.line import NEXT, Place
from bertdemo.runs.status import RunStatus
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import BarKind, bar, error_state, facts, join, note, root
from bertdemo.ui.html.runs import message_words, metric_word, state_words, took_words
from bertdemo.ui.html.scores.curves import loss_chart, metric_chart, pair_loss_chart
from bertdemo.ui.html.scores.saving import picture

# Newest lines of the worker's log that are shown.
_LOG_LINES = 4
# Phases that evaluate, which have a bar of their own in place of the epoch's.
_EVALUATION_PHASES = frozenset({"evaluating", "testing"})


def render_run(status: RunStatus, lang: str, place: Place = NEXT) -> str:
    """Draw the state in words, while it goes on its bars, then figures, curves and the newest lines of the log."""
    parts = [_top(status, lang, place)]
    if status.message:
        parts.append(error_state(message_words(status.message, lang)))
    parts += [note(message_words(warning, lang)) for warning in status.warnings]
    if status.started:
        parts += ["" if status.ended else _bars(status, lang), _figures(status, lang), _curves(status, lang)]
    if status.log.strip() and not status.ended:
        lines = status.log.strip().splitlines()[-_LOG_LINES:]
        parts.append(
            f'<pre class="bd-log" aria-label="{esc(translate(lang, "run.log"))}">{esc(chr(10).join(lines))}</pre>'
        )
    return root(f'<div data-run="{esc(status.run_id)}" data-state="{esc(status.state)}">{join(parts)}</div>', "bd-run")


def _top(status: RunStatus, lang: str, place: Place) -> str:
    right = []
    if status.state == "running" and status.rows_per_second:
        right.append(translate(lang, "run.rows_per_second", n=f"{status.rows_per_second:.0f}"))
    # No estimate from the first step alone.
    if status.seconds_left is not None and status.phase != "testing" and (status.step > 1 or status.stepless):
        right.append(translate(lang, "state.left", time=seconds(lang, max(1, round(status.seconds_left)))))
    if status.ended and status.seconds:
        right.append(took_words(status, lang))
    words, more = esc(state_words(status, lang, place)), esc(" · ".join(right))
    return f'<div class="bd-top"><b class="bd-state-word" role="status">{words}</b><span>{more}</span></div>'


def _bars(status: RunStatus, lang: str) -> str:
    # A linear probe has no epochs: its second bar is that of the phase.
    whole, epoch = translate(lang, "run.whole"), translate(lang, "run.this_epoch")
    rows: list[tuple[str, float, BarKind]] = [(whole, status.progress, "accent")]
    if not status.stepless:
        rows.append((epoch, status.epoch_progress, "value"))
    if status.phase in _EVALUATION_PHASES or (status.stepless and status.phase):
        rows[1:] = [(translate(lang, f"run.phase.{status.phase}"), status.phase_progress, "value")]
    bars = join(
        f'<span class="name">{esc(name)}</span>{bar(share, kind, name)}<span class="n">{percent(share, 0)}</span>'
        for name, share, kind in rows
    )
    return f'<div class="bd-progress">{bars}</div>'


def _figures(status: RunStatus, lang: str) -> str:
    started = status.started
    if started is None:
        return ""
    if status.stepless:
        items = [(translate(lang, "run.training_rows") + " ", thousands(started.train_rows), "")]
    else:
        # NUL marks the place of the number, which is drawn in bold between the words of the translation.
        step = translate(lang, "run.step", step="\x00", steps=thousands(status.steps)).partition("\x00")
        items = [(step[0], thousands(status.step), step[2])]
    values = [event.metrics[started.metric] for event in status.evaluations if started.metric in event.metrics]
    if values:
        best = min(values) if started.lower_is_better else max(values)
        items.append((metric_word(started.metric, lang) + " ", f"{best:.3f}", ""))
    if status.memory_bytes:
        items.append((translate(lang, "run.memory") + " ", size(status.memory_bytes), ""))
    items.append(("", started.device_name, f" · {translate(lang, f'precision.{started.precision}')}"))
    return facts(items)


def _curves(status: RunStatus, lang: str) -> str:
    """Draw both charts once there is a loss; a linear probe has none."""
    if not status.loss:
        return ""
    if status.contrastive:
        return picture("loss-curve", pair_loss_chart(status, lang), lang)
    metric = picture("metric-curve", metric_chart(status, lang), lang) if status.evaluations else ""
    return metric + picture("loss-curve", loss_chart(status, lang), lang)
