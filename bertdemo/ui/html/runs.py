"""A run while it trains, and the words for its state: RunStatus in, HTML out."""

from __future__ import annotations

import time

from bertdemo.i18n.translation import has, percent, plural, seconds, size, thousands, translate
from bertdemo.runs.status import Message, RunStatus
from bertdemo.tasks import TASKS
from bertdemo.ui.html.charts import curve
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import (
    BarKind,
    bar,
    caption,
    empty_state,
    error_state,
    facts,
    join,
    key,
    note,
    root,
)
from bertdemo.ui.html.scores.saving import picture

# Newest lines of the worker's log that are shown.
LOG_LINES = 4
# Phases that evaluate, which have a bar of their own in place of the epoch's.
_EVALUATION_PHASES = frozenset({"evaluating", "testing"})


def state_words(status: RunStatus, lang: str, ahead: int = 0) -> str:
    """Return the state in words: `epoch 3 of 4`, `queued (2 ahead of you)`; `ahead` runs start before this one."""
    if status.stopping:
        return translate(lang, "state.stopping")
    if status.state == "queued":
        if status.phase == "fetching":
            return translate(lang, "run.fetching", percent=percent(status.phase_progress, 0))
        return plural(lang, "state.queued", ahead) if ahead else translate(lang, "state.queued_next")
    if status.state == "running":
        if status.phase == "testing":
            return translate(lang, "run.testing")
        if status.stepless:
            return translate(lang, f"state.{status.phase or 'embedding'}")
        if not status.epoch:
            return translate(lang, "run.first_step")
        return translate(lang, "state.running", epoch=status.epoch, epochs=status.epochs)
    return translate(lang, f"state.{status.state}")


def render_run(status: RunStatus | None, lang: str, ahead: int = 0) -> str:
    """Draw the training box: state in words, bars, figures, curves, the newest lines of the log."""
    if status is None:
        return root(empty_state(translate(lang, "run.none_yet")), "bd-run")
    parts = [_top(status, lang, ahead)]
    if status.message:
        parts.append(error_state(message_words(status.message, lang)))
    parts += [note(message_words(warning, lang)) for warning in status.warnings]
    if status.started:
        parts += [_bars(status, lang), _figures(status, lang), _curves(status, lang)]
    if status.log.strip() and not status.ended:
        lines = status.log.strip().splitlines()[-LOG_LINES:]
        parts.append(
            f'<pre class="bd-log" aria-label="{esc(translate(lang, "run.log"))}">{esc(chr(10).join(lines))}</pre>'
        )
    return root(f'<div data-run="{esc(status.run_id)}" data-state="{esc(status.state)}">{join(parts)}</div>', "bd-run")


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


# --- parts --------------------------------------------------------------------------------------------------


def _top(status: RunStatus, lang: str, ahead: int) -> str:
    right = []
    if status.state == "running" and status.rows_per_second:
        right.append(translate(lang, "run.rows_per_second", n=f"{status.rows_per_second:.0f}"))
    # No estimate from the first step alone.
    if status.seconds_left is not None and status.phase != "testing" and (status.step > 1 or status.stepless):
        right.append(translate(lang, "state.left", time=seconds(lang, max(1, round(status.seconds_left)))))
    if status.ended and status.seconds:
        right.append(translate(lang, "run.took", time=seconds(lang, status.seconds)))
    words, more = esc(state_words(status, lang, ahead)), esc(" · ".join(right))
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
    started = status.started
    if started is None or not status.loss:
        return ""
    epochs = translate(lang, "run.epochs_axis")
    parts = []
    if status.evaluations:
        points = [(event.epoch, event.metrics.get(started.metric, 0.0)) for event in status.evaluations]
        own = f"run.{started.metric}_curve"
        title = translate(lang, own if has(own) else "run.metric_curve", metric=metric_word(started.metric, lang))
        lines = _baseline_lines(status, lang)
        parts.append(caption(title))
        drawn = curve([(title, "blue", points)], title, epochs, lines, float(started.epochs))
        parts.append(picture("metric-curve", drawn, lang))
    title = translate(lang, "run.loss_curve")
    series = [(translate(lang, "run.train_loss"), "orange", list(status.loss))]
    legend = [("orange", translate(lang, "run.train_loss"))]
    if status.evaluations:
        series.append((translate(lang, "run.eval_loss"), "violet", [(e.epoch, e.loss) for e in status.evaluations]))
        legend.append(("violet", translate(lang, "run.eval_loss")))
    drawn = key(legend) + curve(series, title, epochs, (), float(started.epochs))
    return join([*parts, picture("loss-curve", drawn, lang)])


def _baseline_lines(status: RunStatus, lang: str) -> list[tuple[str, float]]:
    """Return the dashed lines of the curve: the scores of the baselines in the metric that chooses the epoch."""
    started = status.started
    if started is None:
        return []
    lines = []
    if started.majority is not None:
        words = translate(lang, f"run.majority{_baseline_key(status)}", share=percent(started.majority))
        lines.append((words, started.majority))
    for kind, baseline in status.baselines.items():
        if kind != "majority" and baseline.metric == started.metric:
            # A metric outside 0..1, such as a perplexity, is no percentage.
            value = percent(baseline.value) if 0 <= baseline.value <= 1 else f"{baseline.value:.3g}"
            lines.append((translate(lang, f"run.{kind}", share=value), baseline.value))
    return lines


def _baseline_key(status: RunStatus) -> str:
    """Return the end of the key for a trivial baseline: the most frequent label where rows have one, or another."""
    task = TASKS.get(status.task)
    return "" if status.started is None or task is None or task.categories else "_other"


def metric_word(name: str, lang: str) -> str:
    """Return the name of a metric for people."""
    return translate(lang, f"metric.{name}") if has(f"metric.{name}") else name
