"""95% confidence intervals: Wilson for a share of rows, percentile bootstrap for anything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bertdemo.metrics import scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

CONFIDENCE = 0.95
# The usual number for a percentile interval (Efron and Tibshirani 1993).
_RESAMPLES = 1000
# Metrics that are a share of rows: where all rows are right, Wilson's interval still has a width, the bootstrap's none.
_SHARES = frozenset({scores.accuracy, scores.exact_match, scores.recall_at_10})


def wilson(right: int, rows: int) -> tuple[float, float]:
    """Return the 95% interval of the share `right` / `rows` (Wilson 1927, computed by scipy); (0, 1) without rows."""
    from scipy.stats import binomtest

    if rows == 0:
        return (0.0, 1.0)
    interval = binomtest(right, rows).proportion_ci(CONFIDENCE, method="wilson")
    return (float(interval.low), float(interval.high))


def interval(metric: Callable[..., float], value: float, **arrays: Any) -> tuple[float, float]:
    """Return the 95% interval of a function of `scores` that has this `value` on `arrays`, each (rows, ...)."""
    import numpy as np

    by_row = {name: np.asarray(cells) for name, cells in arrays.items()}
    rows = len(next(iter(by_row.values())))
    if metric in _SHARES:
        return wilson(round(value * rows), rows)
    return bootstrap(rows, lambda drawn: metric(**{name: cells[drawn] for name, cells in by_row.items()}))


def bootstrap(rows: int, statistic: Callable[[Rows], float], *, seed: int = 0) -> tuple[float, float]:
    """Return the 95% percentile bootstrap interval of a statistic over `rows` rows.

    `statistic` is called 1,000 times with the indices, (rows,), of a sample with replacement, so it should be
    arithmetic on arrays. Samples on which it is nan (a correlation of constant scores, for example) are left out;
    without any other the interval is (0, 1).
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    values = np.array([statistic(generator.integers(0, rows, rows)) for _ in range(_RESAMPLES)])
    values = values[~np.isnan(values)]
    if not len(values):
        return (0.0, 1.0)
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return (float(low), float(high))
