"""The headline of a run: its score with its interval, every baseline on one strip, one sentence of verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bertdemo.i18n.translation import plural, translate
from bertdemo.runs.status import RunStatus
from bertdemo.tasks import TASKS
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import caption, join, note
from bertdemo.ui.html.runs import metric_word
from bertdemo.ui.html.scores.strip import Estimate, Mark, score_strip

# How a run was trained -> the words for one that was stopped.
_KEPT_UNEVALUATED = {
    "fine_tune": "result.not_evaluated",
    "probe": "result.not_measured",
    "contrastive": "result.tuned_not_evaluated",
}
_NOTHING_KEPT = {
    "fine_tune": "result.nothing_kept",
    "probe": "result.nothing_fitted",
    "contrastive": "result.nothing_tuned",
}


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

    @property
    def estimate(self) -> Estimate:
        """The score with the ends of its interval."""
        return Estimate(self.value, self.low, self.high)

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


def draw_headline(measured: Measured, status: RunStatus, lang: str) -> str:
    """Draw the score with its interval, the strip with every baseline, and the verdict."""
    parts = [
        score_line(measured, lang),
        caption(evaluated_on(status, lang)),
        baseline_strip(measured, status.task, lang),
        f'<p class="bd-verdict">{esc(verdict(measured, status.task, lang))}</p>',
    ]
    if status.stepless:
        parts.append(caption(translate(lang, "result.frozen")))
    return join(parts)


def not_evaluated(status: RunStatus, lang: str) -> str:
    """Say why a run has no score: it was stopped too early, or it has not ended well; "" where it goes on."""
    method = "contrastive" if status.contrastive else "probe" if status.stepless else "fine_tune"
    if status.kept_unevaluated:
        return note(translate(lang, _KEPT_UNEVALUATED[method]))
    if status.ended and not status.checkpoint and status.state == "cancelled":
        return note(translate(lang, _NOTHING_KEPT[method]))
    return ""


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


def baseline_name(kind: str, task: str, lang: str) -> str:
    """Return the name of a baseline; the trivial one of a task without labels has another."""
    known = TASKS.get(task)
    if kind == "majority" and known is not None and not known.categories:
        return translate(lang, "fine_tune.baseline.trivial")
    return translate(lang, f"fine_tune.baseline.{kind}")


def score_line(measured: Measured, lang: str) -> str:
    """Draw the score large, then its interval and its name."""
    ends = ""
    if measured.low is not None and measured.high is not None:
        ends = f' <span class="ends">[{measured.low:.3f}, {measured.high:.3f}]</span>'
    name = esc(metric_word(measured.metric, lang))
    return f'<div class="bd-big">{measured.value:.3f}{ends} <small>{name}</small></div>'


def evaluated_on(status: RunStatus, lang: str) -> str:
    """Return on how many examples of which part a run was evaluated."""
    on = status.evaluated_on or "validation"
    words = translate(lang, f"result.on_{'held_out' if not status.chooses_epoch and on == 'validation' else on}")
    return plural(lang, "result.measured", status.evaluated_rows, on=words)


def baseline_strip(measured: Measured, task: str, lang: str) -> str:
    """Draw the score and every baseline on a line from 0 to 1; "" for a metric on another scale."""
    marks = [Mark(baseline_name(kind, task, lang), value) for kind, value in measured.baselines.items()]
    words = [
        f"{metric_word(measured.metric, lang)} {measured.value:.3f}",
        *(f"{it.name} {it.value:.3f}" for it in marks),
    ]
    return score_strip(marks, ", ".join(words), measured.estimate)
