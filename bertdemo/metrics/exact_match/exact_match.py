"""Exact match: the share of answers that are the right one after SQuAD normalization."""

from __future__ import annotations

from bertdemo.metrics import array_metric, scores


class ExactMatch(array_metric.ArrayMetric):
    """(questions,) 1 where the answer is the right one, 0 elsewhere."""

    function = scores.exact_match
