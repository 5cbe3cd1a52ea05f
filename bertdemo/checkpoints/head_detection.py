"""Which head a file has: by the class that its config names and by its tensors.

The tables here are keyed by classes of transformers: what a file holds is a property of the checkpoint, whatever task
it is used for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from bertdemo.checkpoints.validation import WeightsFacts

# The `problem_type` of transformers: the ways in which a head on a whole text is trained.
Problem = Literal["single_label_classification", "multi_label_classification", "regression"]
PROBLEMS: tuple[Problem, ...] = get_args(Problem)
LABELING = "BertForSequenceClassification"
# Stands for the class of a head that the config does not name.
UNNAMED = "?"
_CLASSIFIER = "classifier.weight"
# Classes with a head of another kind -> a tensor that each of their files has.
_OTHER_HEADS = {
    "BertForTokenClassification": _CLASSIFIER,
    "BertForMultipleChoice": _CLASSIFIER,
    "BertForQuestionAnswering": "qa_outputs.weight",
    "BertForNextSentencePrediction": "cls.seq_relationship.weight",
    "EncoderDecoderModel": "decoder.cls.predictions.transform.dense.weight",
}


def with_labels(config: Mapping[str, Any], weights: WeightsFacts, architecture: str) -> Mapping[str, Any]:
    """Return the config with a name for each output; where it has none, those that transformers would give.

    transformers does not write the names of two outputs that nobody named.
    """
    if "id2label" in config or architecture != LABELING or not weights.has_classifier:
        return config
    shape = weights.shapes.get(_CLASSIFIER, ())
    names = {index: f"LABEL_{index}" for index in range(shape[0] if len(shape) == 2 else 2)}
    return {**config, "id2label": names, "label2id": {name: index for index, name in names.items()}}


def outputs_of(config: Mapping[str, Any], weights: WeightsFacts, architecture: str) -> tuple[str, ...]:
    """Return a name for each output of a head on a whole text, () where the file has no such head."""
    # The weights of a token classifier have the same names, so the class that the config names decides.
    has_head = weights.has_mean_head or (weights.has_classifier and architecture == LABELING)
    return tuple(config.get("id2label", {}).values()) if has_head else ()


def problem_of(named: object, outputs: int) -> Problem:
    """Return how a head with this number of outputs was trained, from the `problem_type` of its config."""
    if outputs == 1 and named != "multi_label_classification":
        return "regression"  # a single class would be no choice
    return next((problem for problem in PROBLEMS if problem == named), "single_label_classification")


def other_head(weights: WeightsFacts, architecture: str) -> str:
    """Return the class name of a head of another kind in the file, or ""."""
    tensor = _OTHER_HEADS.get(architecture)
    # A file on the Hub has no shapes before its download; then its config is believed.
    if tensor and (not weights.shapes or tensor in weights.shapes):
        return architecture
    foreign = weights.has_classifier and architecture not in {LABELING, *_OTHER_HEADS}
    return (architecture or UNNAMED) if foreign else ""


def has_classifier(architecture: str) -> bool:
    """Return whether a model of this class has its head under the name `classifier`; so has an unknown class."""
    return bool(architecture) and _OTHER_HEADS.get(architecture, _CLASSIFIER) == _CLASSIFIER
