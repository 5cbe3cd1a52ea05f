"""A short training with random weights that measures the speed of this CPU, for the estimate before the first run."""

from __future__ import annotations

import time
from typing import Any

from bertdemo import device as devices
from bertdemo.run_config import RunConfig
from bertdemo.runs.estimate import Speeds, layer_parameters
from bertdemo.settings import Settings

# The shape of the bundled model and of a usual batch, its embeddings frozen and its weights in the precision of a run:
# a few steps of what a first run does. They take a second or two.
_LAYERS, _WIDTH, _HEADS, _VOCABULARY, _BATCH, _TOKENS, _STEPS = 6, 384, 12, 30_522, 16, 24, 3


def calibrate(settings: Settings) -> None:
    """Measure and store the speed of the best device, where it is a CPU that no run has measured."""
    devices.limit_threads()
    device = devices.report().devices[0]
    precision = devices.precision_for(device, "auto")
    speeds = Speeds(settings.home)
    # A GPU is left alone: another run may be using all of its memory.
    if device.kind == "cpu" and speeds.of(device.name, precision) is None:
        speeds.note(device.name, precision, _speed(precision))


def _speed(precision: devices.Precision) -> float:
    """Return work units times layer parameters per second of a few training steps."""
    import torch
    from transformers import BertConfig, BertModel

    from bertdemo.runs.worker.optimization.optimizer import freeze, optimizer_of

    config = BertConfig(
        vocab_size=_VOCABULARY,
        hidden_size=_WIDTH,
        num_hidden_layers=_LAYERS,
        num_attention_heads=_HEADS,
        intermediate_size=4 * _WIDTH,
    )
    model: Any = BertModel(config)
    freeze(model, RunConfig(embeddings="freeze"))
    model = model.bfloat16() if precision == "bfloat16" else model
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = optimizer_of([{"params": weights}], torch.optim.AdamW, {"fused": True})
    ids = torch.arange(_BATCH * _TOKENS).reshape(_BATCH, _TOKENS) % config.vocab_size  # (batch, tokens)
    began = 0.0
    for step in range(_STEPS + 1):
        if step == 1:  # the first step allocates
            began = time.monotonic()
        loss = model(input_ids=ids).last_hidden_state.float().square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    # A training token counts as three units: see runs.work.
    units = 3 * _BATCH * _TOKENS * _STEPS
    return units * layer_parameters(_LAYERS, _WIDTH) / (time.monotonic() - began)
