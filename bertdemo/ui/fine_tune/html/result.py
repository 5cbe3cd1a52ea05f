"""A finished run: its score beside every baseline, a verdict in one sentence, the confused labels, the mistakes."""

from __future__ import annotations

from bertdemo.i18n.translation import translate
from bertdemo.runs.evaluation import Evaluation
from bertdemo.runs.status import RunStatus
from bertdemo.tasks import TASKS
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.mistakes import mistake_list
from bertdemo.ui.html.primitives import join, root, short, table
from bertdemo.ui.html.scores.headline import Measured, draw_headline, not_evaluated

# Pairs of labels in the list of confusions.
_PAIRS = 8
_LABEL_CHARS = 40


def render_outcome(status: RunStatus, lang: str) -> str:
    """Draw the score with its interval, the strip with every baseline, and the verdict."""
    measured = None if status.kept_unevaluated else Measured.of(status)
    if measured is not None:
        return root(draw_headline(measured, status, lang), "bd-outcome")
    reason = not_evaluated(status, lang)
    return root(reason, "bd-outcome") if reason else ""


def render_more(status: RunStatus, evaluation: Evaluation | None, lang: str) -> str:
    """Draw what stands below the fold: the pairs of labels that are confused, then mistakes."""
    task = TASKS.get(status.task)
    if evaluation is None or (task is not None and not task.judges):
        return ""
    parts = []
    if pairs := evaluation.confusions[:_PAIRS]:
        headers = [translate(lang, f"result.{name}") for name in ("true", "predicted")]
        rows = [(short(it.true, _LABEL_CHARS), short(it.predicted, _LABEL_CHARS), str(it.rows)) for it in pairs]
        drawn = table([*headers, translate(lang, "result.column.rows")], rows, numeric=(2,))
        parts.append(f"<section><h3>{esc(translate(lang, 'fine_tune.result.confused'))}</h3>{drawn}</section>")
    listed = mistake_list(evaluation.mistakes, lang, status.task)
    parts.append(f"<section><h3>{esc(translate(lang, 'fine_tune.result.mistakes'))}</h3>{listed}</section>")
    return root(f'<div class="bd-below">{join(parts)}</div>')
