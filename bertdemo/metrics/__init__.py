"""Scores as local `evaluate` modules, and their intervals.

A module is loaded by its path under this folder, never by name: evaluate would fetch a name from the network
and import what it gets. `compute` keeps everything in memory, so no lock file is left behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertdemo.metrics import scores
from bertdemo.metrics.intervals import interval

if TYPE_CHECKING:
    from evaluate import EvaluationModule

_HERE = Path(__file__).parent


@lru_cache(maxsize=32)
def load(name: str) -> EvaluationModule:
    """Load the metric `name` (a folder beside this file) through evaluate."""
    import evaluate

    folder = _HERE / name
    if not (folder / f"{name}.py").is_file():
        raise KeyError(name)
    return evaluate.load(str(folder), keep_in_memory=True)


def compute(names: Sequence[str], **arrays: Any) -> dict[str, float]:
    """Compute several metrics of the same arrays, which the functions of `scores` name."""
    values: dict[str, float] = {}
    for name in names:
        values.update(load(name).compute(**arrays) or {})
    return {name: float(value) for name, value in values.items()}


def estimate(names: Sequence[str], **arrays: Any) -> dict[str, tuple[float, float, float]]:
    """Return (value, low, high) of several metrics of the same arrays: the ends are those of the 95% interval."""
    values = compute(names, **arrays)
    return {name: (value, *interval(getattr(scores, name), value, **arrays)) for name, value in values.items()}
