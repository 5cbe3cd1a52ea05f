"""Accuracy: the share of rows whose predicted label is the reference label."""

from bertdemo.metrics import array_metric, scores


class Accuracy(array_metric.ArrayMetric):
    """(rows,) label ids against (rows,) label ids."""

    function = scores.accuracy
