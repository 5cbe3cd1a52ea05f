"""Exact match: the share of answers that equal the reference after SQuAD normalization."""

from bertdemo.metrics import array_metric, scores


class ExactMatch(array_metric.ArrayMetric):
    """(questions,) 1 where the answer matches, 0 elsewhere."""

    function = scores.exact_match
