"""Perplexity: the exponential of the mean of -log p of the right tokens, lower is better."""

from __future__ import annotations

from bertdemo.metrics import array_metric, scores


class Perplexity(array_metric.ArrayMetric):
    """(rows,) sums of -log p, in nats, and how many tokens each sum is over."""

    function = scores.perplexity
