"""One step of fine-tuning on one labeled text, on a copy: loss, gradients, and what the step changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.anatomy import label_head
from bertdemo.anatomy.probabilities import chances
from bertdemo.checkpoints.head_detection import Problem

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter
    from transformers import BertForSequenceClassification


@dataclass(frozen=True)
class TrainingStep:
    """What the model said, how wrong that was, where the gradient went, and what it says one step later."""

    labels: tuple[str, ...]
    label: int
    """Index of the right one."""
    logits: tuple[float, ...]
    probabilities: tuple[float, ...]
    loss: float
    """-log of the probability of the right label; of a head that says yes or no to each label, the mean of that over
    all labels, the right one's yes and the others' no."""
    gradient_norms: tuple[tuple[str, float], ...]
    """(part, L2 norm over all its gradients): embeddings, layer.1 .. layer.L, then pooler and classifier, or linear."""
    total_norm: float
    """L2 norm over all of them; a trainer clips by it."""
    after_logits: tuple[float, ...]
    after_probabilities: tuple[float, ...]
    after_loss: float
    learning_rate: float
    weight_decay: float
    problem: Problem = "single_label_classification"


def training_step(
    model: BertForSequenceClassification,
    inputs: Mapping[str, Tensor],
    label: int,
    learning_rate: float,
    weight_decay: float = 0.01,
) -> TrainingStep:
    """Take one AdamW step towards `label` on a copy of `model`, which stays as it is.

    `inputs` are those of one text, (1, n) each. The copy is in eval mode: without dropout the numbers are the same
    every time, where a real training drops some. Every weight is decayed; a run of this app spares biases and
    LayerNorm. AdamW (Loshchilov and Hutter, 2019) moves each weight by about the learning rate in its first step,
    whatever the size of its gradient. Where the head says yes or no to each label by itself, `label` is taken for
    the only one that applies. Raises ValueError where the head is a regression, `label` is none of its labels, or
    the inputs are not one text.
    """
    _check(model, inputs, label)
    import torch

    with torch.inference_mode(False), torch.enable_grad():
        copied = _trainable_copy(model)
        given = {name: tensor.clone() for name, tensor in inputs.items()}  # inference tensors cannot be trained on
        given["labels"] = _target(model, label)
        optimizer = torch.optim.AdamW(copied.parameters(), lr=learning_rate, weight_decay=weight_decay)
        out = copied(**given, return_dict=True)
        out.loss.backward()
        norms = tuple((part, _norm(parameters)) for part, parameters in _parts(copied))
        optimizer.step()
        with torch.no_grad():
            after = copied(**given, return_dict=True)
    names: Any = model.config.id2label
    problem = label_head.trained_for(model)
    count = out.logits.shape[-1]
    return TrainingStep(
        labels=tuple(str(names[index]) for index in range(count)),
        label=label,
        **_said(out, "", problem),
        gradient_norms=norms,
        total_norm=math.hypot(*(norm for _, norm in norms)),
        **_said(after, "after_", problem),
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        problem=problem,
    )


def _target(model: BertForSequenceClassification, label: int) -> Tensor:
    """Return the id of the right label, (1,), or 1 for it and 0 for the others, (1, labels), as the loss wants it."""
    import torch

    if label_head.trained_for(model) == "multi_label_classification":
        return torch.eye(len(label_head.linear_of(model).bias))[[label]]
    return torch.tensor([label])


def _said(out: Any, prefix: str, problem: Problem) -> dict[str, Any]:
    """Return logits, probabilities and loss of one forward pass under their names in TrainingStep."""
    logits = tuple(out.logits[0].tolist())
    said = {"logits": logits, "probabilities": chances(logits, problem), "loss": out.loss.item()}
    return {prefix + name: value for name, value in said.items()}


def _check(model: BertForSequenceClassification, inputs: Mapping[str, Tensor], label: int) -> None:
    count = len(label_head.linear_of(model).bias)
    if label_head.trained_for(model) == "regression":
        raise ValueError("a training step needs a head that chooses among labels")
    if not 0 <= label < count:
        raise ValueError("no such label")
    if inputs["input_ids"].shape[0] != 1:
        raise ValueError("a training step takes one text")


def _trainable_copy(model: BertForSequenceClassification) -> Any:
    """Copy the model, without dropout and with nothing frozen."""
    import copy

    copied: Any = copy.deepcopy(model)
    copied.eval()
    copied.requires_grad_(True)
    return copied


def _parts(model: Any) -> list[tuple[str, list[Parameter]]]:
    """Every parameter, once, by the part of the model that it belongs to."""
    parts = [("embeddings", model.bert.embeddings)]
    parts += [(f"layer.{number}", layer) for number, layer in enumerate(model.bert.encoder.layer, start=1)]
    parts += label_head.parts_of(model)
    return [(name, list(module.parameters())) for name, module in parts]


def _norm(parameters: Iterable[Parameter]) -> float:
    # Not torch's norm: in float32 and on a CPU it is off in the fifth digit for a large matrix, where a sum is not.
    return math.sqrt(sum(one.grad.square().sum().item() for one in parameters if one.grad is not None))
