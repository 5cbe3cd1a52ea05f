"""Two runs side by side: both scores on one strip, both curves in one chart, and only what differs between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bertdemo.i18n.translation import has, score, translate
from bertdemo.runs.evaluation import EvaluatedRow
from bertdemo.runs.request import RunRequest
from bertdemo.runs.status import RunStatus
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import caption, empty_state, heading, join, key, note, root
from bertdemo.ui.html.runs import metric_word
from bertdemo.ui.html.scores import plot
from bertdemo.ui.html.scores.headline import Measured
from bertdemo.ui.html.scores.saving import picture
from bertdemo.ui.html.scores.strip import score_strip
from bertdemo.ui.runs.html.inputs import Named, data_of, settings_of, split_of

# Classes of the open run and of the other one: a disk and a solid line, a square and a dashed line.
_LOOKS = ("first", "second")
_COLORS = ("blue", "violet")
# Where one of them has no such input.
_NOTHING = "–"


@dataclass(frozen=True)
class Side:
    """One of the two runs."""

    name: str
    status: RunStatus
    request: RunRequest
    rows: Sequence[EvaluatedRow]


def render_compare(this: Side, other: Side, lang: str) -> str:
    """Draw the comparison; a run of another task is refused with a sentence."""
    if this.status.task != other.status.task:
        task = f"task.{other.status.task}"
        words = translate(lang, task) if has(task) else other.status.task
        return root(note(translate(lang, "runs.compare.other_task", name=other.name, task=words)), "bd-compare")
    sides = (this, other)
    parts = [_scores(sides, lang), _curves(sides, lang), heading(translate(lang, "runs.compare.differs"))]
    rows = differing(sides, lang)
    parts.append(_table(rows, sides, lang) if rows else caption(translate(lang, "runs.compare.same")))
    return root(join(parts), "bd-compare")


def render_nothing_to_compare(lang: str, *, alone: bool) -> str:
    """Say what will be here once another run is chosen, or that there is none."""
    return root(empty_state(translate(lang, "runs.compare.alone" if alone else "runs.compare.choose")))


def differing(sides: tuple[Side, Side], lang: str) -> list[tuple[str, str, str]]:
    """Return (name, value here, value there) of every input in which the two runs differ."""
    this, other = (dict(_inputs(side, lang)) for side in sides)
    names = [*this, *(name for name in other if name not in this)]
    rows = [(name, this.get(name, _NOTHING), other.get(name, _NOTHING)) for name in names]
    return [row for row in rows if row[1] != row[2]]


def conclusion(sides: tuple[Side, Side], lang: str) -> str:
    """Return in one sentence whether one of the two scores is better."""
    this, other = (Measured.of(side.status) for side in sides)
    if this is None or other is None or this.metric != other.metric:
        return translate(lang, "runs.compare.no_score")
    if None in (this.low, this.high, other.low, other.high):
        return translate(lang, "runs.compare.no_interval")
    better, worse = (this, other) if this.value >= other.value else (other, this)
    if (better.low or 0.0) <= (worse.high or 0.0):
        return translate(lang, "runs.compare.overlap")
    best = better if not this.lower_is_better else worse
    return translate(lang, "runs.compare.better", name=sides[0].name if best is this else sides[1].name)


def same_examples(sides: tuple[Side, Side]) -> bool:
    """Return whether both were evaluated on the same examples."""
    this, other = ({(str(row.get("text")), str(row.get("pair"))) for row in side.rows} for side in sides)
    return this == other


def _inputs(side: Side, lang: str) -> Named:
    started = side.status.started
    seed = [(translate(lang, "config.split_seed"), str(side.request.split_seed))]
    if started is None:
        return [*data_of(side.request, lang), *seed]
    return [*data_of(side.request, lang), *split_of(started, lang), *seed, *settings_of(started, lang)]


def _scores(sides: tuple[Side, Side], lang: str) -> str:
    measured = [Measured.of(side.status) for side in sides]
    lines = join(
        f'<li class="{look}"><i aria-hidden="true"></i><b>{esc(_value(it, lang))}</b> '
        f"<span>{esc(side.name)}</span></li>"
        for look, side, it in zip(_LOOKS, sides, measured, strict=True)
    )
    words = "; ".join(f"{side.name}: {_value(it, lang)}" for side, it in zip(sides, measured, strict=True))
    strip = score_strip((), words, *(it.estimate for it in measured if it)) if all(measured) else ""
    verdict = f'<p class="bd-verdict">{esc(conclusion(sides, lang))}</p>'
    apart = "" if not all(measured) or same_examples(sides) else note(translate(lang, "runs.compare.other_examples"))
    versus = f'<ul class="bd-versus">{lines}</ul>'
    return (picture("scores", versus + strip, lang) if strip else versus) + verdict + apart


def _value(measured: Measured | None, lang: str) -> str:
    if measured is None:
        return _NOTHING
    return f"{metric_word(measured.metric, lang)} {score(lang, measured.value, measured.low, measured.high)}"


def _curves(sides: tuple[Side, Side], lang: str) -> str:
    """Draw the metric that chose the epoch, of both runs in one chart; a linear probe has no curve."""
    started = [side.status.started for side in sides if side.status.started and side.status.evaluations]
    if not started:
        return ""
    metric = started[0].metric
    lines = [
        plot.Line(side.name, color, [(it.epoch, it.metrics.get(metric, 0.0)) for it in side.status.evaluations], True)
        for side, color in zip(sides, _COLORS, strict=True)
        if side.status.evaluations
    ]
    values = [y for line in lines for _, y in line.points]
    axis, end = translate(lang, "run.epochs_axis"), float(max(it.epochs for it in started))
    unit = min(values) >= 0 and max(values) <= 1
    axes = plot.unit_axes(end, axis) if unit else plot.round_axes(end, max(values), axis)
    title = translate(lang, "run.metric_curve", metric=metric_word(metric, lang))
    drawn = plot.draw(lines, axes, title, kind="both")
    names = key(list(zip(_COLORS, (side.name for side in sides), strict=True)))
    return heading(title) + picture("curves", names + drawn, lang)


def _table(rows: Sequence[tuple[str, str, str]], sides: tuple[Side, Side], lang: str) -> str:
    head = join(f'<th scope="col">{esc(text)}</th>' for text in (translate(lang, "runs.compare.input"), *_names(sides)))
    body = join(
        f'<tr><th scope="row">{esc(name)}</th>' + join(f"<td>{esc(value)}</td>" for value in values) + "</tr>"
        for name, *values in rows
    )
    return (
        f'<div class="bd-scroll bd-differs" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _names(sides: tuple[Side, Side]) -> tuple[str, str]:
    return sides[0].name, sides[1].name
