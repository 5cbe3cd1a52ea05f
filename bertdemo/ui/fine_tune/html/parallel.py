"""Parallel coordinates: one axis per hyper-parameter and one for the score, one line per trial.

The axes lie below one another, so that they and their names fit a phone. Each line can be reached with the keyboard,
and says its settings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from bertdemo.i18n.translation import translate
from bertdemo.runs.studies.study import Dimension, Trial, Value
from bertdemo.ui.fine_tune.html.study_table import field_word, settings_words, value_word
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import join, key
from bertdemo.ui.html.runs import metric_word

# Pixels from one axis to the next: a name above each, and slopes that can be told apart.
_GAP = 52
_TOP = 26


def render_parallel(space: Sequence[Dimension], trials: Sequence[Trial], best: Trial | None, lang: str) -> str:
    """Draw all trials with a score; "" with fewer than two, which are no picture."""
    scored = [trial for trial in trials if trial.score]
    if len(scored) < 2:
        return ""
    values = [trial.score.value for trial in scored if trial.score]
    low, high = min(values), max(values)
    height = _TOP + _GAP * len(space) + 12
    metric = scored[0].score.metric if scored[0].score else ""
    axes = join(_axis(at, field_word(it.field, lang), *_ends(it, lang)) for at, it in enumerate(space))
    axes += _axis(len(space), metric_word(metric, lang), f"{low:.3f}", f"{high:.3f}")
    ordered = sorted(scored, key=lambda trial: trial is best)  # the best one is drawn last, above the others
    lines = join(_line(trial, space, (low, high), trial is best, lang) for trial in ordered)
    svg = (
        f'<svg viewBox="0 0 100 {height}" preserveAspectRatio="none" role="group" '
        f'aria-label="{esc(translate(lang, "study.parallel_alt", n=len(scored)))}">{lines}</svg>'
    )
    looks = key([("one", translate(lang, "study.line")), ("best", translate(lang, "study.line_best"))])
    return f'<div class="bd-parallel" style="height:{height}px">{axes}{svg}</div>{looks}'


def _ends(dimension: Dimension, lang: str) -> tuple[str, str]:
    """Return the words at both ends of an axis."""
    if dimension.kind == "choice":
        return value_word(dimension.choices[0], lang), value_word(dimension.choices[-1], lang)
    low, high = (int(end) if dimension.kind == "int" else end for end in (dimension.low, dimension.high))
    return value_word(low, lang), value_word(high, lang)


def _axis(at: int, name: str, low: str, high: str) -> str:
    top = _TOP + _GAP * at
    return (
        f'<div class="axis" style="top:{top}px"><b>{esc(name)}</b><span>{esc(low)}</span><span>{esc(high)}</span></div>'
    )


def _line(trial: Trial, space: Sequence[Dimension], scores: tuple[float, float], best: bool, lang: str) -> str:
    value = trial.score.value if trial.score else 0.0
    low, high = scores
    places = [_place(dimension, trial.variant.settings.get(dimension.field)) for dimension in space]
    places.append(0.5 if high == low else (value - low) / (high - low))
    # Two percent of room at both ends, so that the ends of a line are whole.
    points = " ".join(f"{2 + 96 * place:.1f},{_TOP + _GAP * at}" for at, place in enumerate(places))
    name = translate(lang, "study.role.trial", n=trial.number + 1)
    words = esc(f"{name}: {settings_words(trial.variant, lang)} · {value:.3f}")
    return (
        f'<polyline class="{"best" if best else "one"}" points="{points}" vector-effect="non-scaling-stroke" '
        f'tabindex="0" role="img" aria-label="{words}"><title>{words}</title></polyline>'
    )


def _place(dimension: Dimension, value: Value) -> float:
    """Return where a value is on its axis, 0 to 1."""
    if dimension.kind == "choice":
        last = len(dimension.choices) - 1
        return dimension.choices.index(value) / last if value in dimension.choices and last else 0.5
    number, low, high = float(value or 0), dimension.low, dimension.high
    if dimension.kind == "log":
        number, low, high = (math.log(max(it, 1e-12)) for it in (number, low, high))
    return min(max((number - low) / (high - low), 0.0), 1.0) if high > low else 0.5
