"""Which weights of a model train, and in which precision: frozen layers, LoRA, bfloat16.

LoRA is peft's, on the query and value matrices of the encoder, as in Hu et al. 2021 (arXiv:2106.09685, section 4.2).
The head trains as a whole. After training the updates are added into the weights, so that a checkpoint is a plain BERT.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bertdemo.runs.worker.optimization.optimizer import freeze

if TYPE_CHECKING:
    from bertdemo.device import Precision
    from bertdemo.run_config import RunConfig
    from bertdemo.tasks.base import Task

_ADAPTED = (".query", ".value")
# Twice the rank, so that the update has the scale 2 at each rank (peft's documentation and most published settings).
_ALPHA_PER_RANK = 2


def autocast(config: RunConfig, precision: Precision) -> Precision:
    """Return the precision of autocast: float32, which is none, where the weights themselves are in bfloat16."""
    return "float32" if _in_bfloat16(config, precision) else precision


def trainable(model: Any, task: Task, config: RunConfig, precision: Precision) -> Any:
    """Return `model` as it trains: changed in place by LoRA, frozen layers and the precision of its weights."""
    if config.lora_rank:
        _add_lora(model, task, config)
    if config.gradient_checkpointing:  # reentrant checkpointing would need inputs that have a gradient
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    freeze(model, config)
    return model.bfloat16() if _in_bfloat16(config, precision) else model


def restore_frozen(model: Any, open_base: Callable[[], Any], config: RunConfig, precision: Precision) -> None:
    """Put the frozen weights back as they were: training in bfloat16 has rounded them, and no optimizer has a copy.

    `open_base` returns the model as training started with it; it is only called where there is something to restore.
    """
    frozen = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    if frozen and _in_bfloat16(config, precision):
        state = open_base().state_dict()
        model.load_state_dict({name: state[name] for name in frozen}, strict=False)


def merge_lora(model: Any) -> None:
    """Add the updates of LoRA into the weights that they belong to; does nothing to a model without them."""
    from peft.tuners.lora import Linear

    for name, module in list(model.named_modules()):
        if isinstance(module, Linear):
            module.merge()
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, module.get_base_layer())


def _in_bfloat16(config: RunConfig, precision: Precision) -> bool:
    """Return whether the weights train in bfloat16. LoRA has few weights that train, so it gains nothing by that."""
    return precision == "bfloat16" and not config.lora_rank


def _add_lora(model: Any, task: Task, config: RunConfig) -> None:
    """Put low-rank updates beside the query and value matrices, and train nothing else but the head.

    The updates start from the seed of the run, not from what was drawn before, so the run can be repeated.
    """
    import torch
    from peft import LoraConfig
    from peft.tuners.lora import LoraModel

    rank = config.lora_rank
    adapted = [name for name, _ in model.named_modules() if name.endswith(_ADAPTED) and not task.is_head(f"{name}.")]
    torch.manual_seed(config.seed)
    LoraModel(model, LoraConfig(r=rank, lora_alpha=_ALPHA_PER_RANK * rank, target_modules=adapted), "default")
    for name, parameter in model.named_parameters():
        if task.is_head(name):
            parameter.requires_grad = True
