"""One vector per text: the ways to pool, and the similarity of two texts by each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertdemo.anatomy.geometry import cosine
from bertdemo.anatomy.layers import POOLINGS, LayerTrace

if TYPE_CHECKING:
    from bertdemo.anatomy.layers import Floats


@dataclass(frozen=True)
class PooledRow:
    """One way to pool, and the cosines that it gives."""

    name: str
    """cls, pooler, mean or max."""
    vector: Floats
    """(d,): of the first text."""
    second: float | None
    """Cosine with the second text; None where there is none."""
    unrelated: float | None
    """Cosine with a text about something else, to compare `second` with."""


@dataclass(frozen=True)
class PoolingComparison:
    """All ways to pool, for the same texts."""

    rows: tuple[PooledRow, ...]
    trained_with: str | None
    """The way that the checkpoint was trained with; None where its files do not say."""
    cut: tuple[tuple[str, int], ...] = ()
    """(second or unrelated, number of its tokens that did not fit) for each that was truncated."""


def compare(
    first: LayerTrace, second: LayerTrace | None, unrelated: LayerTrace | None, trained_with: str | None
) -> PoolingComparison:
    """Pool up to three texts in every way; a checkpoint without a pooler has no such row."""

    def cosine_with(name: str, other: LayerTrace | None) -> float | None:
        return None if other is None else cosine(first.pooled[name], other.pooled[name])

    rows = [
        PooledRow(name, first.pooled[name], cosine_with(name, second), cosine_with(name, unrelated))
        for name in POOLINGS
        if name in first.pooled
    ]
    cut = tuple(
        (name, other.trace.dropped_pieces)
        for name, other in (("second", second), ("unrelated", unrelated))
        if other is not None and other.trace.dropped_pieces
    )
    return PoolingComparison(tuple(rows), trained_with if trained_with in first.pooled else None, cut)
