"""Micro-F1: F1 over all labels of all rows together, so that a frequent label counts more."""

from bertdemo.metrics import array_metric, scores


class MicroF1(array_metric.ArrayMetric):
    """(rows, labels) flags against (rows, labels) flags."""

    function = scores.micro_f1
