"""Recall at 10: the share of queries whose relevant document is among the first ten."""

from bertdemo.metrics import array_metric, scores


class RecallAt10(array_metric.ArrayMetric):
    """(queries,) ranks of the relevant document, counted from 1."""

    function = scores.recall_at_10
