"""A run while it trains: one large chart, the loss below it, held-out texts beside it, the log folded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bertdemo.i18n.translation import has, size, thousands, translate
from bertdemo.runs.status import RunStatus
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import error_state, facts, join, key, note, root, short, waiting_state
from bertdemo.ui.html.runs import message_words, metric_word, state_words
from bertdemo.ui.html.scores import plot
from bertdemo.ui.html.scores.headline import baseline_name

_LOG_LINES = 12
# Characters of a held-out text and of a label beside the chart.
_TEXT_CHARS = 110
_LABEL_CHARS = 28


@dataclass(frozen=True)
class WatchedText:
    """A held-out text with what was predicted for it, snapshot by snapshot."""

    text: str
    label: str
    predictions: tuple[tuple[str, bool | None], ...]
    """(prediction, whether it is right), the first one before training."""


def render_training(status: RunStatus | None, watched: Sequence[WatchedText], lang: str, ahead: int = 0) -> str:
    """Draw the run; one that has ended is folded below its result."""
    if status is None:
        return root("", "bd-run")
    parts = [error_state(message_words(status.message, lang))] if status.message else []
    parts += [note(message_words(warning, lang)) for warning in status.warnings]
    if status.started and not status.stepless:
        parts.append(_charts(status, watched, lang, folded=status.ended))
    elif not status.ended:
        parts.append(
            waiting_state(translate(lang, "fine_tune.training.waiting", state=state_words(status, lang, ahead)))
        )
        parts.append(_figures(status, lang))
    parts.append(_log(status, lang))
    return root(f'<div data-run="{esc(status.run_id)}" data-state="{esc(status.state)}">{join(parts)}</div>', "bd-run")


def baseline_scores(status: RunStatus, lang: str) -> list[tuple[str, float]]:
    """Return (name, value) of every baseline that is known in the metric that chooses the epoch, worst first."""
    started = status.started
    if started is None:
        return []
    lines = {kind: score.value for kind, score in status.baselines.items() if score.metric == started.metric}
    if started.majority is not None:
        lines["majority"] = started.majority
    return sorted(
        ((baseline_name(kind, status.task, lang), value) for kind, value in lines.items()), key=lambda it: it[1]
    )


def _charts(status: RunStatus, watched: Sequence[WatchedText], lang: str, *, folded: bool) -> str:
    side = f'<div class="bd-train-side">{_watched(watched, lang)}{_figures(status, lang)}</div>'
    body = f'<div class="bd-train-view"><div>{_metric_chart(status, lang)}{_loss_chart(status, lang)}</div>{side}</div>'
    if not folded:
        return body
    title = esc(translate(lang, "fine_tune.training.curves"))
    return f'<details class="bd-curves" data-keep="curves"><summary>{title}</summary>{body}</details>'


def _metric_chart(status: RunStatus, lang: str) -> str:
    started = status.started
    if started is None:
        return ""
    name = metric_word(started.metric, lang)
    own = f"run.{started.metric}_curve"
    title = translate(lang, own if has(own) else "run.metric_curve", metric=name)
    points = [(event.epoch, event.metrics.get(started.metric, 0.0)) for event in status.evaluations]
    best = next((event for event in reversed(status.evaluations) if event.best), None)
    ring = (best.epoch, best.metrics.get(started.metric, 0.0)) if best else None
    baselines = [(f"{words} {_short(value)}", value) for words, value in baseline_scores(status, lang)]
    values = [y for _, y in points] + [value for _, value in baselines]
    axis = translate(lang, "run.epochs_axis")
    unit = all(0 <= value <= 1 for value in values) and not started.lower_is_better
    axes = (
        plot.unit_axes(started.epochs, axis)
        if unit
        else plot.round_axes(started.epochs, max(values, default=1.0), axis)
    )
    kept = f'<span class="kept"><i></i>{esc(translate(lang, "fine_tune.training.kept"))}</span>' if ring else ""
    head = f'<p class="bd-plot-title"><b>{esc(title)}</b>{kept}</p>'
    empty = translate(lang, "fine_tune.training.first_point")
    line = plot.Line(name, "blue", points, dots=True)
    return head + plot.draw([line], axes, title, kind="big", baselines=baselines, ring=ring, empty=empty)


def _loss_chart(status: RunStatus, lang: str) -> str:
    started = status.started
    if started is None:
        return ""
    train, held_out = translate(lang, "run.train_loss"), translate(lang, "run.eval_loss")
    labels = len(started.labels)
    # ln K is the loss of a guess that gives each of K labels the same probability.
    first = status.loss[0][1] if status.loss else 1.0
    top = math.log(labels) if labels > 1 else first
    ticks = (0.0, top / 2, top)
    axes = plot.Axes(started.epochs, 0.0, top or 1.0, ticks, translate(lang, "run.epochs_axis"))
    lines = [plot.Line(train, "orange", status.loss)]
    legend = [("orange", train)]
    if status.evaluations:
        lines.append(
            plot.Line(held_out, "violet", [(event.epoch, event.loss) for event in status.evaluations], dots=True)
        )
        legend.append(("violet", held_out))
    title = translate(lang, "run.loss_curve")
    drawn = plot.draw(lines, axes, title, kind="strip", empty=translate(lang, "run.first_step"))
    return f'<div class="bd-loss-head">{key(legend)}</div>{drawn}'


def _watched(watched: Sequence[WatchedText], lang: str) -> str:
    if not watched:
        return ""
    title = esc(translate(lang, "fine_tune.training.watched"))
    return (
        f'<h3 class="bd-stage-title">{title}</h3><ol class="bd-watched">{join(_text(it, lang) for it in watched)}</ol>'
    )


def _text(watched: WatchedText, lang: str) -> str:
    predicted, right = watched.predictions[-1]
    changed = len(watched.predictions) > 1 and watched.predictions[-2][0] != predicted
    look = {True: "right", False: "wrong", None: ""}[right]
    sign = {True: "✓ ", False: "✗ ", None: ""}[right]
    said = translate(lang, "fine_tune.training.predicted", predicted=short(predicted, _LABEL_CHARS))
    marks = join(
        f'<i class="{"right" if ok else "wrong"}" title="{esc(short(words, _LABEL_CHARS))}"></i>'
        for words, ok in watched.predictions
        if ok is not None
    )
    label = translate(lang, "fine_tune.training.label", label=short(watched.label, _LABEL_CHARS))
    text = f'<q title="{esc(watched.text)}">{esc(short(watched.text, _TEXT_CHARS))}</q>'
    return (
        f'<li class="{look}{" changed" if changed else ""}">{text}<p><b>{sign}{esc(said)}</b>'
        f'<span>{esc(label)}</span></p><p class="marks" aria-hidden="true">{marks}</p></li>'
    )


def _figures(status: RunStatus, lang: str) -> str:
    started = status.started
    if started is None:
        return ""
    if status.stepless:
        items = [(f"{translate(lang, 'run.training_rows')} ", thousands(started.train_rows), "")]
    else:
        # NUL marks the place of the number, which is drawn in bold between the words of the translation.
        step = translate(lang, "run.step", step="\x00", steps=thousands(status.steps)).partition("\x00")
        items = [(step[0], thousands(status.step), step[2])]
    if status.state == "running" and status.rows_per_second:
        items.append((translate(lang, "run.rows_per_second", n=f"{status.rows_per_second:.0f}"), "", ""))
    if status.memory_bytes:
        items.append((f"{translate(lang, 'run.memory')} ", size(status.memory_bytes), ""))
    items.append(("", started.device_name, f" · {translate(lang, f'precision.{started.precision}')}"))
    return facts(items)


def _log(status: RunStatus, lang: str) -> str:
    if not status.log.strip():
        return ""
    lines = "\n".join(status.log.strip().splitlines()[-_LOG_LINES:])
    title = esc(translate(lang, "fine_tune.training.log"))
    body = f'<pre class="bd-log" tabindex="0">{esc(lines)}</pre>'
    return f'<details class="bd-log-box" data-keep="log"><summary>{title}</summary>{body}</details>'


def _short(value: float) -> str:
    return f"{value:.3f}" if 0 <= value <= 1 else f"{value:.3g}"
