"""A few steps of fine-tuning on one labeled text, on a copy: loss, gradients, and what the steps changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.anatomy import label_head
from bertdemo.anatomy.probabilities import probabilities
from bertdemo.checkpoints.head_detection import Problem

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter
    from transformers import BertForSequenceClassification


@dataclass(frozen=True)
class TrainingStep:
    """The prediction, its loss, the gradient in each part of the model, and the prediction after the steps."""

    labels: tuple[str, ...]
    label: int
    """Index of the right one."""
    logits: tuple[float, ...]
    probabilities: tuple[float, ...]
    loss: float
    """The cross-entropy: -log of the probability of the right label; for a multi-label head the binary cross-entropy,
    the mean over all labels."""
    gradient_norms: tuple[tuple[str, float], ...]
    """(part, L2 norm of its gradient): embeddings, layer.1 .. layer.L, then pooler and classifier, or linear."""
    total_norm: float
    """L2 norm of the whole gradient, which gradient clipping limits."""
    after_logits: tuple[float, ...]
    after_probabilities: tuple[float, ...]
    after_loss: float
    learning_rate: float
    weight_decay: float
    problem: Problem = "single_label_classification"
    losses: tuple[float, ...] = ()
    """The loss before the first step and after each one."""


def training_step(
    model: BertForSequenceClassification,
    inputs: Mapping[str, Tensor],
    label: int,
    learning_rate: float,
    weight_decay: float = 0.01,
    steps: int = 1,
) -> TrainingStep:
    """Take AdamW steps towards `label` on a copy of `model`; the gradient is that of the first step.

    `inputs` are those of one text, (1, n) each. The copy is in eval mode: without dropout, which training uses, the
    numbers are the same every time. Weight decay applies to all weights; a run of this app exempts biases and
    LayerNorm. AdamW (Loshchilov and Hutter, 2019) moves each weight by about the learning rate in its first step,
    whatever the size of its gradient. For a multi-label head, `label` is the only one that applies. Raises ValueError
    where the head is a regression, `label` is not one of its labels, or the inputs are not one text.
    """
    _check(model, inputs, label)
    import torch

    with torch.inference_mode(False), torch.enable_grad():
        copied = _trainable_copy(model)
        # clone: tensors made in inference mode cannot take part in a backward pass
        batch = {name: tensor.clone() for name, tensor in inputs.items()} | {"labels": _target(model, label)}
        optimizer = torch.optim.AdamW(copied.parameters(), lr=learning_rate, weight_decay=weight_decay)
        out = copied(**batch, return_dict=True)
        out.loss.backward()
        norms = tuple((part, _norm(parameters)) for part, parameters in _parts(copied))
        optimizer.step()
        losses = [out.loss.item(), *_more_steps(copied, batch, optimizer, steps - 1)]
        with torch.no_grad():
            after = copied(**batch, return_dict=True)
    names: Any = model.config.id2label
    problem = label_head.trained_for(model)
    logits, after_logits = tuple(out.logits[0].tolist()), tuple(after.logits[0].tolist())  # (labels,) each
    return TrainingStep(
        labels=tuple(str(names[index]) for index in range(len(logits))),
        label=label,
        logits=logits,
        probabilities=probabilities(logits, problem),
        loss=out.loss.item(),
        gradient_norms=norms,
        total_norm=math.hypot(*(norm for _, norm in norms)),
        after_logits=after_logits,
        after_probabilities=probabilities(after_logits, problem),
        after_loss=after.loss.item(),
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        problem=problem,
        losses=(*losses, after.loss.item()),
    )


def _more_steps(model: Any, batch: Mapping[str, Tensor], optimizer: Any, steps: int) -> list[float]:
    """Take further steps on the same text; return the loss before each."""
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(**batch, return_dict=True).loss
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    return losses


def _target(model: BertForSequenceClassification, label: int) -> Tensor:
    """Return the target of the loss: the label's id, (1,), or one-hot for a multi-label head, (1, labels)."""
    import torch

    if label_head.trained_for(model) == "multi_label_classification":
        return torch.eye(len(label_head.linear_of(model).bias))[[label]]
    return torch.tensor([label])


def _check(model: BertForSequenceClassification, inputs: Mapping[str, Tensor], label: int) -> None:
    count = len(label_head.linear_of(model).bias)
    if label_head.trained_for(model) == "regression":
        raise ValueError("a training step needs a head that chooses among labels")
    if not 0 <= label < count:
        raise ValueError("no such label")
    if inputs["input_ids"].shape[0] != 1:
        raise ValueError("a training step takes one text")


def _trainable_copy(model: BertForSequenceClassification) -> Any:
    """Copy the model in eval mode, with every parameter trainable."""
    import copy

    copied: Any = copy.deepcopy(model)
    copied.eval()
    copied.requires_grad_(True)
    return copied


def _parts(model: Any) -> list[tuple[str, list[Parameter]]]:
    """Return all parameters by part of the model, each once."""
    parts = [("embeddings", model.bert.embeddings)]
    parts += [(f"layer.{number}", layer) for number, layer in enumerate(model.bert.encoder.layer, start=1)]
    parts += label_head.parts_of(model)
    return [(name, list(module.parameters())) for name, module in parts]


def _norm(parameters: Iterable[Parameter]) -> float:
    # Not torch.norm: in float32 on a CPU it is off in the fifth digit for a large matrix, where a sum is not.
    gradients = (parameter.grad for parameter in parameters)
    return math.sqrt(sum(gradient.square().sum().item() for gradient in gradients if gradient is not None))
