"""The run that trains no encoder: vectors of the frozen base, a logistic regression on them, one checkpoint of both.

The regression is the one that `data.baseline` scores before a training. It is fitted on the training rows alone, so
the validation rows are as unseen as the test rows: nothing was chosen by them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bertdemo.analysis import baselines
from bertdemo.checkpoints.loading import open_mean_linear
from bertdemo.errors import OneClass
from bertdemo.runs.worker.result import Prepared, Result, measure

if TYPE_CHECKING:
    from bertdemo.analysis.baselines import Floats, Linear

_EVENT_SECONDS = 0.5
_NEVER = -30.0
"""Logits below the lowest bias for a label that no training row has: exp(-30) is a probability of nothing."""


@dataclass(frozen=True)
class Fitted:
    """The model, and what it reaches on held-out rows."""

    model: Any
    result: Result
    cancelled: Mapping[str, Any] = field(default_factory=dict)
    """What Cancelled says where somebody stopped the measuring; empty otherwise."""


def run(
    prepared: Prepared,
    device: str,
    emit: Callable[..., None],
    stop: Callable[[], None],
    testing: Callable[[float], None],
) -> Fitted:
    """Embed the training rows, fit, build the model and measure it; `emit` is told the phases.

    Raises Stopped where somebody stops it before there is a model (`stop` does, between batches), OneClass where
    the training rows have one label. A stop while it is measured keeps the model, unmeasured.
    """
    from bertdemo.runs.worker.training import Best, Stopped

    vectors, labels = _vectors(prepared, device, emit, stop)
    emit("Phase", name="fitting", progress=0.0)
    weight, bias = _rows_of(prepared.labels, baselines.fit(vectors, labels))
    stop()
    model = open_mean_linear(prepared.base, prepared.labels, weight, bias).to(device)
    try:
        return Fitted(model, measure(prepared, Best(), model, stop, testing))
    except Stopped:
        return Fitted(model, Result((), {}, ""), {"evaluated": False, "step": 0})


def _vectors(
    prepared: Prepared, device: str, emit: Callable[..., None], stop: Callable[[], None]
) -> tuple[Floats, list[str]]:
    """Return (training rows, width) vectors of the frozen encoder and the rows' labels."""
    labels = [prepared.labels[target] for target in prepared.targets("train")]
    if len(set(labels)) < 2:  # all rows of the others may have been left out, because the test file has them too
        raise OneClass(label=labels[0][:80], column=prepared.request.columns["label"])
    said = 0.0

    def progress(share: float) -> None:
        nonlocal said
        stop()
        if time.monotonic() - said > _EVENT_SECONDS or share >= 1.0:
            said = time.monotonic()
            emit("Phase", name="embedding", progress=min(1.0, share))

    vectors = baselines.embed(
        prepared.base,
        prepared.tokenizer,
        prepared.inputs("train").texts,
        prepared.config.truncation,
        batch_size=prepared.config.batch_size or 1,
        device=device,
        progress=progress,
    )
    return vectors, labels


def _rows_of(labels: tuple[str, ...], linear: Linear) -> tuple[Floats, Floats]:
    """Return weight (labels, width) and bias (labels,) in the order of `labels`, some of which may not be fitted."""
    import numpy as np

    weight = np.zeros((len(labels), linear.weight.shape[1]), dtype=np.float32)
    bias = np.full(len(labels), linear.bias.min() + _NEVER, dtype=np.float32)
    rows = [labels.index(label) for label in linear.labels]
    weight[rows], bias[rows] = linear.weight, linear.bias
    return weight, bias
