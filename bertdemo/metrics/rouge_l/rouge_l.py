"""ROUGE-L: the mean over texts of the F1 of the longest common subsequence of words."""

from __future__ import annotations

from bertdemo.metrics import array_metric, scores


class RougeL(array_metric.ArrayMetric):
    """(texts,) F1 of a written text and the wanted one."""

    function = scores.rouge_l
