"""The [CLS] vectors of held-out texts before and after training, in one plane, as points that glide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bertdemo.i18n.translation import percent, translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import join, root, short

# Units of the picture, and the room that is left around the points.
_SIZE, _MARGIN = 340, 14
_COLORS = ("blue", "orange", "green", "violet")
# Paths of about the same area around (0, 0): with the colors, 24 looks for labels.
_SHAPES = (
    "M5 0A5 5 0 1 1 -5 0A5 5 0 1 1 5 0Z",
    "M-4.5 -4.5H4.5V4.5H-4.5Z",
    "M0 -6L5.5 4.5H-5.5Z",
    "M0 -6.2L6.2 0L0 6.2L-6.2 0Z",
    "M0 6L5.5 -4.5H-5.5Z",
    "M-2 -6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z",
)
# Labels in the legend; of more, the rest is counted.
_LEGEND = 8
_TEXT_CHARS = 160
_LABEL_CHARS = 24

Place = tuple[float, float]


@dataclass(frozen=True)
class MapDot:
    """One held-out text at its two places."""

    text: str
    label: str
    before: Place
    after: Place


def render_map(dots: Sequence[MapDot], explained: tuple[float, float], lang: str) -> str:
    """Draw the points at their places before training; the page's script lets them glide to those after it."""
    if not dots:
        return ""
    labels = sorted({dot.label for dot in dots})
    low, high = _bounds(dots)
    body = join(_dot(dot, labels.index(dot.label), low, high) for dot in dots)
    title = esc(translate(lang, "fine_tune.map.title"))
    alt = esc(translate(lang, "fine_tune.map.alt", n=len(dots)))
    words = {name: esc(translate(lang, f"fine_tune.map.{name}")) for name in ("before", "after", "replay", "hint")}
    share = esc(translate(lang, "fine_tune.map.explained", share=percent(sum(explained), 0)))
    return root(
        f'<div class="bd-cls-map-head"><b>{title}</b><span class="when before">{words["before"]}</span>'
        f'<span class="when after">{words["after"]}</span>'
        f'<button type="button" class="bd-link" data-replay>{words["replay"]}</button></div>'
        f'<svg class="bd-cls-map" viewBox="0 0 {_SIZE} {_SIZE}" role="group" aria-label="{alt}">{body}</svg>'
        f'<p class="bd-cls-map-read" aria-live="polite" data-hint="{words["hint"]}">{words["hint"]}</p>'
        f'<div class="bd-cls-map-key">{_legend(labels, lang)}</div><p class="bd-caption">{share}</p>'
    )


def _bounds(dots: Sequence[MapDot]) -> tuple[Place, Place]:
    places = [place for dot in dots for place in (dot.before, dot.after)]
    xs, ys = [x for x, _ in places], [y for _, y in places]
    return (min(xs), min(ys)), (max(xs), max(ys))


def _scaled(place: Place, low: Place, high: Place) -> Place:
    # One scale for both directions, or distances would mean two things.
    span = max(high[0] - low[0], high[1] - low[1]) or 1.0
    room = _SIZE - 2 * _MARGIN
    x = _MARGIN + room * (0.5 + (place[0] - (low[0] + high[0]) / 2) / span)
    y = _MARGIN + room * (0.5 - (place[1] - (low[1] + high[1]) / 2) / span)
    return round(x, 1), round(y, 1)


def _look(index: int) -> tuple[str, str]:
    return _COLORS[index % len(_COLORS)], _SHAPES[index % len(_SHAPES)]


def _dot(dot: MapDot, index: int, low: Place, high: Place) -> str:
    color, path = _look(index)
    (bx, by), (ax, ay) = _scaled(dot.before, low, high), _scaled(dot.after, low, high)
    words = f"{short(dot.label, _LABEL_CHARS)}: {short(dot.text, _TEXT_CHARS)}"
    return (
        f'<path class="{color}" d="{path}" style="--bx:{bx}px;--by:{by}px;--ax:{ax}px;--ay:{ay}px" tabindex="0" '
        f'role="img" aria-label="{esc(words)}" data-read="{esc(words)}"/>'
    )


def _legend(labels: Sequence[str], lang: str) -> str:
    items = join(
        f'<span><svg viewBox="-7 -7 14 14" aria-hidden="true"><path class="{_look(i)[0]}" d="{_look(i)[1]}"/></svg>'
        f"{esc(short(label, _LABEL_CHARS))}</span>"
        for i, label in enumerate(labels[:_LEGEND])
    )
    rest = len(labels) - _LEGEND
    return items + (f"<span>{esc(translate(lang, 'common.more', n=rest))}</span>" if rest > 0 else "")
