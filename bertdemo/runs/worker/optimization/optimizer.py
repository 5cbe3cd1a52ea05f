"""AdamW as a run uses it: which weights train, at which learning rate, and float32 copies of bfloat16 weights.

A weight in bfloat16 has eight significant bits, so most updates of 1e-4 would round to nothing. The optimizer
therefore keeps each weight in float32 too, updates that copy, and rounds it into the model after every step
(Micikevicius et al. 2018, arXiv:1710.03740). The copy is part of `state_dict`, so a resumed run goes on exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from bertdemo.checkpoints.loading import tensors_of
from bertdemo.run_config import RunConfig

if TYPE_CHECKING:
    from torch.nn import Parameter

    from bertdemo.tasks.base import Task

# Names of the encoder's parameters in every class of transformers that is trained here; the decoder of an
# encoder-decoder has names of its own and counts as the head.
_LAYER = re.compile(r"(?:^|\.)encoder\.layer\.(\d+)\.")
_EMBEDDINGS = re.compile(r"(?:^|\.)embeddings\.")
_DECODER = "decoder."
# The key under which `state_dict` has the float32 copy of a weight.
_MASTER = "master"


class MasterAdamW(torch.optim.AdamW):
    """Fused AdamW on float32 copies of the parameters; `step` rounds the copies into the parameters."""

    def __init__(self, groups: Iterable[dict[str, Any]], **options: Any) -> None:
        self._pairs: list[tuple[Parameter, torch.Tensor]] = []
        super().__init__([self._with_copies(group) for group in groups], fused=True, **options)

    def _with_copies(self, group: dict[str, Any]) -> dict[str, Any]:
        copies = [weight.detach().clone().float().requires_grad_() for weight in group["params"]]
        self._pairs += zip(group["params"], copies, strict=True)
        return {**group, "params": copies}

    @property
    def pairs(self) -> Sequence[tuple[Parameter, torch.Tensor]]:
        """Each parameter of the model, and its float32 copy."""
        return self._pairs

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update the copies by the gradients of the parameters, then round them into the parameters."""
        self._hand_over_gradients()
        super().step(closure)
        self._round()

    def zero_grad(self, set_to_none: bool = True) -> None:  # noqa: ARG002 - the signature of torch
        """Forget the gradients of the parameters; those of the copies are overwritten by the next step."""
        for weight, _ in self._pairs:
            weight.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Return AdamW's state with the float32 copy of each parameter under `master`."""
        state = super().state_dict()
        for index, copy in enumerate(self._copies()):
            state["state"].setdefault(index, {})[_MASTER] = copy.detach()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned, the parameters included."""
        by_index = {index: dict(values) for index, values in state_dict["state"].items()}
        masters = {index: values.pop(_MASTER) for index, values in by_index.items()}
        used = {index: values for index, values in by_index.items() if values}  # {} is a state of its own for AdamW
        super().load_state_dict({**state_dict, "state": used})
        with torch.no_grad():
            for index, copy in enumerate(self._copies()):
                copy.copy_(masters[index])
        self._round()

    def _copies(self) -> list[torch.Tensor]:
        """Return the copies in the order in which `state_dict` numbers them."""
        return [copy for group in self.param_groups for copy in group["params"]]

    def _hand_over_gradients(self) -> None:
        """Write the gradients of the parameters into those of the copies, in place: new memory at each step costs time.

        One call for all tensors: a GPU would wait for 200 single ones.
        """
        gradients: list[torch.Tensor] = []
        copied: list[torch.Tensor] = []
        for weight, copy in self._pairs:
            if weight.grad is None:
                copy.grad = None
                continue
            if copy.grad is None:
                copy.grad = torch.empty_like(copy)
            gradients.append(weight.grad)
            copied.append(copy.grad)
        torch._foreach_copy_(copied, gradients)

    @torch.no_grad()
    def _round(self) -> None:
        torch._foreach_copy_([weight for weight, _ in self._pairs], [copy for _, copy in self._pairs])


def optimizer_of(
    groups: list[dict[str, Any]], cls: type[torch.optim.Optimizer], options: dict[str, Any]
) -> torch.optim.Optimizer:
    """Return MasterAdamW where weights are in bfloat16, else `cls` with these options."""
    if any(weight.dtype == torch.bfloat16 for group in groups for weight in group["params"]):
        return MasterAdamW(groups, **{name: value for name, value in options.items() if name != "fused"})
    return cls(groups, **options)


def trained_tensors(model: Any, optimizer: Any) -> dict[str, torch.Tensor]:
    """Return a model's tensors for a file, on the CPU, at the precision in which `optimizer` trains them."""
    return {**tensors_of(model), **{name: copy.detach().cpu() for name, copy in _masters(model, optimizer).items()}}


def widen(model: Any, optimizer: Any) -> None:
    """Turn the weights of a model that was trained in bfloat16 back into float32: those of the optimizer's copies."""
    masters = {name: copy.detach().clone() for name, copy in _masters(model, optimizer).items()}
    model.float()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name in masters:
                weight.copy_(masters[name])


def _masters(model: Any, optimizer: Any) -> dict[str, torch.Tensor]:
    """Return name -> float32 copy of the weights that `optimizer`, perhaps wrapped by accelerate, has copies of."""
    inner = getattr(optimizer, "optimizer", optimizer)
    if not isinstance(inner, MasterAdamW):
        return {}
    by_weight = {id(weight): copy for weight, copy in inner.pairs}
    return {name: by_weight[id(weight)] for name, weight in model.named_parameters() if id(weight) in by_weight}


def freeze(model: Any, config: RunConfig) -> None:
    """Leave the embeddings and the lowest layers of the encoder as they are, where the settings say so."""
    highest = config.frozen_layers or (0 if config.embeddings == "freeze" else -1)
    for name, parameter in model.named_parameters():
        depth = _depth(name)
        if depth is not None and depth <= highest:
            parameter.requires_grad = False


def parameter_groups(
    model: Any, task: Task, config: RunConfig, *, learning_rate: float, decayed: frozenset[str]
) -> list[dict[str, Any]]:
    """Return AdamW's parameter groups: one per learning rate and weight decay, the highest encoder layer's first.

    `decayed` are the names that get weight decay (no bias, no LayerNorm). The logged learning rate is the first
    group's.
    """
    groups: dict[tuple[float, float], list[Parameter]] = {}
    top = max((depth for name, _ in model.named_parameters() if (depth := _depth(name)) is not None), default=0)
    named = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    for name, weight in sorted(named, key=lambda pair: _order(pair[0], task)):
        share = config.head_learning_rate_factor or 1.0
        if not task.is_head(name):
            depth = _depth(name)
            share = config.layer_decay ** (top - (top if depth is None else depth))
        key = (learning_rate * share, config.weight_decay if name in decayed else 0.0)
        groups.setdefault(key, []).append(weight)
    return [{"params": weights, "lr": lr, "weight_decay": decay} for (lr, decay), weights in groups.items()]


def _order(name: str, task: Task) -> tuple[bool, int]:
    """Sort the encoder before the head, and its highest layer first."""
    return task.is_head(name), -(_depth(name) or 0)


def _depth(name: str) -> int | None:
    """Return 0 for an embedding, k for the k-th Transformer layer of the encoder, None for everything else."""
    if name.startswith(_DECODER):
        return None
    if _EMBEDDINGS.search(name):
        return 0
    layer = _LAYER.search(name)
    return int(layer[1]) + 1 if layer else None
