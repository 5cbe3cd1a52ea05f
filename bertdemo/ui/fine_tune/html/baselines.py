"""Baselines as ticks on one line, and what they say about fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence

from bertdemo.analysis.baselines import Baseline
from bertdemo.analysis.report.class_balance import FEW_ROWS_PER_LABEL
from bertdemo.i18n.translation import plural, seconds, translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import banner, caption, empty_state, join, note, root
from bertdemo.ui.html.runs import metric_word
from bertdemo.ui.html.scores.headline import baseline_name
from bertdemo.ui.html.scores.strip import Mark, score_strip

# Rows per label below which the page says that fine-tuning is unlikely to beat the baselines.
FEW_ROWS = FEW_ROWS_PER_LABEL


def render_baselines(baselines: Sequence[Baseline], rows_per_label: float | None, lang: str, task: str = "") -> str:
    """Draw each baseline's headline on one strip, then answer whether fine-tuning is worth it."""
    if not baselines:
        return root(empty_state(translate(lang, "baseline.empty")))
    metric = next(iter(baselines[0].metrics))
    marks = [_mark(baseline, task, lang) for baseline in baselines]
    words = join(f"<li>{esc(mark.name)}: {esc(mark.title)}</li>" for mark in marks)
    strip = score_strip(marks, f"{metric_word(metric, lang)}: {', '.join(mark.title for mark in marks)}")
    # TF-IDF and the linear probe; a majority class says nothing about the texts.
    linear_baselines = [baseline for baseline in baselines if baseline.kind != "majority"]
    if not linear_baselines:
        return root(f"{strip}<ul>{words}</ul>{note(translate(lang, 'baseline.too_few'))}", "bd-baselines")
    scored = "baseline.scored" if linear_baselines[0].folds else "baseline.scored_unfitted"
    folds = {"folds": linear_baselines[0].folds} if linear_baselines[0].folds else {}
    parts = [plural(lang, scored, linear_baselines[0].rows, **folds)]
    if rows_per_label is not None and not can_keep(baselines):
        parts.append(translate(lang, "baseline.not_here"))
    how = esc(translate(lang, "fine_tune.baseline.how"))
    folded = f"<details><summary>{how}</summary><ul>{words}</ul>{join(map(caption, parts))}</details>"
    return root(strip + _answer(linear_baselines, rows_per_label, lang) + folded, "bd-baselines")


def can_keep(baselines: Sequence[Baseline]) -> bool:
    """Return whether the regression on the frozen encoder was scored, which a run can keep as a checkpoint."""
    return any(baseline.kind == "frozen" for baseline in baselines)


def _mark(baseline: Baseline, task: str, lang: str) -> Mark:
    metric, value = next(iter(baseline.metrics.items()))
    words = f"{value.value:.3f}"
    if value.low is not None and value.high is not None:
        words += f" [{value.low:.3f}, {value.high:.3f}]"
    if metric != "accuracy":
        words = f"{metric_word(metric, lang)} {words}"
    if baseline.folds:
        words += f", {translate(lang, 'baseline.took', time=seconds(lang, baseline.seconds))}"
    return Mark(baseline_name(baseline.kind, task, lang), value.value, words)


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
