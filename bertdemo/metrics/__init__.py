"""Scores as local `evaluate` modules, and their intervals.

A module is loaded by its path under this folder, never by name: evaluate would fetch a name from the network
and import what it gets. `compute` keeps everything in memory, so no lock file is left behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluate import EvaluationModule

_HERE = Path(__file__).parent


@lru_cache(maxsize=32)
def load(name: str, kind: str | None = None) -> EvaluationModule:
    """Load the metric `name` (a folder beside this file) through evaluate; `kind` is its configuration there."""
    import evaluate

    folder = _HERE / name
    if not (folder / f"{name}.py").is_file():
        raise KeyError(name)
    return evaluate.load(str(folder), kind, keep_in_memory=True)


def compute(
    names: Sequence[str], predictions: Sequence[Any], references: Sequence[Any], kind: str | None = None
) -> dict[str, float]:
    """Compute several metrics; what `predictions` and `references` are, each module says: label ids for most."""
    scores: dict[str, float] = {}
    for name in names:
        scores.update(load(name, kind).compute(predictions=predictions, references=references) or {})
    return {name: float(value) for name, value in scores.items()}
