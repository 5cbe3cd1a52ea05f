"""Macro-F1: the mean over labels of F1, so that a rare label counts as much as a frequent one."""

from bertdemo.metrics import array_metric, scores


class MacroF1(array_metric.ArrayMetric):
    """(rows,) label ids against label ids, or (rows, labels) flags against flags."""

    function = scores.macro_f1
