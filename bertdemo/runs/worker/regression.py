"""A linear probe on the frozen encoder: kept as a checkpoint (method `regression`), or the head that a run starts with.

It is the logistic regression that `analysis.baselines` scores before training, fitted on the training rows only. The
validation rows choose nothing, so they are as unseen as a test set.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bertdemo.analysis import baselines
from bertdemo.checkpoints.loading import open_mean_linear, open_model
from bertdemo.errors import OneClass
from bertdemo.runs.worker.result import Prepared, Result, measure

if TYPE_CHECKING:
    from bertdemo.analysis.baselines import Floats, Linear
    from bertdemo.checkpoints import Opened

# Phase events per batch would fill the event file: a large table has thousands of batches.
_EVENT_SECONDS = 0.5
# Added to the lowest bias for a label that no training row has: a factor of exp(-30), 1e-13, in the probability.
_UNSEEN_LABEL = -30.0


@dataclass(frozen=True)
class Fitted:
    """The model, and its result on held-out rows."""

    model: Any
    result: Result
    cancelled: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the Cancelled event where the final evaluation was stopped; empty otherwise."""


def run(
    prepared: Prepared,
    device: str,
    emit: Callable[..., None],
    stop: Callable[[], None],
    testing: Callable[[float], None],
) -> Fitted:
    """Embed the training rows, fit the regression, build the model and evaluate it; phases go to `emit`.

    Raises OneClass where the training rows have one label, and what `stop` raises between batches (Stopped). A stop
    during the evaluation keeps the model without metrics.
    """
    from bertdemo.runs.worker.training import Best, Stopped

    opened: Any = fitted(prepared, device, emit, stop)
    model = opened.model.to(device)
    try:
        return Fitted(model, measure(prepared, Best(), model, stop, testing))
    except Stopped:
        return Fitted(model, Result((), {}, ""), {"evaluated": False, "step": 0})


def fitted(prepared: Prepared, device: str, emit: Callable[..., None], stop: Callable[[], None]) -> Opened:
    """Embed the training rows, fit the regression, and return the model on the CPU. Raises as `run`."""
    layers, dropout = prepared.config.layers, prepared.config.dropout
    encoder: Any = open_model(prepared.base, layers=layers).model
    weight, bias = head(prepared, encoder.to(device), emit, stop)
    return open_mean_linear(prepared.base, prepared.labels, weight, bias, layers=layers, dropout=dropout)


def head(
    prepared: Prepared, encoder: Any, emit: Callable[..., None], stop: Callable[[], None], *, directions: bool = False
) -> tuple[Floats, Floats]:
    """Return weight (labels, hidden size) and bias (labels,) fitted on the training rows, embedded by this encoder.

    The encoder is in eval mode, on its device. With `directions` all vectors are fitted at their mean L2 norm. Raises
    as `run`.
    """
    vectors, labels = _vectors(prepared, encoder, emit, stop)
    if directions:
        vectors = of_one_norm(vectors)
    emit("Phase", name="fitting", progress=0.0)
    weight, bias = _rows_of(prepared.labels, baselines.fit(vectors, labels))
    stop()
    return weight, bias


def of_one_norm(vectors: Floats) -> Floats:
    """Return vectors of the same directions, (rows, hidden size), all with the mean L2 norm of these."""
    import numpy as np

    norms = np.linalg.norm(vectors, axis=1, keepdims=True)  # (rows, 1)
    return np.asarray(vectors / np.maximum(norms, np.finfo(np.float32).tiny) * norms.mean(), dtype=np.float32)


def _vectors(
    prepared: Prepared, encoder: Any, emit: Callable[..., None], stop: Callable[[], None]
) -> tuple[Floats, list[str]]:
    """Return embeddings (training rows, hidden size), and the labels of the rows."""
    labels = [prepared.labels[target] for target in prepared.targets("train")]
    if len(set(labels)) < 2:  # rows that a test file has too are left out, which may be all of a label
        raise OneClass(label=labels[0][:80], column=prepared.request.columns["label"])
    last_event = 0.0

    def progress(share: float) -> None:
        nonlocal last_event
        stop()
        if time.monotonic() - last_event > _EVENT_SECONDS or share >= 1.0:
            last_event = time.monotonic()
            emit("Phase", name="embedding", progress=min(1.0, share))

    vectors = baselines.embed_with(
        encoder,
        prepared.tokenizer,
        prepared.inputs("train").texts,
        prepared.config.truncation,
        batch_size=prepared.config.batch_size or 1,
        progress=progress,
    )
    return vectors, labels


def _rows_of(labels: tuple[str, ...], linear: Linear) -> tuple[Floats, Floats]:
    """Return weight (labels, hidden size) and bias (labels,) in the order of `labels`; not all may be fitted."""
    import numpy as np

    weight = np.zeros((len(labels), linear.weight.shape[1]), dtype=np.float32)
    bias = np.full(len(labels), linear.bias.min() + _UNSEEN_LABEL, dtype=np.float32)
    rows = [labels.index(label) for label in linear.labels]
    weight[rows], bias[rows] = linear.weight, linear.bias
    return weight, bias
