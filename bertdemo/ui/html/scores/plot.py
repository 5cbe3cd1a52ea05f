"""One chart at any width: lines in an SVG that stretches, everything with words in HTML that does not.

Baselines are named in the margin at the right, so that no line runs through a name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import join

Point = tuple[float, float]
# Least distance of two names in the margin, in percent of the height of the large chart: 18 of 326 pixels.
_NAME_GAP = 5.6
# Points that are drawn as dots; more would hide the line.
_MOST_DOTS = 60
_TICKS = 4


@dataclass(frozen=True)
class Line:
    """One series; `dots` also draws its points, each with its value as a title."""

    name: str
    color: str
    points: Sequence[Point]
    dots: bool = False


@dataclass(frozen=True)
class Axes:
    """The range of both axes; x begins at 0."""

    x_end: float
    low: float
    high: float
    ticks: Sequence[float]
    x_name: str
    whole_epochs: bool = True


def unit_axes(x_end: float, x_name: str) -> Axes:
    """Return the axes of a score between 0 and 1."""
    return Axes(x_end, 0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0), x_name)


def round_axes(x_end: float, largest: float, x_name: str) -> Axes:
    """Return axes from 0 to at least `largest`, with round ticks."""
    step = _round_step(max(largest, 1e-9) / _TICKS)
    count = max(1, math.ceil(max(largest, 1e-9) / step - 1e-9))
    return Axes(x_end, 0.0, step * count, tuple(step * i for i in range(count + 1)), x_name)


def draw(
    lines: Sequence[Line],
    axes: Axes,
    label: str,
    *,
    kind: str,
    baselines: Sequence[tuple[str, float]] = (),
    ring: Point | None = None,
    empty: str = "",
) -> str:
    """Draw the chart; `kind` is its class, `ring` the point that was kept, `empty` stands where there is no point."""
    grid = join(_tick(value, axes) for value in axes.ticks)
    series = join(_polyline(line, axes) for line in lines if line.points)
    dots = join(_dots(line, axes) for line in lines if line.dots)
    ringed = "" if ring is None else f'<b class="ring" style="{_place(ring, axes)}"></b>'
    words = "" if any(line.points for line in lines) else f'<p class="none">{esc(empty)}</p>'
    svg = f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{series}</svg>'
    ends = ("first", "0"), ("", axes.x_name), ("last", f"{axes.x_end:g}")
    x_ticks = join(f'<span class="x {place}">{esc(text)}</span>' for place, text in ends)
    return (
        f'<div class="bd-plot {esc(kind)}" role="img" aria-label="{esc(label)}"><div class="area">'
        f"{grid}{_baselines(baselines, axes)}{svg}{dots}{ringed}{words}</div>{x_ticks}</div>"
    )


def number(value: float) -> str:
    """Write a tick with as few digits as it needs."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) < 100 else f"{value:,.0f}"


def _round_step(least: float) -> float:
    power: float = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= least * (1 - 1e-9))


def _y(value: float, axes: Axes) -> float:
    """Return the distance from the top in percent."""
    share = (value - axes.low) / ((axes.high - axes.low) or 1.0)
    return 100 * (1 - min(max(share, 0.0), 1.0))


def _x(value: float, axes: Axes) -> float:
    return 100 * min(max(value / (axes.x_end or 1.0), 0.0), 1.0)


def _place(point: Point, axes: Axes) -> str:
    return f"left:{_x(point[0], axes):.2f}%;top:{_y(point[1], axes):.2f}%"


def _tick(value: float, axes: Axes) -> str:
    top = f"top:{_y(value, axes):.2f}%"
    return f'<i class="grid" style="{top}"></i><span class="y" style="{top}">{number(value)}</span>'


def _polyline(line: Line, axes: Axes) -> str:
    path = " ".join(f"{_x(x, axes):.2f},{_y(y, axes):.2f}" for x, y in line.points)
    return f'<polyline class="{esc(line.color)}" points="{path}" vector-effect="non-scaling-stroke"/>'


def _dots(line: Line, axes: Axes) -> str:
    def dot(point: Point) -> str:
        title = esc(f"{line.name}, {point[0]:g}: {point[1]:.3f}")
        return f'<b class="dot {esc(line.color)}" style="{_place(point, axes)}" title="{title}"></b>'

    return join(map(dot, line.points[-_MOST_DOTS:]))


def _baselines(baselines: Sequence[tuple[str, float]], axes: Axes) -> str:
    """Draw a dashed line for each baseline, and its name in the margin, moved until no two names touch."""
    placed = sorted(((_y(value, axes), words) for words, value in baselines))
    tops = [top for top, _ in placed]
    for i in range(1, len(tops)):
        tops[i] = max(tops[i], tops[i - 1] + _NAME_GAP)
    if tops and tops[-1] > 100:  # pushed out at the bottom: the names above it make room
        tops[-1] = 100.0
        for i in range(len(tops) - 2, -1, -1):
            tops[i] = min(tops[i], tops[i + 1] - _NAME_GAP)
    return join(
        f'<i class="base" style="top:{line:.2f}%"></i>'
        f'<span class="base" style="top:{top:.2f}%" title="{esc(words)}">{esc(words)}</span>'
        for (line, words), top in zip(placed, tops, strict=True)
    )
