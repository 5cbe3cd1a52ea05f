"""Multi-label decisions label by label: one logistic regression and one threshold per label.

A threshold is tuned for the F1 of its label on held-out rows. Where a label has too few rows for that, it gets the
threshold that is best for all labels together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.int64]

# Rows with a label from which on it has its own threshold; with fewer, the best threshold is decided by single rows.
ENOUGH = 10
# Thresholds that are tried: 0.01, 0.02, ... 0.99.
_STEPS = 99


def tuned(probabilities: Floats, targets: Flags) -> Floats:
    """Return (labels,) thresholds for (rows, labels) probabilities against (rows, labels) flags."""
    import numpy as np

    grid = np.linspace(0.01, 0.99, _STEPS)
    scores = np.array([_f1(probabilities >= step, targets) for step in grid])  # (steps, labels)
    common = grid[int(scores.mean(1).argmax())]
    own = grid[scores.argmax(0)]  # (labels,)
    thresholds: Floats = np.where(targets.sum(0) >= ENOUGH, own, common)
    return thresholds


def one_vs_rest(vectors: Floats, targets: Flags, new_vectors: Floats) -> Floats:
    """Fit a logistic regression per label on (rows, hidden) vectors; return (new rows, labels) probabilities.

    OneVsRestClassifier does the same, but gives probability 0 to a single label that every row of a fold has.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    probabilities = np.zeros((len(new_vectors), targets.shape[1]))
    # One BLAS thread: the products are small, and the server computes other things beside them.
    with threadpool_limits(limits=1, user_api="blas"):
        for label in range(targets.shape[1]):
            flags = targets[:, label]
            if 0 < flags.sum() < len(flags):
                classifier = LogisticRegression(max_iter=1000).fit(vectors, flags)
                probabilities[:, label] = classifier.predict_proba(new_vectors)[:, 1]
            else:
                probabilities[:, label] = float(flags.any())
    return probabilities


def _f1(chosen: NDArray[np.bool_], targets: Flags) -> Floats:
    """Return the F1 of each label, 0 for a label that is neither a target nor chosen."""
    import numpy as np

    both = (chosen & (targets > 0)).sum(0)
    either = chosen.sum(0) + targets.sum(0)
    scores: Floats = 2 * both / np.maximum(1, either)
    return scores
