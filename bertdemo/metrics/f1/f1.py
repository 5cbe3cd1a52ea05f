"""Answer F1: the mean over questions of the word-level F1 of an answer and the reference."""

from bertdemo.metrics import array_metric, scores


class AnswerF1(array_metric.ArrayMetric):
    """(questions,) word-level F1 scores."""

    function = scores.f1
