"""Scores on one line from 0 to 1: a point with its interval, and named ticks below the line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import join

# Rows in which the names are set in turn, so that near ones do not touch.
_NAME_ROWS = 3
# From here on a name ends at its tick in place of beginning there.
_RIGHT_HALF = 0.6
# A thinner interval could not be seen.
_THINNEST = 0.004
# Classes of the first and the second score: a disk and a square, so that color is not the only sign.
_LOOKS = ("first", "second")


@dataclass(frozen=True)
class Mark:
    """A named score; `title` says more of it."""

    name: str
    value: float
    title: str = ""


@dataclass(frozen=True)
class Estimate:
    """A score with the ends of its interval, where it has one."""

    value: float
    low: float | None = None
    high: float | None = None


def score_strip(marks: Sequence[Mark], label: str, *scores: Estimate) -> str:
    """Draw the line with one score or two to compare; "" where a score is not between 0 and 1."""
    values = [mark.value for mark in marks] + [score.value for score in scores]
    if not values or not all(0 <= value <= 1 for value in values):
        return ""
    ticks = join(_tick(i, mark) for i, mark in enumerate(sorted(marks, key=lambda mark: mark.value)))
    rows = min(len(marks), _NAME_ROWS)
    return (
        f'<div class="bd-score-strip rows-{rows}" role="img" aria-label="{esc(label)}"><span class="line"></span>'
        f'{join(map(_point, scores, _LOOKS))}{ticks}<span class="end">0</span><span class="end last">1</span></div>'
    )


def _point(score: Estimate, look: str) -> str:
    point = f'<b class="{look}" style="left:{100 * score.value:.1f}%"></b>'
    if score.low is None or score.high is None:
        return point
    width = 100 * max(score.high - score.low, _THINNEST)
    return f'<i class="{look}" style="left:{100 * score.low:.1f}%;width:{width:.1f}%"></i>{point}'


def _tick(index: int, mark: Mark) -> str:
    side = "left" if mark.value > _RIGHT_HALF else "right"
    return (
        f'<em class="{side} row-{index % _NAME_ROWS}" style="left:{100 * mark.value:.1f}%" title="{esc(mark.title)}">'
        f"<span>{esc(mark.name)} {mark.value:.3f}</span></em>"
    )
