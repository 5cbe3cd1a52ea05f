"""Mean reciprocal rank: 1 where the right document comes first, 1/2 where it comes second."""

from __future__ import annotations

from bertdemo.metrics import array_metric, scores


class Mrr(array_metric.ArrayMetric):
    """(queries,) ranks of each query's own document, from 1."""

    function = scores.mrr
