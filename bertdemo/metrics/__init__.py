"""Metrics as local `evaluate` modules, and their 95% confidence intervals.

A module is loaded by its path under this folder, never by name: evaluate would download a name from the network and
import the code it gets. Everything is kept in memory, so no lock file is left behind.
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


@lru_cache(maxsize=32)  # more than there are metrics
def load(name: str) -> EvaluationModule:
    """Load the metric `name`, a folder beside this file, with evaluate. Raises KeyError for another name."""
    import evaluate

    folder = _HERE / name
    if not (folder / f"{name}.py").is_file():
        raise KeyError(name)
    return evaluate.load(str(folder), keep_in_memory=True)


def compute(names: Sequence[str], **arrays: Any) -> dict[str, float]:
    """Return {name: value} of several metrics on the same arrays, named as the functions of `scores` name them."""
    values: dict[str, float] = {}
    for name in names:
        values.update(load(name).compute(**arrays) or {})
    return {name: float(value) for name, value in values.items()}


def estimate(names: Sequence[str], **arrays: Any) -> dict[str, tuple[float, float, float]]:
    """Return {name: (value, low, high)} of several metrics on the same arrays, with their 95% intervals."""
    values = compute(names, **arrays)
    return {name: (value, *interval(getattr(scores, name), value, **arrays)) for name, value in values.items()}
