"""Each metric as a function of arrays with one value per row; `evaluate` calls it, and so does the bootstrap.

Whatever takes long is computed once per row and passed in, so that a thousand bootstrap samples are plain arithmetic:
the overlap of two answers, for example, is computed once, and only its mean once per sample.
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

# Loss per token at most: e^50 is still a number that JSON can hold and a chart can draw.
_MOST_NATS = 50.0
# The k of recall at k: a person reads one page of results.
DEPTH = 10


def accuracy(predictions: Ints, references: Ints) -> float:
    """Return the share of (rows,) label ids that are equal."""
    return _mean(predictions == references)


def macro_f1(predictions: Ints | Flags, references: Ints | Flags) -> float:
    """Return the mean over labels of F1, for (rows,) label ids or (rows, labels) flags.

    F1 is 2 TP / (predicted + actual). An id that occurs in neither array is left out, as scikit-learn does; a label
    without any flag counts 0.
    """
    import numpy as np

    if predictions.ndim == 2:  # flags
        # (labels,)
        matched, sizes = (predictions * references).sum(0), predictions.sum(0) + references.sum(0)
        return float((2 * matched / np.maximum(1, sizes)).mean())
    labels = 1 + int(max(predictions.max(initial=0), references.max(initial=0)))
    matched = np.bincount(references[references == predictions], minlength=labels)  # (labels,)
    sizes = np.bincount(references, minlength=labels) + np.bincount(predictions, minlength=labels)  # (labels,)
    present = sizes > 0
    return float((2 * matched[present] / sizes[present]).mean())


def micro_f1(predictions: Flags, references: Flags) -> float:
    """Return the F1 over all (rows, labels) flags together."""
    return _f1((predictions * references).sum(), predictions.sum() + references.sum())


def entity_f1(matched: Ints, predicted: Ints, labeled: Ints) -> float:
    """Return the F1 of (sentences,) counts of entities: true positives, predicted, and in the data."""
    return _f1(matched.sum(), predicted.sum() + labeled.sum())


def exact_match(matches: Ints) -> float:
    """Return the share of (questions,) answers that match, 1 or 0 each."""
    return _mean(matches)


def f1(overlaps: Floats) -> float:
    """Return the mean of (questions,) word-level F1 scores (see `squad_f1`)."""
    return _mean(overlaps)


def rouge_l(overlaps: Floats) -> float:
    """Return the mean of (texts,) ROUGE-L scores (see `rouge`)."""
    return _mean(overlaps)


def pearson(predictions: Floats, references: Floats) -> float:
    """Return the Pearson correlation of (rows,) numbers, nan where one of the arrays is constant."""
    import numpy as np

    if not np.ptp(predictions) or not np.ptp(references):
        return math.nan
    return float(np.corrcoef(predictions, references)[0, 1])


def spearman(predictions: Floats, references: Floats) -> float:
    """Return the rank correlation of (rows,) numbers, nan where one of the arrays is constant."""
    from scipy.stats import rankdata

    return pearson(rankdata(predictions), rankdata(references))


def perplexity(nats: Floats, tokens: Floats) -> float:
    """Return exp(mean loss per token) of (rows,) summed losses, in nats, over (rows,) numbers of tokens."""
    return math.exp(min(_MOST_NATS, nats.sum() / max(1.0, tokens.sum())))


def recall_at_10(ranks: Ints) -> float:
    """Return the share of (queries,) ranks, counted from 1, that are at most ten."""
    return _mean(ranks <= DEPTH)


def mrr(ranks: Ints) -> float:
    """Return the mean reciprocal rank of (queries,) ranks, counted from 1."""
    return _mean(1 / ranks)


def _mean(values: Any) -> float:
    return float(values.mean()) if len(values) else 0.0


def _f1(matched: Any, sizes: Any) -> float:
    return float(2 * matched / max(1, sizes))
