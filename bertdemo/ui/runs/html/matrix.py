"""A confusion matrix of any number of labels in one picture: rows are true labels, columns predicted ones.

Up to `_NUMBERED` labels, every cell has its number and every row its name; above that only the cells are drawn. The
script of the page (assets/runs.js) writes labels and count of the cell under the pointer or the keyboard's cursor
into `<output>`, from the data attributes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bertdemo.i18n.translation import plural, translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import join, short

# Labels up to which numbers can be read in a picture half as wide as the page.
_NUMBERED = 20
# Labels up to which a name fits above its column without being turned.
_FLAT_NAMES = 4
# Pixels of the picture without its margins, at most; and of one cell, at most.
_SIDE, _LARGEST_CELL = 496.0, 96.0
# Pixels of the margin for the name of an axis, and of a Latin letter of a label; a Chinese character takes two.
_AXIS, _LETTER = 22.0, 6.6
# Characters of a name in the margin, turned or above a wide cell.
_NAME_CHARS, _FLAT_CHARS = 17, 12
# Steps of darkness: more could not be told apart.
_LEVELS = 8
# The lightest cell that is not empty: a single example among many must still be seen.
_LIGHTEST = 0.3
# Share of its row above which a cell is so dark that its number is white.
_DARK = 0.55


@dataclass(frozen=True)
class _Grid:
    """Where the cells are: the left and the upper end of the first, and the side of each, in pixels."""

    left: float
    top: float
    cell: float
    labels: int

    @property
    def side(self) -> float:
        return self.cell * self.labels


def draw_matrix(labels: Sequence[str], counts: Sequence[Sequence[int]], lang: str) -> str:
    """Draw the matrix with the names of its axes, and the line that tells one cell."""
    numbered = len(labels) <= _NUMBERED
    grid = _grid(labels, numbered)
    width, height = grid.left + grid.side + 1, grid.top + grid.side + 1
    body = _axes(grid, lang) + _cells(grid, counts)
    if numbered:
        body += _names(grid, labels) + _numbers(grid, counts)
    body += f'<rect class="frame" x="{grid.left}" y="{grid.top}" width="{grid.side:.2f}" height="{grid.side:.2f}"/>'
    description = plural(lang, "result.matrix_told", len(labels))
    hint = esc(translate(lang, "result.matrix_hint"))
    data = {"left": f"{grid.left:g}", "top": f"{grid.top:g}", "cell": f"{grid.cell:.4f}"}
    data |= {"labels": json.dumps(list(labels), ensure_ascii=False), "counts": json.dumps(_sparse(counts))}
    data |= {name: translate(lang, f"result.{name}") for name in ("true", "predicted")}
    attributes = join(f' data-{name}="{esc(value)}"' for name, value in data.items())
    return (
        f'<div class="bd-confusion" role="img" tabindex="0" aria-label="{esc(description)}"{attributes}>'
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" style="max-width:{width:.0f}px" aria-hidden="true">{body}</svg>'
        f'<output aria-live="polite">{hint}</output></div>'
    )


def _grid(labels: Sequence[str], numbered: bool) -> _Grid:
    room = 10 + max((_width(short(label, _NAME_CHARS)) for label in labels), default=0.0) if numbered else 0.0
    above = 20.0 if numbered and len(labels) <= _FLAT_NAMES else room
    cell = min(_LARGEST_CELL, (_SIDE - room) / max(len(labels), 1))
    return _Grid(round(_AXIS + room, 1), round(_AXIS + above, 1), cell, len(labels))


def _width(name: str) -> float:
    return sum(_LETTER if letter.isascii() else 2 * _LETTER for letter in name)


def _axes(grid: _Grid, lang: str) -> str:
    middle_x, middle_y = grid.left + grid.side / 2, grid.top + grid.side / 2
    true, predicted = (esc(translate(lang, f"result.{name}")) for name in ("true", "predicted"))
    return (
        f'<text class="axis" x="{middle_x:.1f}" y="13" text-anchor="middle">{predicted}</text>'
        f'<text class="axis" transform="translate(13 {middle_y:.1f}) rotate(-90)" text-anchor="middle">{true}</text>'
    )


def _cells(grid: _Grid, counts: Sequence[Sequence[int]]) -> str:
    """Draw one path for each darkness, since thousands of elements would be slow."""
    paths: dict[tuple[str, int], list[str]] = {}
    for row, line in enumerate(counts):
        total = sum(line) or 1
        for column, count in enumerate(line):
            if count:
                look = "right" if row == column else "wrong"
                level = round(_LEVELS * count / total)
                x, y = grid.left + column * grid.cell, grid.top + row * grid.cell
                side = f"{grid.cell:.2f}"
                paths.setdefault((look, level), []).append(f"M{x:.2f} {y:.2f}h{side}v{side}h-{side}z")
    return join(
        f'<path class="{look}" fill-opacity="{max(level / _LEVELS, _LIGHTEST):.2f}" d="{"".join(parts)}"/>'
        for (look, level), parts in sorted(paths.items())
    )


def _names(grid: _Grid, labels: Sequence[str]) -> str:
    parts = []
    for i, label in enumerate(labels):
        at = (i + 0.5) * grid.cell
        y = grid.top + at + 4
        parts.append(f'<text x="{grid.left - 6}" y="{y:.1f}" text-anchor="end">{esc(short(label, _NAME_CHARS))}</text>')
        x = grid.left + at
        if grid.labels <= _FLAT_NAMES:
            name = esc(short(label, _FLAT_CHARS))
            parts.append(f'<text x="{x:.1f}" y="{grid.top - 6}" text-anchor="middle">{name}</text>')
        else:
            place = f"translate({x + 4:.1f} {grid.top - 6}) rotate(-90)"
            parts.append(f'<text transform="{place}">{esc(short(label, _NAME_CHARS))}</text>')
    return join(parts)


def _numbers(grid: _Grid, counts: Sequence[Sequence[int]]) -> str:
    def number(row: int, column: int, count: int, total: int) -> str:
        x, y = grid.left + (column + 0.5) * grid.cell, grid.top + (row + 0.5) * grid.cell + 4
        strong = " strong" if count / total > _DARK else "" if count else " none"
        return f'<text class="count{strong}" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{count}</text>'

    return join(
        number(row, column, count, sum(line) or 1)
        for row, line in enumerate(counts)
        for column, count in enumerate(line)
    )


def _sparse(counts: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return [row, column, count] of every cell that is not 0."""
    return [[row, column, count] for row, line in enumerate(counts) for column, count in enumerate(line) if count]
