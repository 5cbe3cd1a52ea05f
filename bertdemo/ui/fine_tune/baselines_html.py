"""What reaches how far without fine-tuning, as points on one line, and what that says about fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence

from bertdemo.analysis.baselines import Baseline
from bertdemo.analysis.report.class_balance import FEW_ROWS_PER_LABEL
from bertdemo.i18n.translation import plural, score, seconds, translate
from bertdemo.tasks.results import Score
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import banner, caption, empty_state, interval, join, note, root
from bertdemo.ui.html.runs import metric_word

# Rows per label below which the page says that fine-tuning is unlikely to beat the baselines.
FEW_ROWS = FEW_ROWS_PER_LABEL


def render_baselines(baselines: Sequence[Baseline], rows_per_label: float | None, lang: str) -> str:
    """Draw each baseline's headline with its interval, then answer whether fine-tuning is worth it."""
    if not baselines:
        return root(empty_state(translate(lang, "baseline.empty")))
    lines = join(_line(baseline, lang) for baseline in baselines)
    # TF-IDF and the linear probe; a majority class says nothing about the texts.
    linear_baselines = [baseline for baseline in baselines if baseline.kind != "majority"]
    if not linear_baselines:
        return root(f"{lines}{note(translate(lang, 'baseline.too_few'))}", "bd-baselines")
    scored = "baseline.scored" if linear_baselines[0].folds else "baseline.scored_unfitted"
    folds = {"folds": linear_baselines[0].folds} if linear_baselines[0].folds else {}
    parts = [plural(lang, scored, linear_baselines[0].rows, **folds)]
    if rows_per_label is not None and not can_keep(baselines):
        parts.append(translate(lang, "baseline.not_here"))
    return root(lines + join(map(caption, parts)) + _answer(linear_baselines, rows_per_label, lang), "bd-baselines")


def can_keep(baselines: Sequence[Baseline]) -> bool:
    """Return whether the regression on the frozen encoder was scored, which a run can keep as a checkpoint."""
    return any(baseline.kind == "frozen" for baseline in baselines)


def _line(baseline: Baseline, lang: str) -> str:
    metric, value = next(iter(baseline.metrics.items()))
    name = translate(lang, f"baseline.{baseline.kind}")
    words = score(lang, value.value, value.low, value.high)
    if metric != "accuracy":
        words = f"{metric_word(metric, lang)} {words}"
    took = translate(lang, "baseline.took", time=seconds(lang, baseline.seconds))
    return (
        f'<div class="bd-metric"><span>{esc(name)}</span>'
        f"{_interval(value, f'{name}: {words}')}<b>{esc(words)}</b>"
        f"<small>{esc(took) if baseline.folds else ''}</small></div>"
    )


def _interval(value: Score, label: str) -> str:
    if value.low is None or value.high is None:
        return ""
    return interval(value.value, value.low, value.high, label)


def _answer(linear_baselines: Sequence[Baseline], rows_per_label: float | None, lang: str) -> str:
    # By the headline metric, the first of each.
    best = max(linear_baselines, key=lambda baseline: next(iter(baseline.metrics.values())).value)
    metric, top = next(iter(best.metrics.items()))
    values = {
        "model": translate(lang, f"baseline.named.{best.kind}"),
        "accuracy": f"{top.value:.3f}" if metric == "accuracy" else f"{metric_word(metric, lang)} {top.value:.3f}",
        "time": seconds(lang, best.seconds),
    }
    if rows_per_label is not None and rows_per_label < FEW_ROWS:
        few = translate(lang, "baseline.few", n=f"{rows_per_label:.0f}", most=FEW_ROWS, **values)
        keep = translate(lang, "baseline.keep_few") if can_keep(linear_baselines) else ""
        return banner(f"{few} {keep}".strip())
    return note(translate(lang, "baseline.worth", **values))
