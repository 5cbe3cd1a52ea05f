"""Yes or no, label by label: a regression a label, and a threshold a label, tuned for F1 on rows that were held out.

A label that few rows have reaches its best F1 at a threshold that says little; it takes the one that is best for all
labels together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def one_vs_rest(vectors: Any, given: Flags, asked: Any) -> Floats:
    """Fit a logistic regression a label on (rows, width) vectors; return (asked, labels) probabilities.

    OneVsRestClassifier does the same, but says 0 of a single label that every row of a fold has.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    said = np.zeros((len(asked), given.shape[1]))
    with threadpool_limits(limits=1, user_api="blas"):
        for label in range(given.shape[1]):
            flags = given[:, label]
            if 0 < flags.sum() < len(flags):
                said[:, label] = LogisticRegression(max_iter=1000).fit(vectors, flags).predict_proba(asked)[:, 1]
            else:
                said[:, label] = float(flags.any())
    return said


def _f1(said: NDArray[np.bool_], given: Flags) -> Floats:
    """Return the F1 of each label, 0 where it neither is given nor said."""
    import numpy as np

    both = (said & (given > 0)).sum(0)
    some = said.sum(0) + given.sum(0)
    found: Floats = 2 * both / np.maximum(1, some)
    return found
