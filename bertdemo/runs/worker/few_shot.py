"""Contrastive tuning: the encoder learns from pairs of rows, then a logistic regression is fitted on its vectors.

In each batch the mean vectors of all rows are compared with each other: those of one label shall point the same way,
others shall not. The head at step 0 is the linear probe on the
encoder as it was, which is also what the trained model is compared with. The validation set chooses nothing.

A run that is stopped while the encoder learns keeps nothing: the regression of the old vectors does not fit the new
ones, to fit another would take time after Stop, and the probe alone is one press away.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.checkpoints.loading import save_head
from bertdemo.checkpoints.mean_pooling_head import masked_mean
from bertdemo.device import Precision, memory_in_use
from bertdemo.errors import LossNotFinite
from bertdemo.runs.recipes import contrastive
from bertdemo.runs.work import Work, padded_tokens
from bertdemo.runs.worker import regression
from bertdemo.runs.worker.observed import Observed
from bertdemo.runs.worker.result import Prepared, Result, measure
from bertdemo.tasks.forward import pad

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from bertdemo.run_config import RunConfig
    from bertdemo.runs.worker.regression import Fitted

# Of the cosines in `softmax_loss`, as Khosla et al. 2020.
_TEMPERATURE = 0.1
# Largest L2 norm of the gradient, as Trainer's default.
_MOST_GRADIENT = 1.0
# What the encoder reads of a row.
_READ = ["input_ids", "attention_mask", "token_type_ids"]
# Rows of a batch that are read together. Of 64 texts padded to the longest one three quarters were padding.
_PART = 16
# Five Step events per second at most, as while fine-tuning.
_STEP_EVENT_SECONDS = 0.2


@dataclass(frozen=True)
class Tell:
    """How a run says what it does, and how it hears that it shall stop."""

    emit: Callable[..., None]
    stop: Callable[[], None]
    """Raises Stopped."""
    testing: Callable[[float], None]


def without_trainer(prepared: Prepared, device: str, precision: Precision, folder: Path, tell: Tell) -> Fitted:
    """Run a method that does not train by Trainer: a linear probe, or contrastive tuning."""
    if prepared.config.frozen:
        return regression.run(prepared, device, tell.emit, tell.stop, tell.testing)
    return run(prepared, device, precision, folder, tell)


def run(prepared: Prepared, device: str, precision: Precision, folder: Path, tell: Tell) -> Fitted:
    """Fit the probe, tune the encoder, fit the head again and evaluate it.

    Raises OneClass, LossNotFinite, and what `stop` raises (Stopped). A stop during the evaluation keeps the model
    without metrics.
    """
    from bertdemo.runs.worker.training import Best, Stopped

    opened: Any = regression.fitted(prepared, device, tell.emit, tell.stop)
    save_head(opened, folder)
    model = opened.model.to(device)
    observed = Observed(prepared, tell.emit)
    observed.before_training(model)
    tuning = Tuning(prepared, model.bert, precision, tell)
    tuning.run()
    _refit(prepared, model, tell)
    observed.predict(model, tuning.steps, float(prepared.config.epochs or 1))
    observed.write_map(model, folder)
    try:
        return regression.Fitted(model, measure(prepared, Best(), model, tell.stop, tell.testing))
    except Stopped:
        return regression.Fitted(model, Result((), {}, ""), {"evaluated": False, "step": tuning.steps})


def _refit(prepared: Prepared, model: Any, tell: Tell) -> None:
    """Fit the regression on the vectors of the tuned encoder, and make it the head.

    Tuning compares directions only, so the norms of the vectors are noise: fitted on the directions, the accuracy on
    goemotions was 0.649 instead of 0.644, the mean of five draws (docs/decisions/0014). A linear layer orders the
    labels of a vector by its direction, but for the bias, so nothing of it has to be undone at prediction.
    """
    import torch

    weight, bias = regression.head(prepared, model.bert, tell.emit, tell.stop, directions=True)
    with torch.no_grad():
        model.linear.weight.copy_(torch.from_numpy(weight))
        model.linear.bias.copy_(torch.from_numpy(bias))


def loss_of(vectors: Tensor, targets: Tensor, *, whole: bool) -> Tensor:
    """Return the loss of a batch; `whole` where it is the whole training set."""
    return pair_loss(vectors, targets) if whole else softmax_loss(vectors, targets)


def softmax_loss(vectors: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy of finding the rows of the same label among all others by their cosines.

    Supervised contrastive loss (Khosla et al. 2020, arXiv:2004.11362). Of many labels some are close to each other;
    this loss lets them be, where `pair_loss` wants every two at a right angle. `vectors` is (rows, hidden).
    """
    import torch

    unit = torch.nn.functional.normalize(vectors, dim=1)
    itself = torch.eye(len(targets), dtype=torch.bool, device=unit.device)
    scores = (unit @ unit.T / _TEMPERATURE).masked_fill(itself, -torch.inf)  # (rows, rows)
    same = (targets[:, None] == targets[None, :]) & ~itself
    likely = torch.log_softmax(scores, dim=1).masked_fill(~same, 0.0)
    paired = same.any(1)  # a row that is alone with its label in the batch says nothing
    return -(likely.sum(1)[paired] / same.sum(1)[paired]).sum() / paired.sum().clamp(min=1)


def pair_loss(vectors: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over all pairs of rows of (cosine - 1)^2 for one label and cosine^2 for two.

    SetFit (Tunstall et al. 2022, arXiv:2209.11055). `vectors` is (rows, hidden), `targets` (rows,) the label of each.
    """
    import torch

    unit = torch.nn.functional.normalize(vectors, dim=1)
    wanted = (targets[:, None] == targets[None, :]).to(unit.dtype)  # (rows, rows)
    first, second = torch.triu_indices(len(targets), len(targets), offset=1, device=unit.device)
    return ((unit @ unit.T - wanted)[first, second] ** 2).mean()


class Optimizer:
    """AdamW with a learning rate that rises, then falls linearly to zero; scales the loss where float16 needs it."""

    def __init__(self, encoder: Any, config: RunConfig, steps: int, *, scaled: bool) -> None:
        import torch

        self._parameters = list(encoder.parameters())
        # As while fine-tuning: no weight decay of biases and LayerNorm, which have one dimension.
        groups = [
            {"params": [it for it in self._parameters if it.ndim > 1], "weight_decay": config.weight_decay},
            {"params": [it for it in self._parameters if it.ndim <= 1], "weight_decay": 0.0},
        ]
        self._adamw = torch.optim.AdamW(groups, lr=config.learning_rate or 0.0)
        rise = max(1.0, config.warmup * steps)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._adamw, lambda step: min((step + 1) / rise, (steps - step) / steps)
        )
        self._scaler = torch.amp.GradScaler(encoder.device.type, enabled=scaled)

    def step(self, loss: Tensor) -> tuple[float, float]:
        """Take one step; return its learning rate and the L2 norm of the gradient."""
        import torch

        rate = float(self._adamw.param_groups[0]["lr"])
        self._adamw.zero_grad()
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self._scaler.unscale_(self._adamw)
        norm = float(torch.nn.utils.clip_grad_norm_(self._parameters, _MOST_GRADIENT))
        self._scaler.step(self._adamw)
        self._scaler.update()
        self._schedule.step()
        return rate, norm if math.isfinite(norm) else 0.0


class Tuning:
    """The steps of one run; the encoder is changed in place and left in eval mode."""

    def __init__(self, prepared: Prepared, encoder: Any, precision: Precision, tell: Tell) -> None:
        self._prepared, self._encoder, self._precision, self._tell = prepared, encoder, precision, tell
        self._epochs = prepared.config.epochs or 1
        self._batch_size = prepared.config.batch_size or 1
        train = prepared.encoded["train"]
        self._rows = train.select_columns(_READ).to_list()
        self.steps = -(-len(self._rows) // self._batch_size) * self._epochs
        self._work = self._planned(list(train["length"]))
        self._last_event = 0.0

    def run(self) -> None:
        """Take all steps. Raises LossNotFinite, and Stopped between two of them."""
        import torch

        config = self._prepared.config
        torch.manual_seed(config.seed)  # for dropout
        optimizer = Optimizer(self._encoder, config, self.steps, scaled=self._precision == "float16")
        targets = self._prepared.targets("train")
        self._encoder.train()
        self._work.begin()
        for step, rows in enumerate(contrastive.batches(targets, self._batch_size, self.steps, config.seed), 1):
            self._tell.stop()
            loss = self._loss(rows, torch.tensor([targets[row] for row in rows]))
            value = float(loss.detach())
            if not math.isfinite(value):
                raise LossNotFinite(step=step, learning_rate=f"{config.learning_rate:g}")
            rate, norm = optimizer.step(loss)
            self._say(step, len(rows), loss=value, learning_rate=rate, grad_norm=norm)
        self._encoder.eval()

    def _loss(self, rows: Sequence[int], targets: Tensor) -> Tensor:
        """Return the loss of one batch, which is read in parts of similar length: little of it is padding then."""
        import torch

        by_length = sorted(range(len(rows)), key=lambda at: len(self._rows[rows[at]]["input_ids"]))
        parts = [by_length[start : start + _PART] for start in range(0, len(rows), _PART)]
        vectors = torch.cat([self._vectors([rows[at] for at in part]) for part in parts])  # (rows, hidden)
        whole = len(self._rows) <= self._batch_size
        return loss_of(vectors, targets[by_length].to(vectors.device), whole=whole)

    def _vectors(self, rows: Sequence[int]) -> Tensor:
        """Return the mean vectors of rows, (rows, hidden), in float32."""
        import torch

        device = self._encoder.device
        padded = pad([self._rows[row] for row in rows], self._prepared.tokenizer.pad_id)
        batch = {name: tensor.to(device) for name, tensor in padded.items()}
        dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[self._precision]
        with torch.autocast(device.type, dtype, enabled=self._precision != "float32"):
            hidden = self._encoder(**batch).last_hidden_state  # (rows, tokens, hidden)
        self._work.done += 3.0 * batch["input_ids"].numel()
        return masked_mean(hidden.float(), batch["attention_mask"])

    def _planned(self, lengths: Sequence[int]) -> Work:
        """Return the work of the run; the training rows are embedded twice, and once before the first step."""
        held_out = sum(self._prepared.encoded["test" if "test" in self._prepared.encoded else "validation"]["length"])
        order, once = random.Random(0).sample(lengths, len(lengths)), sum(lengths)
        drawn = [order[start : start + self._batch_size] for start in range(0, len(order), self._batch_size)]
        padded = sum(padded_tokens(batch, _PART, grouped=True) for batch in drawn)
        return Work(padded, self._epochs, 0, held_out, start_tokens=2 * once, done=float(once))

    def _say(self, step: int, rows: int, **values: float) -> None:
        if time.monotonic() - self._last_event < _STEP_EVENT_SECONDS and step < self.steps:
            return
        self._last_event = time.monotonic()
        spent = self._last_event - self._work.began
        self._tell.emit(
            "Step",
            step=step,
            steps=self.steps,
            epoch=round(step * self._epochs / self.steps, 4),
            progress=self._work.progress(),
            seconds_left=self._work.seconds_left(),
            rows_per_second=step * rows / spent if spent > 0 else 0.0,
            memory_bytes=memory_in_use(str(self._encoder.device)),
            **values,
        )
