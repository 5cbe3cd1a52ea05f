"""Answer F1: the mean over questions of the words that an answer shares with the right one."""

from __future__ import annotations

from bertdemo.metrics import array_metric, scores


class AnswerF1(array_metric.ArrayMetric):
    """(questions,) F1 of the words of an answer and of the right one."""

    function = scores.f1
