"""Which head a file brings: by the class that its config names and by the tensors that it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from bertdemo.checkpoints.validation import WeightsFacts

Problem = Literal["single_label_classification", "multi_label_classification", "regression"]
PROBLEMS: tuple[Problem, ...] = get_args(Problem)
"""What transformers calls the ways in which a head on a whole text is trained."""
LABELING = "BertForSequenceClassification"
UNNAMED = "?"
"""Stands for the class of a head that the config does not name."""
_CLASSIFIER = "classifier.weight"
_OTHERS = {
    "BertForTokenClassification": _CLASSIFIER,
    "BertForMultipleChoice": _CLASSIFIER,
    "BertForQuestionAnswering": "qa_outputs.weight",
    "BertForNextSentencePrediction": "cls.seq_relationship.weight",
    "EncoderDecoderModel": "decoder.cls.predictions.transform.dense.weight",
}
"""Classes with a head of another kind -> the tensor that it cannot be without."""


def with_labels(config: Mapping[str, Any], weights: WeightsFacts, architecture: str) -> dict[str, Any]:
    """Return the config with a name for each output where it names none, as transformers would name them.

    transformers leaves the names out where there are two and nobody gave them others.
    """
    if "id2label" in config or architecture != LABELING or not weights.has_classifier:
        return dict(config)
    shape = weights.shapes.get(_CLASSIFIER, ())
    names = {index: f"LABEL_{index}" for index in range(shape[0] if len(shape) == 2 else 2)}
    return {**config, "id2label": names, "label2id": {name: index for index, name in names.items()}}


def outputs_of(config: Mapping[str, Any], weights: WeightsFacts, architecture: str) -> tuple[str, ...]:
    """Return a name for each output of a head on a whole text, nothing where the file holds no such head."""
    # A token classifier's weights have the same names, so the class that the config names decides.
    headed = weights.has_mean_head or (weights.has_classifier and architecture == LABELING)
    return tuple(config.get("id2label", {}).values()) if headed else ()


def problem_of(named: object, outputs: int) -> Problem:
    """Return how a head with so many outputs was trained, from what its config says of that."""
    if outputs == 1 and named != "multi_label_classification":
        return "regression"  # one class to choose from would be no choice
    return next((problem for problem in PROBLEMS if problem == named), "single_label_classification")


def other_head(weights: WeightsFacts, architecture: str) -> str:
    """Return the class of a head of another kind that the file holds; "" where there is none."""
    tensor = _OTHERS.get(architecture)
    if tensor and (not weights.shapes or tensor in weights.shapes):
        return architecture
    foreign = weights.has_classifier and architecture not in {LABELING, *_OTHERS}
    return (architecture or UNNAMED) if foreign else ""


def in_the_way(other: str) -> bool:
    """Return whether a head of that class stands under the name that a classifier of labels would have."""
    return bool(other) and _OTHERS.get(other, _CLASSIFIER) == _CLASSIFIER
