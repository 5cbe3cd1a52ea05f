"""Curves: numbers in, SVG out."""

from __future__ import annotations

from collections.abc import Sequence

from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import join

# The plot is 350 units wide, so more points than this cannot be told apart.
MAX_POINTS = 500
# Digits after the decimal point of a tick: more do not fit beside the axis.
_MOST_DIGITS = 3
# Up to this many points are drawn as dots; of more only the last one is, or they would hide the line.
_MOST_DOTS = 20
# Units of the view box: the whole picture, then the margins around the plot.
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 400, 170, 40, 24, 14, 10

Point = tuple[float, float]
# (name, color name of the palette, points).
Series = tuple[str, str, Sequence[Point]]


def thin(points: Sequence[Point], most: int = MAX_POINTS) -> list[Point]:
    """Return at most `most` evenly chosen points, the first and the last always among them."""
    if len(points) <= most:
        return list(points)
    # A fractional step, rounded at each point: the chosen ones are evenly spread to within half a point.
    step = (len(points) - 1) / (most - 1)
    return [points[round(i * step)] for i in range(most)]


def curve(
    series: Sequence[Series],
    label: str,
    x_label: str = "",
    compare: Sequence[tuple[str, float]] = (),
    x_end: float | None = None,
    digits: int = 2,
    y_range: Point | None = None,
) -> str:
    """Draw series from 0 over epochs or layers; `compare` are dashed horizontal lines, each (words, value).

    `x_end` is where the x axis ends, `y_range` the ends of the y axis; without them, the range of the values.
    """
    points = [point for _, _, line in series for point in line]
    if not points:
        return ""
    ys = [y for _, y in points] + [value for _, value in compare]
    low, high = y_range or _padded(min(ys), max(ys))
    left = 0.0  # the axis begins at step 0 or layer 0, even where the first point comes later
    right = max(*(x for x, _ in points), x_end if x_end is not None else left)

    def place(x: float, y: float) -> Point:
        span = (right - left) or 1.0
        return (
            _LEFT + (x - left) / span * (_WIDTH - _LEFT - _RIGHT),
            _TOP + (high - y) / (high - low) * (_HEIGHT - _TOP - _BOTTOM),
        )

    ticks = _ticks(low, high)
    digits = max(0, min(digits, 4 - len(f"{max(abs(low), abs(high)):.0f}")))
    # One more digit while two ticks would be written alike, for a loss that hardly moves.
    while high < 10 and digits < _MOST_DIGITS and len({f"{y:.{digits}f}" for y in ticks}) < len(ticks):
        digits += 1
    # Of ticks that are written alike only the lowest is drawn.
    labels = {f"{y:.{digits}f}" if abs(y) < 1e5 else f"{y:.0e}": y for y in reversed(ticks)}
    body = join(_gridline(place(left, y)[1], text) for text, y in labels.items())
    body += _x_axis(left, right, x_label)
    # Their words are at the right and the left end in turn, so that two lines near each other stay readable.
    body += join(_dashed(place(left, value)[1], words, i % 2 == 1) for i, (words, value) in enumerate(compare))
    body += join(_line(name, color, [place(x, y) for x, y in thin(line)]) for name, color, line in series)
    return (
        f'<svg class="bd-curve" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{esc(label)}">'
        f"<title>{esc(label)}</title>{body}</svg>"
    )


def _padded(low: float, high: float) -> tuple[float, float]:
    """Return the ends of an axis with some room around the values, but none below zero unless a value is."""
    # 8% of the range; for a constant line, 5% of its value.
    room = (high - low) * 0.08 or max(abs(high) * 0.05, 0.005)
    return max(low - room, 0.0) if low >= 0 else low - room, high + room


def _ticks(low: float, high: float, count: int = 4) -> list[float]:
    step = (high - low) / (count - 1)
    return [low + i * step for i in range(count)]


def _gridline(y: float, text: str) -> str:
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{esc(text)}</text>'
    )


def _x_axis(left: float, right: float, words: str) -> str:
    y = _HEIGHT - 6
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    return (
        f'<text x="{_LEFT}" y="{y}">{left:g}</text>'
        f'<text x="{middle:.0f}" y="{y}" text-anchor="middle">{esc(words)}</text>'
        f'<text x="{_WIDTH - _RIGHT}" y="{y}" text-anchor="end">{right:g}</text>'
    )


def _dashed(y: float, words: str, at_left: bool) -> str:
    x, anchor = (_LEFT + 2, "start") if at_left else (_WIDTH - _RIGHT, "end")
    return (
        f'<line class="compare" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="compare" x="{x}" y="{y - 5:.1f}" text-anchor="{anchor}">{esc(words)}</text>'
    )


def _line(name: str, color: str, places: Sequence[Point]) -> str:
    if not places:
        return ""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = places if len(places) <= _MOST_DOTS else [places[-1]]
    return (
        f'<g class="series {esc(color)}"><title>{esc(name)}</title><polyline points="{path}"/>'
        + join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in dots)
        + "</g>"
    )
