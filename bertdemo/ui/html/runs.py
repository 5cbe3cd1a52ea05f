"""A run while it trains and after it: RunStatus in, HTML out."""

from __future__ import annotations

from collections.abc import Mapping

from bertdemo.i18n.translation import has, percent, plural, score, seconds, size, thousands, translate
from bertdemo.runs.evaluation import Evaluation
from bertdemo.runs.status import Message, RunStatus
from bertdemo.tasks import TASKS
from bertdemo.ui.html.charts import confusion, curve
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.mistakes import mistake_table, task_key
from bertdemo.ui.html.primitives import (
    BarKind,
    bar,
    caption,
    empty_state,
    error_state,
    facts,
    heading,
    interval,
    join,
    key,
    note,
    root,
    table,
)

# Newest lines of the worker's log that are shown.
LOG_LINES = 4
# Phases that evaluate, which have a bar of their own in place of the epoch's.
_EVALUATION_PHASES = frozenset({"evaluating", "testing"})
# Labels up to which a confusion matrix is easily read, and up to which it is drawn at all.
_PLAIN_MATRIX, _LARGEST_MATRIX = 20, 100
# Rows of the list of the most frequent confusions beside a large matrix.
_CONFUSIONS = 20

# {value, low, high} of a metric; the ends are None where there is no interval.
Metric = Mapping[str, float | None]


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


def render_result(status: RunStatus, evaluation: Evaluation | None, lang: str) -> str:
    """Draw the full result: all metrics with intervals, per-label scores, the confusion matrix, the mistakes."""
    if status.kept_unevaluated:
        return root(note(_unmeasured(status, lang)))
    if not status.metrics:
        return root(empty_state(translate(lang, "result.none_yet")))
    parts = [
        heading(translate(lang, "result.metrics"), _measured_on(status, lang)),
        *(_metric_line(status, name, lang) for name in status.metrics),
    ]
    if evaluation is None:  # stopped: of its last evaluation only the metrics were kept
        return root(join(parts), "bd-result")
    if evaluation.per_label:
        parts += [heading(translate(lang, "result.per_label")), _per_label(evaluation, lang)]
    if evaluation.counts:
        parts += [heading(translate(lang, "result.confusion")), _matrix(evaluation, lang)]
    if _judges(status):
        title = translate(lang, task_key("result.mistakes", status.task))
        parts.append(heading(title, plural(lang, "result.mistakes_of", len(evaluation.mistakes))))
        parts.append(mistake_table(evaluation, lang, status.task))
    return root(join(parts), "bd-result")


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
        parts.append(curve([(title, "blue", points)], title, epochs, lines, float(started.epochs)))
    title = translate(lang, "run.loss_curve")
    series = [(translate(lang, "run.train_loss"), "orange", list(status.loss))]
    legend = [("orange", translate(lang, "run.train_loss"))]
    if status.evaluations:
        series.append((translate(lang, "run.eval_loss"), "violet", [(e.epoch, e.loss) for e in status.evaluations]))
        legend.append(("violet", translate(lang, "run.eval_loss")))
    parts += [key(legend), curve(series, title, epochs, (), float(started.epochs))]
    return join(parts)


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


def _judges(status: RunStatus) -> bool:
    """Return whether a row can be right or wrong; masked language modeling has only its loss."""
    task = TASKS.get(status.task)
    return task is None or task.judges


def _majority(status: RunStatus, name: str) -> float | None:
    """Return the score of the trivial baseline in this metric, None where it is not known."""
    return status.started.majority if status.started and name == status.started.metric else None


def _interval(metric: Metric, words: str, majority: float | None = None) -> str:
    """Draw a score of 0..1 with its interval; "" for one on another scale or without an interval."""
    value, low, high = metric["value"], metric["low"], metric["high"]
    if value is None or low is None or high is None or not 0 <= value <= 1:
        return ""
    return interval(value, low, high, words, majority)


def metric_word(name: str, lang: str) -> str:
    """Return the name of a metric for people."""
    return translate(lang, f"metric.{name}") if has(f"metric.{name}") else name


def _measured_on(status: RunStatus, lang: str) -> str:
    on = status.evaluated_on or "validation"
    words = translate(lang, f"result.on_{'held_out' if status.stepless and on == 'validation' else on}")
    return plural(lang, "result.measured", status.evaluated_rows, on=words)


def _unmeasured(status: RunStatus, lang: str) -> str:
    return translate(lang, "result.not_measured" if status.stepless else "result.not_evaluated")


def _metric_line(status: RunStatus, name: str, lang: str) -> str:
    metric = status.metrics[name]
    words = score(lang, metric["value"], metric["low"], metric["high"], status.evaluated_rows)
    line = _interval(metric, words, _majority(status, name))
    how = translate(lang, f"metric.{name}_interval") if has(f"metric.{name}_interval") else ""
    return (
        f'<div class="bd-metric"><span>{esc(metric_word(name, lang))}</span>{line}'
        f"<b>{esc(words)}</b><small>{esc(how)}</small></div>"
    )


def _per_label(evaluation: Evaluation, lang: str) -> str:
    headers = [translate(lang, f"result.column.{name}") for name in ("label", "precision", "recall", "f1", "rows")]
    rows = [
        (item.label, f"{item.precision:.2f}", f"{item.recall:.2f}", f"{item.f1:.2f}", thousands(item.rows))
        for item in sorted(evaluation.per_label, key=lambda item: item.f1)
    ]
    return table(headers, rows, numeric=(1, 2, 3, 4))


def _matrix(evaluation: Evaluation, lang: str) -> str:
    labels, counts = evaluation.labels, evaluation.counts
    words = (translate(lang, "result.true"), translate(lang, "result.predicted"))
    if len(labels) <= _PLAIN_MATRIX:
        return confusion(labels, counts, *words)
    confusions = [
        (count, labels[i], labels[j]) for i, row in enumerate(counts) for j, count in enumerate(row) if i != j and count
    ]
    pairs = sorted(confusions, reverse=True)[:_CONFUSIONS]
    headers = [*words, translate(lang, "result.column.rows")]
    listed = table(headers, [(a, b, str(n)) for n, a, b in pairs], numeric=(2,))
    if len(labels) > _LARGEST_MATRIX:
        return caption(translate(lang, "result.too_many_labels", n=len(labels), shown=len(pairs))) + listed
    matrix = confusion(labels, counts, *words, compact=True)
    beside = caption(plural(lang, "result.pairs", len(pairs))) + listed if pairs else ""
    return f'<div class="bd-matrix-beside"><div>{matrix}</div><div>{beside}</div></div>'
