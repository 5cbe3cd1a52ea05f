"""One line of the table: what was measured, what came out, what was wanted."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
"""Labeled data for measuring, beside the checkout; not part of the project."""


@dataclass(frozen=True)
class Row:
    """`held` is None where there was nothing to hold, or nothing was measured."""

    what: str
    result: str
    wanted: str
    held: bool | None

    def line(self) -> str:
        """Return a row of a Markdown table."""
        verdict = {True: "yes", False: "**no**", None: "–"}[self.held]
        return f"| {self.what} | {self.result} | {self.wanted} | {verdict} |"


def skipped(what: str, wanted: str, why: str) -> Row:
    """Return a row that says why nothing was measured."""
    return Row(what, f"not taken: {why}", wanted, None)


def quantiles(values: Sequence[float]) -> tuple[float, float]:
    """Return (p50, p95)."""
    ordered = sorted(values)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
