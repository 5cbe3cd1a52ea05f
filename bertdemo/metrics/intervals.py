"""How sure a score is: a Wilson interval for a share of rows, a bootstrap interval for anything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bertdemo.metrics import scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

CONFIDENCE = 0.95
_RESAMPLES = 1000
_SHARES = frozenset({scores.accuracy, scores.exact_match, scores.recall_at_10})
"""Metrics that are a share of rows, for which Wilson's interval is better: it is not empty where all are right."""


def wilson(right: int, rows: int) -> tuple[float, float]:
    """Return the 95% interval of a share, `right` of `rows` (Wilson 1927, as scipy computes it)."""
    from scipy.stats import binomtest

    if rows == 0:
        return (0.0, 1.0)
    interval = binomtest(right, rows).proportion_ci(CONFIDENCE, method="wilson")
    return (float(interval.low), float(interval.high))


def interval(metric: Callable[..., float], value: float, **arrays: Any) -> tuple[float, float]:
    """Return the 95% interval of a function of `scores` whose `value` for `arrays` is known."""
    import numpy as np

    by_row = {name: np.asarray(cells) for name, cells in arrays.items()}
    rows = len(next(iter(by_row.values())))
    if metric in _SHARES:
        return wilson(round(value * rows), rows)
    return bootstrap(rows, lambda drawn: metric(**{name: cells[drawn] for name, cells in by_row.items()}))


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
