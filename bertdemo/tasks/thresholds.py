"""From probabilities to yes or no, label by label: a threshold a label, tuned for F1 on rows that were held out.

A label that few rows have reaches its best F1 at a threshold that says little; it takes the one that is best for all
labels together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.int64]

ENOUGH = 10
"""Rows with a label from which on it has a threshold of its own."""
_STEPS = 99


def tuned(probabilities: Floats, given: Flags) -> Floats:
    """Return (labels,) thresholds for (rows, labels) probabilities against (rows, labels) flags."""
    import numpy as np

    grid = np.linspace(0.01, 0.99, _STEPS)
    scores = np.array([_f1(probabilities >= step, given) for step in grid])  # (steps, labels)
    common = grid[int(scores.mean(1).argmax())]
    chosen = grid[scores.argmax(0)]  # (labels,)
    thresholds: Floats = np.where(given.sum(0) >= ENOUGH, chosen, common)
    return thresholds


def _f1(said: NDArray[np.bool_], given: Flags) -> Floats:
    """Return the F1 of each label, 0 where it neither is given nor said."""
    import numpy as np

    both = (said & (given > 0)).sum(0)
    some = said.sum(0) + given.sum(0)
    found: Floats = 2 * both / np.maximum(1, some)
    return found
