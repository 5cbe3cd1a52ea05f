"""The curves of a run: the metric that chooses the epoch with every baseline, and the loss."""

from __future__ import annotations

import math

from bertdemo.i18n.translation import has, translate
from bertdemo.runs.status import RunStatus
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import key
from bertdemo.ui.html.runs import metric_word
from bertdemo.ui.html.scores import plot
from bertdemo.ui.html.scores.headline import baseline_name


def metric_chart(status: RunStatus, lang: str) -> str:
    """Draw the metric on the validation set, epoch by epoch; the kept epoch has a ring."""
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


def loss_chart(status: RunStatus, lang: str) -> str:
    """Draw the loss on the training set and on the validation set."""
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


def pair_loss_chart(status: RunStatus, lang: str) -> str:
    """Draw the loss of contrastive tuning; no epoch is evaluated, so there is no other curve."""
    started = status.started
    if started is None:
        return ""
    title = translate(lang, "run.pair_loss_curve")
    highest = max((loss for _, loss in status.loss), default=1.0)
    axes = plot.round_axes(started.epochs, highest, translate(lang, "run.epochs_axis"))
    line = plot.Line(title, "orange", status.loss)
    head = f'<p class="bd-plot-title"><b>{esc(title)}</b></p>'
    return head + plot.draw([line], axes, title, kind="big", empty=translate(lang, "run.first_step"))


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


def _short(value: float) -> str:
    return f"{value:.3f}" if 0 <= value <= 1 else f"{value:.3g}"
