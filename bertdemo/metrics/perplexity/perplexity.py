"""Pseudo-perplexity: exp(mean loss on the masked tokens); lower is better."""

from bertdemo.metrics import array_metric, scores


class Perplexity(array_metric.ArrayMetric):
    """(rows,) summed losses, in nats, over (rows,) numbers of tokens."""

    function = scores.perplexity
