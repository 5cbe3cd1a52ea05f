"""How sure a score is: a Wilson interval for a share of rows, a bootstrap interval for anything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

CONFIDENCE = 0.95
_RESAMPLES = 1000


def wilson(right: int, rows: int) -> tuple[float, float]:
    """Return the 95% interval of a share, `right` of `rows` (Wilson 1927, as scipy computes it)."""
    from scipy.stats import binomtest

    if rows == 0:
        return (0.0, 1.0)
    interval = binomtest(right, rows).proportion_ci(CONFIDENCE, method="wilson")
    return (float(interval.low), float(interval.high))


def bootstrap(rows: int, statistic: Callable[[Rows], float], *, seed: int = 0) -> tuple[float, float]:
    """Return the 95% percentile bootstrap interval of a statistic over `rows` rows.

    `statistic` is called 1,000 times with the indices of rows drawn with replacement, so it should be arithmetic on
    arrays. A draw for which it is not a number (a correlation of equal scores, say) is left out.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    scores = np.array([statistic(generator.integers(0, rows, rows)) for _ in range(_RESAMPLES)])
    scores = scores[~np.isnan(scores)]
    if not len(scores):
        return (0.0, 1.0)
    low, high = np.quantile(scores, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return (float(low), float(high))


def macro_f1_interval(references: Sequence[int], predictions: Sequence[int], *, seed: int = 0) -> tuple[float, float]:
    """Return the 95% percentile bootstrap interval of macro-F1 over (rows,) label ids.

    Rows are drawn with replacement 1,000 times; F1 comes from the counts of each draw, since a thousand calls
    of a general function would take minutes on large files.
    """
    import numpy as np

    true, guess = np.asarray(references), np.asarray(predictions)
    labels = int(max(true.max(initial=0), guess.max(initial=0))) + 1
    generator = np.random.default_rng(seed)
    scores = []
    for _ in range(_RESAMPLES):
        rows = generator.integers(0, len(true), len(true))
        scores.append(_macro_f1(true[rows], guess[rows], labels))
    low, high = np.quantile(scores, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return (float(low), float(high))


def _macro_f1(true: np.ndarray, guess: np.ndarray, labels: int) -> float:
    import numpy as np

    both = np.bincount(true[true == guess], minlength=labels)  # (labels,) true positives
    seen = np.bincount(true, minlength=labels) + np.bincount(guess, minlength=labels)  # (labels,)
    present = seen > 0
    return float((2 * both[present] / seen[present]).mean())
