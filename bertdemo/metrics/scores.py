"""Each metric as one function of arrays with a value per row: `evaluate` calls it, and so does the bootstrap.

What a metric needs of a row is an argument with that name, so that a thousand draws of rows are arithmetic: the
overlap of two answers, say, is computed once, and its mean once per draw.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.int64]  # (rows, labels), 0 or 1

_MOST_NATS = 50.0
"""Per token; e^50 is still a number that JSON holds and a chart can draw."""
DEPTH = 10
"""Of recall: a person reads one page of results."""


def accuracy(predictions: Ints, references: Ints) -> float:
    """Return the share of (rows,) label ids that are right."""
    return _mean(predictions == references)


def macro_f1(predictions: Ints | Flags, references: Ints | Flags) -> float:
    """Return the mean over labels of F1, for (rows,) label ids or (rows, labels) flags.

    An id that occurs in neither is left out; a label without any flag counts 0.
    """
    import numpy as np

    if predictions.ndim == 2:
        matched, sizes = (predictions * references).sum(0), predictions.sum(0) + references.sum(0)
        return float((2 * matched / np.maximum(1, sizes)).mean())
    labels = 1 + int(max(predictions.max(initial=0), references.max(initial=0)))
    matched = np.bincount(references[references == predictions], minlength=labels)  # (labels,)
    sizes = np.bincount(references, minlength=labels) + np.bincount(predictions, minlength=labels)
    present = sizes > 0
    return float((2 * matched[present] / sizes[present]).mean())


def micro_f1(predictions: Flags, references: Flags) -> float:
    """Return the F1 of all (rows, labels) flags counted together."""
    return _f1((predictions * references).sum(), predictions.sum() + references.sum())


def entity_f1(matched: Ints, predicted: Ints, labeled: Ints) -> float:
    """Return the F1 of (sentences,) counts of entities: predicted rightly, predicted, and in the data."""
    return _f1(matched.sum(), predicted.sum() + labeled.sum())


def exact_match(matches: Ints) -> float:
    """Return the share of (questions,) answers that are the right one."""
    return _mean(matches)


def f1(overlaps: Floats) -> float:
    """Return the mean of (questions,) F1 of the words of an answer and of the right one."""
    return _mean(overlaps)


def rouge_l(overlaps: Floats) -> float:
    """Return the mean of (texts,) F1 of the longest common subsequence of words."""
    return _mean(overlaps)


def pearson(predictions: Floats, references: Floats) -> float:
    """Return the correlation of (rows,) numbers, nan where one of the arrays has equal numbers only."""
    import numpy as np

    if not np.ptp(predictions) or not np.ptp(references):
        return math.nan
    return float(np.corrcoef(predictions, references)[0, 1])


def spearman(predictions: Floats, references: Floats) -> float:
    """Return the correlation of the ranks of (rows,) numbers, nan where one of the arrays has equal numbers only."""
    from scipy.stats import rankdata

    return pearson(rankdata(predictions), rankdata(references))


def perplexity(nats: Floats, tokens: Floats) -> float:
    """Return the exponential of the mean of -log p per token: of (rows,) sums, and how many tokens each is over."""
    return math.exp(min(_MOST_NATS, nats.sum() / max(1.0, tokens.sum())))


def recall_at_10(ranks: Ints) -> float:
    """Return the share of (queries,) ranks, from 1, that are among the first ten."""
    return _mean(ranks <= DEPTH)


def mrr(ranks: Ints) -> float:
    """Return the mean of one over the (queries,) ranks, from 1."""
    return _mean(1 / ranks)


def _mean(values: Any) -> float:
    return float(values.mean()) if len(values) else 0.0


def _f1(matched: Any, sizes: Any) -> float:
    return float(2 * matched / max(1, sizes))
