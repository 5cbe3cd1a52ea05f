"""A run as it goes on and as it ended: RunStatus in, HTML out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bertdemo.i18n.translation import has, percent, plural, score, seconds, size, thousands, translate
from bertdemo.runs.evaluation import Evaluation, Mistake
from bertdemo.runs.status import Message, RunStatus
from bertdemo.tasks import TASKS
from bertdemo.tasks.results import Degree
from bertdemo.ui.html.charts import confusion, curve
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import (
    BarKind,
    around,
    bar,
    big,
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
    spans,
    table,
)

LOG_LINES = 4
_MEASURED = frozenset({"evaluating", "testing"})
SHOWN_MISTAKES = 500
_MISTAKE_CHARS = 100_000
"""The texts of the shown mistakes stand there whole up to this many characters, beyond it their beginnings."""
_PLAIN_MATRIX, _MATRIX_LABELS, _PAIRS = 20, 100, 20
"""Labels up to which a matrix is easily read, and is drawn at all; rows of the list of confusions beside it."""
_TEXT = 240
_AROUND_TEXTS = ("row", "label", "predicted", "confidence")
"""Columns of a table of mistakes beside the texts; what the number of the last measures follows the task."""
NOTHING = "–"
"""Stands in a kept evaluation where nothing is marked, answered or chosen."""


def state_words(status: RunStatus, lang: str, ahead: int = 0) -> str:
    """Return the state as a person says it: `epoch 3 of 4`, `queued (2 ahead of you)`."""
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


def render_outcome(status: RunStatus, mistakes: Sequence[Mistake], lang: str) -> str:
    """Draw the short result below a training: the headline, what it was measured on, three mistakes."""
    parts = []
    if status.kept_unevaluated:
        parts.append(note(_unmeasured(status, lang)))
    elif status.headline:
        found = status.metrics[status.headline]
        label = score(lang, found["value"], found["low"], found["high"])
        parts.append(big(label, metric_word(status.headline, lang)))
        parts.append(caption(_measured_on(status, lang)))
        if status.stepless:
            parts.append(caption(translate(lang, "result.frozen")))
        majority = _guess(status, status.headline)
        parts.append(_interval(found, label, majority))
        if majority is not None:
            parts.append(caption(translate(lang, f"result.majority{_of(status)}", share=percent(majority))))
        if _judges(status):
            parts.append(_mistake_list(mistakes[:3], len(mistakes), lang, status.task))
    elif status.ended and not status.checkpoint:
        parts.append(note(translate(lang, "result.nothing_fitted" if status.stepless else "result.nothing_kept")))
    return root(join(parts), "bd-outcome")


def render_result(status: RunStatus, evaluation: Evaluation | None, lang: str) -> str:
    """Draw the full result: all metrics with intervals, each label, the confusion matrix, all confident mistakes."""
    if status.kept_unevaluated:
        return root(note(_unmeasured(status, lang)))
    if not status.metrics:
        return root(empty_state(translate(lang, "result.none_yet")))
    if evaluation is None:  # stopped, and its last evaluation kept figures alone
        lines = join(_metric_line(status, name, lang) for name in status.metrics)
        return root(heading(translate(lang, "result.metrics"), _measured_on(status, lang)) + lines, "bd-result")
    parts = [
        heading(translate(lang, "result.metrics"), _measured_on(status, lang)),
        join(_metric_line(status, name, lang) for name in status.metrics),
        *([heading(translate(lang, "result.per_label")), _per_label(evaluation, lang)] if evaluation.per_label else []),
        *([heading(translate(lang, "result.confusion")), _matrix(evaluation, lang)] if evaluation.counts else []),
    ]
    if _judges(status):
        told = plural(lang, "result.mistakes_of", len(evaluation.mistakes))
        title = translate(lang, _own("result.mistakes", status.task))
        parts += [heading(title, told), _mistake_table(evaluation, lang, status.task)]
    return root(join(parts), "bd-result")


def message_words(message: Message, lang: str) -> str:
    """Return a message of a run in words."""
    return translate(lang, message.key, **message.values)


# --- parts --------------------------------------------------------------------------------------------------


def _top(status: RunStatus, lang: str, ahead: int) -> str:
    right = []
    if status.state == "running" and status.rows_per_second:
        right.append(translate(lang, "run.rows_per_second", n=f"{status.rows_per_second:.0f}"))
    if status.seconds_left is not None and status.phase != "testing" and (status.step > 1 or status.stepless):
        right.append(translate(lang, "state.left", time=seconds(lang, max(1, round(status.seconds_left)))))
    if status.ended and status.seconds:
        right.append(translate(lang, "run.took", time=seconds(lang, status.seconds)))
    words, more = esc(state_words(status, lang, ahead)), esc(" · ".join(right))
    return f'<div class="bd-top"><b class="bd-state-word" role="status">{words}</b><span>{more}</span></div>'


def _bars(status: RunStatus, lang: str) -> str:
    whole, epoch = translate(lang, "run.whole"), translate(lang, "run.this_epoch")
    rows: list[tuple[str, float, BarKind]] = [(whole, status.progress, "accent")]
    if not status.stepless:
        rows.append((epoch, status.epoch_progress, "value"))
    if status.phase in _MEASURED or (status.stepless and status.phase):
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
        step = translate(lang, "run.step", step="\x00", steps=thousands(status.steps)).partition("\x00")
        items = [(step[0], thousands(status.step), step[2])]
    reached = [event.metrics[started.metric] for event in status.evaluations if started.metric in event.metrics]
    if reached:
        best = min(reached) if started.lower_is_better else max(reached)
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
        lines = _compared(status, lang)
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


def _compared(status: RunStatus, lang: str) -> list[tuple[str, float]]:
    """Return the dashed lines of the curve: what guessing and the baselines reach of the same metric."""
    started = status.started
    lines = []
    if started and started.majority is not None:
        words = translate(lang, f"run.majority{_of(status)}", share=percent(started.majority))
        lines.append((words, started.majority))
    for kind, baseline in status.baselines.items():
        if kind != "majority" and started and baseline.metric == started.metric:
            lines.append((translate(lang, f"run.{kind}", share=_written(baseline.value)), baseline.value))
    return lines


def _written(value: float) -> str:
    return percent(value) if 0 <= value <= 1 else f"{value:.3g}"


def _of(status: RunStatus) -> str:
    """Return the end of the key for what a guess is: the most frequent label, or something else."""
    task = TASKS.get(status.task)
    return "" if status.started is None or task is None or task.categories else "_other"


def _judges(status: RunStatus) -> bool:
    """Whether a row can be right or wrong: of a text with hidden words only its perplexity is told."""
    task = TASKS.get(status.task)
    return task is None or task.judges


def _guess(status: RunStatus, name: str) -> float | None:
    """Return what guessing reaches of this metric."""
    return status.started.majority if status.started and name == status.started.metric else None


def _interval(found: Mapping[str, Any], shown: str, majority: float | None = None) -> str:
    """Draw a score of 0..1 with its interval; one of another scale, or without an interval, is told by its number."""
    low, high = found["low"], found["high"]
    if low is None or high is None or not 0 <= found["value"] <= 1:
        return ""
    return interval(found["value"], low, high, shown, majority)


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
    found = status.metrics[name]
    shown = score(lang, found["value"], found["low"], found["high"], status.evaluated_rows)
    word = metric_word(name, lang)
    line = _interval(found, shown, _guess(status, name))
    how = translate(lang, f"metric.{name}_interval") if has(f"metric.{name}_interval") else ""
    return f'<div class="bd-metric"><span>{esc(word)}</span>{line}<b>{esc(shown)}</b><small>{esc(how)}</small></div>'


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
    pairs = sorted(
        (
            (counts[i][j], labels[i], labels[j])
            for i in range(len(labels))
            for j in range(len(labels))
            if i != j and counts[i][j]
        ),
        reverse=True,
    )[:_PAIRS]
    headers = [*words, translate(lang, "result.column.rows")]
    listed = table(headers, [(a, b, str(n)) for n, a, b in pairs], numeric=(2,))
    if len(labels) > _MATRIX_LABELS:
        return caption(translate(lang, "result.too_many_labels", n=len(labels), shown=len(pairs))) + listed
    matrix = confusion(labels, counts, *words, compact=True)
    beside = caption(plural(lang, "result.pairs", len(pairs))) + listed if pairs else ""
    return f'<div class="bd-matrix-beside"><div>{matrix}</div><div>{beside}</div></div>'


def _own(key: str, task: str) -> str:
    """Return the key of a message that a task has for itself: not every mistake is a wrong label."""
    own = f"{key}_{task}"
    return own if has(own) or has(f"{own}.other") else key


def _word(word: str, mistake: Mistake, lang: str) -> str:
    """Return what is in the data or was said, in words where that is nothing."""
    if word != NOTHING:
        return word
    spans = mistake.true_spans or mistake.predicted_spans
    return translate(lang, f"result.no_{'label' if not spans else 'answer' if mistake.pair else 'entity'}")


def _degree(degree: Degree, digits: int = 1) -> str:
    """Return how bad a mistake is; of a search, how many documents came before the right one."""
    return thousands(documents_before(degree)) if degree.kind == "rank" else percent(degree.value, digits)


def documents_before(degree: Degree) -> int:
    """Return how many documents came before the right one; `degree` is a rank."""
    return round(degree.value) - 1


def mistake_cells(
    mistakes: Sequence[Mistake], reads: Sequence[str], task: str, lang: str
) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of all mistakes as a file: everything that the task read, and the number as it is."""
    headers = {name: translate(lang, _own(f"result.column.{name}", task)) for name in _AROUND_TEXTS}
    header = [headers.pop("row"), *(translate(lang, f"role_word.{role}") for role in reads), *headers.values()]
    rows = [[str(m.row), *(m.text, m.pair)[: len(reads)], m.label, m.predicted, _number(m.degree)] for m in mistakes]
    return header, rows


def _number(degree: Degree) -> str:
    return str(documents_before(degree)) if degree.kind == "rank" else f"{degree.value:.6f}"


def _mistake_table(evaluation: Evaluation, lang: str, task: str = "") -> str:
    shown, total = evaluation.mistakes[:SHOWN_MISTAKES], len(evaluation.mistakes)
    pairs = any(m.pair for m in shown)
    names = ("row", "text", *(["pair"] if pairs else []), "label", "predicted", "confidence")
    headers = [translate(lang, _own(f"result.column.{name}", task)) for name in names]
    whole = sum(len(mistake.text) for mistake in shown) <= _MISTAKE_CHARS
    rows = [
        (
            thousands(m.row),
            m.text if whole else _short(m.text),
            *([_short(m.pair)] if pairs else []),
            _word(m.label, m, lang),
            _word(m.predicted, m, lang),
            _degree(m.degree),
        )
        for m in shown
    ]
    told = translate(lang, "result.more_mistakes", shown=thousands(len(shown)), n=thousands(total))
    more = caption(told) if total > len(shown) else ""
    return f'<div class="bd-mistake-table">{table(headers, rows, numeric=(0, len(names) - 1))}</div>{more}'


def _mistake_list(mistakes: Sequence[Mistake], total: int, lang: str, task: str = "") -> str:
    if not mistakes:
        return caption(translate(lang, "result.no_mistakes"))
    told = _own("result.mistake", task)
    items = join(
        f"<li>{_quoted(m)}<span>"
        + esc(
            translate(
                lang,
                told,
                label=_word(m.label, m, lang),
                predicted=_word(m.predicted, m, lang),
                sure=_degree(m.degree, 0),
            )
        )
        + "</span></li>"
        for m in mistakes
    )
    first = caption(plural(lang, _own("result.three_of", task), total))
    return f'{first}<ul class="bd-mistakes">{items}</ul>'


def _quoted(mistake: Mistake) -> str:
    """Draw the text, with the second one where there is one; what the model marked in it is marked."""
    if not (mistake.predicted_spans or mistake.true_spans):
        return "".join(f"<q>{esc(_short(text))}</q>" for text in (mistake.text, mistake.pair) if text)
    marks = [(mark.start, mark.end, mark.label, "") for mark in mistake.predicted_spans]
    if not mistake.pair:
        return spans(mistake.text, marks)
    # Of a passage the part around the answer, or around the right one where none was given.
    at = (mistake.predicted_spans or mistake.true_spans)[0]
    return f"<q>{esc(_short(mistake.text))}</q>{spans(*around(mistake.pair, marks, (at.start, at.end), _TEXT))}"


def _short(text: str) -> str:
    return text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"
