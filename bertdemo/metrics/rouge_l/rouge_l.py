"""ROUGE-L: the mean over texts of the F1 of the longest common subsequence of words."""

from bertdemo.metrics import array_metric, scores


class RougeL(array_metric.ArrayMetric):
    """(texts,) ROUGE-L scores of a generated text and its reference."""

    function = scores.rouge_l
