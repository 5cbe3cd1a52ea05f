"""Entity F1: an entity is right if its words and its kind are, as the CoNLL-2003 evaluation counts it."""

from bertdemo.metrics import array_metric, scores


class EntityF1(array_metric.ArrayMetric):
    """(sentences,) counts of entities: true positives, predicted, and in the data."""

    function = scores.entity_f1
