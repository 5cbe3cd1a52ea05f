"""Entity F1: an entity counts where its words and its kind are right, as CoNLL scores it."""

from __future__ import annotations

from bertdemo.metrics import array_metric, scores


class EntityF1(array_metric.ArrayMetric):
    """(sentences,) counts of entities: predicted rightly, predicted, and in the data."""

    function = scores.entity_f1
