"""Spearman correlation: how similar the order of two lists of numbers is."""

from bertdemo.metrics import array_metric, scores


class Spearman(array_metric.ArrayMetric):
    """(rows,) numbers against (rows,) numbers; 0 where one of the lists is constant."""

    function = scores.spearman
