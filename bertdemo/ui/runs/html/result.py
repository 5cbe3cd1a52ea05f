"""The result of one run: the score first, then what is confused, each label, and the mistakes."""

from __future__ import annotations

from bertdemo.i18n.translation import has, plural, score, translate
from bertdemo.runs.evaluation import Evaluation
from bertdemo.runs.status import RunStatus
from bertdemo.tasks import TASKS
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.mistakes import mistake_table, task_key
from bertdemo.ui.html.primitives import caption, empty_state, error_state, join, root
from bertdemo.ui.html.runs import message_words, metric_word
from bertdemo.ui.html.scores.headline import (
    Measured,
    baseline_strip,
    evaluated_on,
    not_evaluated,
    score_line,
    verdict,
)
from bertdemo.ui.html.scores.saving import csv_button, picture
from bertdemo.ui.runs.html.confused import draw_confused
from bertdemo.ui.runs.html.labels import draw_labels
from bertdemo.ui.runs.html.matrix import draw_matrix


def render_result(status: RunStatus, evaluation: Evaluation | None, lang: str) -> str:
    """Draw the result; a run without one says why, in its place."""
    measured = None if status.kept_unevaluated else Measured.of(status)
    if measured is None:
        return root(_without_score(status, lang), "bd-result")
    headline = _headline(measured, status, lang)
    if evaluation is None:  # stopped: of its last evaluation only the metrics were kept
        return root(_trouble(status, lang) + headline + caption(translate(lang, "result.no_rows")), "bd-result")
    parts = [_trouble(status, lang), _top(headline, evaluation, lang)]
    if evaluation.per_label:
        title = _title("result.per_label", lang, csv_button("labels", lang))
        parts.append(f"<section>{title}{draw_labels(evaluation, lang)}</section>")
    if _judges(status):
        parts.append(_mistakes(evaluation, status.task, lang))
    return root(join(parts), "bd-result")


def _top(headline_html: str, evaluation: Evaluation, lang: str) -> str:
    """Draw the score with the confused pairs below it, and the matrix beside them."""
    if not evaluation.counts:
        return headline_html
    pairs = _title("result.confused", lang, csv_button("pairs", lang) if evaluation.confusions else "")
    matrix = picture("confusion-matrix", draw_matrix(evaluation.labels, evaluation.counts, lang), lang)
    left = f"<div>{headline_html}<section>{pairs}{draw_confused(evaluation, lang)}</section></div>"
    return f'<div class="bd-result-top">{left}<section>{_title("result.confusion", lang)}{matrix}</section></div>'


def _headline(measured: Measured, status: RunStatus, lang: str) -> str:
    on = [evaluated_on(status, lang), _how(measured.metric, lang)]
    parts = [
        score_line(measured, lang),
        caption(" · ".join(filter(None, on))),
        picture("score", baseline_strip(measured, status.task, lang), lang),
        f'<p class="bd-verdict">{esc(verdict(measured, status.task, lang))}</p>',
        *(_metric(status, name, lang) for name in status.metrics if name != measured.metric),
    ]
    if status.stepless:
        parts.append(caption(translate(lang, "result.frozen")))
    return f'<div class="bd-headline">{join(parts)}</div>'


def _metric(status: RunStatus, name: str, lang: str) -> str:
    """Draw a further metric in one line."""
    metric = status.metrics[name]
    words = score(lang, metric["value"], metric["low"], metric["high"])
    return (
        f'<p class="bd-metric-line"><span>{esc(metric_word(name, lang))}</span> <b>{esc(words)}</b> '
        f"<small>{esc(_how(name, lang))}</small></p>"
    )


def _how(name: str, lang: str) -> str:
    """Return how a metric and its interval are computed; "" for a metric of no known name."""
    return translate(lang, f"metric.{name}_interval") if has(f"metric.{name}_interval") else ""


def _mistakes(evaluation: Evaluation, task: str, lang: str) -> str:
    title = translate(lang, task_key("result.mistakes", task))
    count = plural(lang, "result.mistakes_of", len(evaluation.mistakes))
    if not evaluation.mistakes:
        return f'<section><h2 class="bd-h">{esc(title)}</h2>{caption(translate(lang, "result.no_mistakes"))}</section>'
    head = f'<h2 class="bd-h">{esc(title)}<small>{esc(count)}</small>{csv_button("mistakes", lang)}</h2>'
    return f"<section>{head}{mistake_table(evaluation, lang, task)}</section>"


def _title(key: str, lang: str, button_html: str = "") -> str:
    return f'<h2 class="bd-h">{esc(translate(lang, key))}{button_html}</h2>'


def _without_score(status: RunStatus, lang: str) -> str:
    if reason := not_evaluated(status, lang):
        return _trouble(status, lang) + reason
    if status.message:
        return _trouble(status, lang)
    return empty_state(translate(lang, "result.none_yet" if not status.ended else "result.no_score"))


def _trouble(status: RunStatus, lang: str) -> str:
    """Say why the run failed; one that was stopped before has a result and may have failed when it was resumed."""
    return error_state(message_words(status.message, lang)) if status.message else ""


def _judges(status: RunStatus) -> bool:
    """Return whether a row can be right or wrong; masked language modeling has only its loss."""
    task = TASKS.get(status.task)
    return task is None or task.judges
