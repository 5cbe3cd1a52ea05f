"""A finished run: its score beside every baseline, a verdict in one sentence, the confused labels, the mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bertdemo.i18n.translation import plural, translate
from bertdemo.runs.evaluation import Evaluation
from bertdemo.runs.status import RunStatus
from bertdemo.tasks import TASKS
from bertdemo.ui.fine_tune.html.strip import Estimate, Mark, score_strip
from bertdemo.ui.fine_tune.html.training import baseline_name
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.mistakes import mistake_list
from bertdemo.ui.html.primitives import caption, join, note, root, short, table
from bertdemo.ui.html.runs import metric_word

# Pairs of labels in the list of confusions.
_PAIRS = 8
_LABEL_CHARS = 40


@dataclass(frozen=True)
class Measured:
    """The headline of a run and what it is compared with."""

    metric: str
    value: float
    low: float | None
    high: float | None
    baselines: Mapping[str, float]
    """Kind of baseline -> its score in this metric."""
    lower_is_better: bool = False

    @classmethod
    def of(cls, status: RunStatus) -> Measured | None:
        """Return what was measured; None where nothing was."""
        scores = status.metrics.get(status.headline)
        if scores is None or scores["value"] is None:
            return None
        started = status.started
        baselines = {kind: it.value for kind, it in status.baselines.items() if it.metric == status.headline}
        if started is not None and started.majority is not None and started.metric == status.headline:
            baselines["majority"] = started.majority
        lower = started is not None and started.metric == status.headline and started.lower_is_better
        return cls(status.headline, scores["value"], scores["low"], scores["high"], baselines, lower)


def render_outcome(status: RunStatus, lang: str) -> str:
    """Draw the score with its interval, the strip with every baseline, and the verdict."""
    if status.kept_unevaluated:
        key = "result.not_measured" if status.stepless else "result.not_evaluated"
        return root(note(translate(lang, key)), "bd-outcome")
    measured = Measured.of(status)
    if measured is None:
        nothing = status.ended and not status.checkpoint and status.state == "cancelled"
        key = "result.nothing_fitted" if status.stepless else "result.nothing_kept"
        return root(note(translate(lang, key)), "bd-outcome") if nothing else ""
    parts = [_big(measured, lang), caption(_evaluated_on(status, lang)), _strip(measured, status.task, lang)]
    parts.append(f'<p class="bd-verdict">{esc(verdict(measured, status.task, lang))}</p>')
    if status.stepless:
        parts.append(caption(translate(lang, "result.frozen")))
    return root(join(parts), "bd-outcome")


def verdict(measured: Measured, task: str, lang: str) -> str:
    """Return in one sentence what the score means beside the baselines that were measured."""
    trained = {kind: value for kind, value in measured.baselines.items() if kind != "majority"}
    sign = -1.0 if measured.lower_is_better else 1.0
    rivals = trained or measured.baselines
    if not rivals:
        return translate(lang, "fine_tune.verdict.alone")
    kind, best = max(rivals.items(), key=lambda item: sign * item[1])
    values = {"baseline": baseline_name(kind, task, lang), "value": f"{best:.3f}"}
    worst = measured.low if sign > 0 else measured.high
    most = measured.high if sign > 0 else measured.low
    if sign * best > sign * (most if most is not None else measured.value):
        which = "below_frozen" if kind == "frozen" else "below" if trained else "below_trivial"
        return translate(lang, f"fine_tune.verdict.{which}", **values)
    if sign * best >= sign * (worst if worst is not None else measured.value):
        return translate(lang, "fine_tune.verdict.within", **values)
    return translate(lang, f"fine_tune.verdict.above{'' if trained else '_trivial'}", **values)


def render_more(status: RunStatus, evaluation: Evaluation | None, lang: str) -> str:
    """Draw what stands below the fold: the pairs of labels that are confused, then mistakes."""
    task = TASKS.get(status.task)
    if evaluation is None or (task is not None and not task.judges):
        return ""
    parts = []
    if pairs := _confused(evaluation):
        headers = [translate(lang, f"result.{name}") for name in ("true", "predicted")]
        rows = [(short(true, _LABEL_CHARS), short(said, _LABEL_CHARS), str(count)) for count, true, said in pairs]
        drawn = table([*headers, translate(lang, "result.column.rows")], rows, numeric=(2,))
        parts.append(f"<section><h3>{esc(translate(lang, 'fine_tune.result.confused'))}</h3>{drawn}</section>")
    listed = mistake_list(evaluation.mistakes, lang, status.task)
    parts.append(f"<section><h3>{esc(translate(lang, 'fine_tune.result.mistakes'))}</h3>{listed}</section>")
    return root(f'<div class="bd-below">{join(parts)}</div>')


def _confused(evaluation: Evaluation) -> list[tuple[int, str, str]]:
    """Return (rows, true label, predicted label) of the most frequent confusions."""
    labels = evaluation.labels
    pairs = [
        (count, labels[i], labels[j])
        for i, row in enumerate(evaluation.counts)
        for j, count in enumerate(row)
        if i != j and count
    ]
    return sorted(pairs, key=lambda pair: -pair[0])[:_PAIRS]


def _big(measured: Measured, lang: str) -> str:
    ends = ""
    if measured.low is not None and measured.high is not None:
        ends = f' <span class="ends">[{measured.low:.3f}, {measured.high:.3f}]</span>'
    name = esc(metric_word(measured.metric, lang))
    return f'<div class="bd-big">{measured.value:.3f}{ends} <small>{name}</small></div>'


def _evaluated_on(status: RunStatus, lang: str) -> str:
    on = status.evaluated_on or "validation"
    words = translate(lang, f"result.on_{'held_out' if status.stepless and on == 'validation' else on}")
    return plural(lang, "result.measured", status.evaluated_rows, on=words)


def _strip(measured: Measured, task: str, lang: str) -> str:
    """Draw the score and every baseline on a line from 0 to 1; "" for a metric on another scale."""
    marks = [Mark(baseline_name(kind, task, lang), value) for kind, value in measured.baselines.items()]
    words = [
        f"{metric_word(measured.metric, lang)} {measured.value:.3f}",
        *(f"{it.name} {it.value:.3f}" for it in marks),
    ]
    return score_strip(marks, ", ".join(words), Estimate(measured.value, measured.low, measured.high))
