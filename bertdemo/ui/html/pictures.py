"""Pictures of vectors, matrices, tokens and maps, for the tab Inside BERT.

A picture with thousands of cells is a canvas: its numbers are in a data attribute (see `packed`) and are painted by
assets/inside.js, which also writes the number under the pointer or the keyboard cursor into `<output>`. Its label
describes it for a screen reader.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bertdemo.anatomy.tokens import Token, TokenTrace
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import join, short
from bertdemo.ui.html.tokens import chip_text, look_of, struck_out, title_of, truncated_texts

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from bertdemo.anatomy.layers import Floats

# Shapes and colors for labels, in the order of use; `other` is for the labels beyond the last one.
GROUPS = ("g0", "g1", "g2", "g3", "g4", "g5")

# (x low, x high, y low, y high).
Bounds = tuple[float, float, float, float]

# Units of the view box: width, height, and the margin in which no point is drawn.
_WIDTH, _HEIGHT, _EDGE = 400.0, 300.0, 24.0
_RADIUS = 3.6
# About how wide a Latin letter and how high a line of a name is; a Chinese character is twice as wide.
_LETTER, _LINE = 6.0, 11.0
# Characters of a name beside a point.
_NAME_CHARS = 18
# Outlines as SVG path templates: center x, y; left l, top t; radius r, diameter d.
_CIRCLE = "M{l:.1f} {y:.1f}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0z"
_SQUARE = "M{l:.1f} {t:.1f}h{d}v{d}h-{d}z"
_DIAMOND = "M{x:.1f} {t:.1f}l{r} {r}l-{r} {r}l-{r} -{r}z"
_TRIANGLE = "M{x:.1f} {t:.1f}l{r} {d}h-{d}z"
_CROSS = "M{l:.1f} {t:.1f}l{d} {d}m0 -{d}l-{d} {d}"
# Group -> outline, a circle for those not named; the style sheet fills or hollows it, so that two groups differ by
# more than their color.
_SHAPES: Mapping[str, str] = {
    "special": _SQUARE,
    "unknown": _CROSS,
    "g0": _CIRCLE,
    "g1": _CIRCLE,
    "g2": _SQUARE,
    "g3": _CROSS,
    "g4": _TRIANGLE,
    "g5": _DIAMOND,
    "other": _CIRCLE,
}


@dataclass(frozen=True)
class Dot:
    """One point of a scatter."""

    x: float
    y: float
    # The look of a token, one of GROUPS, or `other`.
    group: str
    # Shown on hover; a point without one has no element of its own.
    name: str = ""
    # Whether the name is also written beside it.
    named: bool = False


# --- numbers ------------------------------------------------------------------------------------------------


def tiny(value: float) -> str:
    """Write the difference of two computations with one digit: 1.9e-07 -> `2e-7`."""
    if not value:
        return "0"
    digits, _, power = f"{value:.0e}".partition("e")
    return f"{digits}e{int(power)}"


def three(value: float) -> str:
    """Write a number with three significant digits: 0.15 -> `0.150`, 123.4 -> `123`, 0.00002 -> `2.00e-5`."""
    digits, e, power = f"{value:#.3g}".partition("e")
    return digits.rstrip(".") + (f"e{int(power)}" if e else "")


def packed(array: NDArray[Any]) -> str:
    """Return an array's little-endian bytes, in its own type and C order, compressed with zlib, as base64."""
    import numpy as np

    # The page reads the bytes into a typed array, which is little-endian on every device.
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"))
    return base64.b64encode(zlib.compress(little.tobytes(), 6)).decode("ascii")


def largest(*arrays: Floats) -> float:
    """Return the largest absolute value, the scale at which no cell saturates; 1 where all are zero."""
    return max(float(abs(array).max()) for array in arrays) or 1.0


# --- pictures painted by the page ---------------------------------------------------------------------------


def strip(values: Floats, label: str, scale: float) -> str:
    """Draw a vector (d,) as one row of cells: blue for positive, orange for negative, darkest at `scale`."""
    data = {"paint": "strip", "z": packed(values.astype("float32")), "scale": f"{scale:.6g}"}
    return _painted("bd-strip", label, data)


def grid(values: Floats, label: str, scale: float, kind: Literal["signed", "share"]) -> str:
    """Draw a matrix (rows, columns) with one byte per cell.

    `signed` sends round(127 v / scale) as int8, and `share`, for 0..1, round(255 v) as uint8; a cell beyond the
    scale is clipped to the darkest color.
    """
    import numpy as np

    if kind == "signed":
        cells = np.rint(127 * np.clip(values / (scale or 1.0), -1, 1)).astype(np.int8)
    else:
        cells = np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)
    rows, columns = values.shape
    data = {
        "paint": "grid",
        "z": packed(cells),
        "scale": f"{scale:.6g}",
        "rows": rows,
        "columns": columns,
        "kind": kind,
    }
    return _painted("bd-grid", label, data, style=f"--rows:{rows};--columns:{columns}")


def _painted(kind: str, label: str, data: Mapping[str, object], style: str = "") -> str:
    attributes = join(f' data-{name}="{esc(value)}"' for name, value in data.items())
    return (
        f'<div class="{kind}" role="img" tabindex="0" aria-label="{esc(label)}"{attributes}'
        f"{f' style={chr(34)}{style}{chr(34)}' if style else ''}>"
        '<canvas aria-hidden="true"></canvas><output></output></div>'
    )


# --- tokens and code ----------------------------------------------------------------------------------------


def token_strip(trace: TokenTrace, chosen: int, label: str, name: str, lang: str) -> str:
    """Draw all tokens as a row of small buttons, with their position as `data-<name>`.

    Truncated text is struck out where it was cut off. `chosen` is a position, -1 for none.
    """
    cut = truncated_texts(trace)
    parts = []
    for i, token in enumerate(trace.tokens):
        if token.position in cut:
            parts.append(struck_out(cut[token.position], lang, role="note"))
        # Only one of them is in the Tab order; the arrow keys reach the others from it.
        reached = f'data-{esc(name)}="{i}" tabindex="{0 if i == max(chosen, 0) else -1}"'
        parts.append(_token(token, reached, i == chosen, lang))
    return f'<div class="bd-toks" role="group" aria-label="{esc(label)}">{join(parts)}</div>'


def _token(token: Token, data: str, chosen: bool, lang: str) -> str:
    return (
        f'<button type="button" class="bd-tok {look_of(token)}" {data} data-id="{token.id}" '
        f'aria-pressed="{"true" if chosen else "false"}" title="{esc(title_of(token, lang))}">'
        f"{esc(chip_text(token))}</button>"
    )


def name_of(token: Token) -> str:
    """Return the name of a token where it has no chip: with its ##, an unknown one in the visitor's characters."""
    return token.source if token.unknown else token.piece


def code(text: str, copy_word: str) -> str:
    """Draw code with a button that copies it."""
    return (
        f'<div class="bd-code"><button type="button" class="bd-copy" data-copy>{esc(copy_word)}</button>'
        f'<pre tabindex="0"><code>{esc(text)}</code></pre></div>'
    )


def more(label: str, html: str, keep: str = "") -> str:
    """Draw folded details: the numbers behind a picture, as a rule.

    `keep` is a name by which the page keeps it open or closed when the picture is drawn again.
    """
    attribute = f' data-keep="{esc(keep)}"' if keep else ""
    return f'<details class="bd-more"{attribute}><summary>{esc(label)}</summary>{html}</details>'


def subtitle(text: str) -> str:
    """Draw the title of one picture among several of a step."""
    return f'<p class="bd-sub">{esc(text)}</p>'


def figures(headers: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    """Draw a table whose cells are finished HTML: bars, strips. The caller must escape text."""

    def cell(tag: str, column: int, html: str) -> str:
        kind = ' class="n"' if column in numeric else ""
        return f"<{tag}{kind}>{html}</{tag.partition(' ')[0]}>"

    head = join(cell('th scope="col"', i, esc(text)) for i, text in enumerate(headers))
    body = join(f"<tr>{join(cell('td', i, html) for i, html in enumerate(row))}</tr>" for row in rows)
    return (
        '<div class="bd-scroll bd-figures" tabindex="0"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


# --- maps ---------------------------------------------------------------------------------------------------


def points(
    dots: Sequence[Dot], chosen: int | None, label: str, x_label: str, y_label: str, bounds: Bounds | None = None
) -> str:
    """Draw a scatter plot with the same unit on both axes; `bounds` lets two of them share their axes.

    A point with a name is one element; all unnamed points of a group are one path, so that thousands stay fast.
    """
    if not dots:
        return ""
    at = places(dots, bounds or bounds_of(dots))
    each, rest = [], dict[str, str]()
    for dot, place in zip(dots, at, strict=True):
        if dot.name:
            each.append(f'<path class="{esc(dot.group)}" data-name="{esc(dot.name)}" d="{_shape(dot.group, *place)}"/>')
        else:
            rest[dot.group] = rest.get(dot.group, "") + _shape(dot.group, *place)
    body = join(f'<path class="{esc(group)}" d="{path}"/>' for group, path in rest.items()) + join(each)
    if chosen is not None:
        body += f'<path class="chosen" d="{_outline(_CIRCLE, *at[chosen], 2 * _RADIUS)}"/>'
    axes = (
        f'<text class="axis" x="4" y="12">↑ {esc(y_label)}</text>'
        f'<text class="axis" x="{_WIDTH - 4:.0f}" y="{_HEIGHT - 6:.0f}" text-anchor="end">{esc(x_label)} →</text>'
    )
    return (
        f'<div class="bd-points"><svg viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" aria-label="{esc(label)}">'
        f"{axes}{body}{_names(dots, at, chosen)}</svg><output></output></div>"
    )


def bounds_of(dots: Iterable[Dot]) -> Bounds:
    """Return the smallest box around some points; there must be one."""
    xs, ys = zip(*((dot.x, dot.y) for dot in dots), strict=True)
    return min(xs), max(xs), min(ys), max(ys)


def mark(group: str, words: str) -> str:
    """Draw one entry of a map's legend: the shape of a group and its words."""
    return (
        f'<span class="bd-mark"><svg viewBox="-6 -6 12 12" aria-hidden="true">'
        f'<path class="{esc(group)}" d="{_shape(group, 0, 0)}"/></svg>{esc(words)}</span>'
    )


def places(dots: Sequence[Dot], bounds: Bounds) -> list[tuple[float, float]]:
    """Return where each point is drawn, in units of the view box: the same unit on both axes."""
    left, right, low, high = bounds
    across, up = _WIDTH - 2 * _EDGE, _HEIGHT - 2 * _EDGE
    # The same unit on both axes, or distances on the map would mean nothing; 1e-9 where all points are on a line.
    unit = min(across / ((right - left) or 1e-9), up / ((high - low) or 1e-9))
    if right == left and high == low:
        unit = 0.0
    x0, y0 = _WIDTH / 2 - unit * (left + right) / 2, _HEIGHT / 2 + unit * (low + high) / 2
    return [(x0 + unit * dot.x, y0 - unit * dot.y) for dot in dots]


def _shape(group: str, x: float, y: float) -> str:
    return _outline(_SHAPES.get(group, _CIRCLE), x, y, _RADIUS * (0.6 if group == "other" else 1))


def _outline(template: str, x: float, y: float, r: float) -> str:
    return template.format(x=x, y=y, l=x - r, t=y - r, r=f"{r:.1f}", d=f"{2 * r:.1f}")


@dataclass(frozen=True)
class Name:
    """Where the name of a point is written: the left end of its base line."""

    of: int
    text: str
    x: float
    y: float


def names_at(dots: Sequence[Dot], at: Sequence[tuple[float, float]], chosen: int | None) -> list[Name]:
    """Place names beside their points, the chosen one first, where they cover no other name if possible."""
    order = sorted(
        (i for i, dot in enumerate(dots) if dot.name and (dot.named or i == chosen)), key=lambda i: i != chosen
    )
    taken: list[Bounds] = []
    names = []
    for i in order:
        text = short(dots[i].name, _NAME_CHARS)
        width = sum(_LETTER if letter.isascii() else 2 * _LETTER for letter in text)
        box = _free(*at[i], width, taken)
        taken.append(box)
        names.append(Name(i, text, box[0], box[3] - 2.5))
    return names


def _names(dots: Sequence[Dot], at: Sequence[tuple[float, float]], chosen: int | None) -> str:
    return join(
        f"<text{' class=' + chr(34) + 'chosen' + chr(34) if name.of == chosen else ''} "
        f'x="{name.x:.1f}" y="{name.y:.1f}">{esc(name.text)}</text>'
        for name in names_at(dots, at, chosen)
    )


def moving_points(
    stages: Sequence[Sequence[Dot]], shown: int, chosen: int, label: str, says: Sequence[str], slider: str, play: str
) -> str:
    """Draw the same points at several stages, of which the page shows one and glides to the others.

    `says` is the sentence of each stage, `slider` the name of the control that chooses one, `play` that of the button
    that goes through all of them. Every stage has its own unit: only its directions and neighbors can be compared.
    """
    at = [places(dots, bounds_of(dots)) for dots in stages]
    names = [{name.of: name for name in names_at(dots, here, chosen)} for dots, here in zip(stages, at, strict=True)]
    numbers = [
        [_numbers(place, named.get(i)) for i, place in enumerate(here)] for here, named in zip(at, names, strict=True)
    ]
    marks = join(
        _moving(dot, i, numbers[shown][i], names[shown].get(i), i == chosen) for i, dot in enumerate(stages[shown])
    )
    last = len(stages) - 1
    return (
        f'<div class="bd-points bd-moving" data-places="{esc(json.dumps(numbers, separators=(",", ":")))}" '
        f'data-says="{esc(json.dumps(list(says), ensure_ascii=False))}">'
        f'<div class="bd-slide"><button type="button" data-play>{esc(play)}</button>'
        f'<input type="range" min="0" max="{last}" value="{shown}" step="1" aria-label="{esc(slider)}">'
        f'<span class="bd-stage-name" role="status">{esc(says[shown])}</span></div>'
        f'<svg viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" aria-label="{esc(label)}">{marks}</svg>'
        "<output></output></div>"
    )


def _numbers(place: tuple[float, float], name: Name | None) -> list[float]:
    """X and y of a point, and of its name where it has one."""
    return [round(value, 1) for value in (*place, *((name.x, name.y) if name else ()))]


def _moving(dot: Dot, i: int, numbers: Sequence[float], name: Name | None, chosen: bool) -> str:
    """One point and its name, drawn at the origin and moved to their places."""
    named = f' data-name="{esc(dot.name)}"' if dot.name else ""
    ring = f'<path class="chosen" d="{_outline(_CIRCLE, 0, 0, 2 * _RADIUS)}"/>' if chosen else ""
    text = ""
    if name is not None:
        kind = ' class="chosen"' if chosen else ""
        text = f'<text{kind} style="transform:translate({numbers[2]}px,{numbers[3]}px)">{esc(name.text)}</text>'
    mark_html = f'<path class="{esc(dot.group)}"{named} d="{_shape(dot.group, 0, 0)}"/>{ring}'
    return f'<g data-i="{i}"><g style="transform:translate({numbers[0]}px,{numbers[1]}px)">{mark_html}</g>{text}</g>'


def _free(x: float, y: float, width: float, taken: Sequence[Bounds]) -> Bounds:
    """Return the first box around a point, of eight, that is inside the picture and covers no other."""
    half, away = _LINE / 2, _RADIUS + 4
    # Beside, above and below the point first, then the corners.
    corners = (
        (x + away, y - half),
        (x - away - width, y - half),
        (x - width / 2, y - away - _LINE),
        (x - width / 2, y + away),
        (x + away, y - away - half),
        (x + away, y + half),
        (x - away - width, y - away - half),
        (x - away - width, y + half),
    )
    boxes = [(left, left + width, top, top + _LINE) for left, top in corners]
    inside = [box for box in boxes if box[0] >= 0 and box[1] <= _WIDTH and box[2] >= 0 and box[3] <= _HEIGHT]
    free = (box for box in inside if not any(_overlap(box, other) for other in taken))
    return next(free, (inside or boxes)[0])


def _overlap(box: Bounds, other: Bounds) -> bool:
    return box[0] < other[1] and other[0] < box[1] and box[2] < other[3] and other[2] < box[3]
