"""Mean reciprocal rank: 1 where the relevant document is ranked first, 1/2 where it is second."""

from bertdemo.metrics import array_metric, scores


class Mrr(array_metric.ArrayMetric):
    """(queries,) ranks of the relevant document, counted from 1."""

    function = scores.mrr
