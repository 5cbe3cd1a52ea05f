"""Pearson's correlation: how near two lists of numbers are to a straight line."""

from __future__ import annotations

from bertdemo.metrics import array_metric, scores


class Pearson(array_metric.ArrayMetric):
    """(rows,) numbers against (rows,) numbers; 0 where one of the lists has equal numbers only."""

    function = scores.pearson
