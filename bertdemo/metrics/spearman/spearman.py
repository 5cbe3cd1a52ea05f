"""Spearman's correlation: how near two lists of numbers are in their order."""

from __future__ import annotations

from bertdemo.metrics import array_metric, scores


class Spearman(array_metric.ArrayMetric):
    """(rows,) numbers against (rows,) numbers; 0 where one of the lists has equal numbers only."""

    function = scores.spearman
