"""transformers.Trainer that can be resumed exactly: its rows, its random state, and its checkpoints.

The order of the rows is our own, nothing that evaluates or saves draws from the generators of the training, and a
checkpoint is read and written by us: Trainer's own are written in place and hold pickles. Trainer calls the methods
that begin with `_load` in this order: weights, then optimizer and scaler, then random state.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import Trainer
from transformers.trainer import TRAINER_STATE_NAME

from bertdemo.checkpoints.loading import restore_tensors, tensors_of
from bertdemo.disk import save_tensors
from bertdemo.faults import fault
from bertdemo.runs.resume import checkpoints
from bertdemo.runs.resume.checkpoints import Conditions, ResumeCheckpoint
from bertdemo.runs.worker.optimization.batches import TrainingOrder, TrainingRows
from bertdemo.runs.worker.result import link_or_copy
from bertdemo.runs.worker.resume import state_tree
from bertdemo.runs.worker.resume.random_state import random_state, random_state_kept, restore_random_state

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import TrainingArguments

_WEIGHTS, _BEST, _STATE = "model.safetensors", "best.safetensors", "state"
# A checkpoint is due after this many times the seconds that the last one took: then saving takes 2% of the time. One of
# the bundled model, 270 MB with its optimizer, took 1.4 s on two busy cores.
_SAVE_SHARE = 50
# Where a save takes milliseconds there is still no need for one more often than this many seconds.
_LEAST_SECONDS = 30.0
# The end of an epoch is the better moment, so that it may cost 5%: with epochs of seven seconds it was a tenth.
_EPOCH_SHARE = 20
# A save that is shorter than this many seconds is made after every epoch.
_SHORT_SAVE = 0.2


@dataclass
class Saving:
    """When the checkpoints of one attempt are written, and where."""

    run: Path
    attempt: int
    conditions: Conditions
    best: Path
    """The file of the best weights so far."""
    start: ResumeCheckpoint | None = None
    """What this attempt goes on from."""
    _ended: float = field(default_factory=time.monotonic)
    _took: float = 0.0

    def restore_best(self) -> None:
        """Put the file of the best weights back as it was when the checkpoint was written."""
        restore_best(self.start, self.best)

    def due(self, step: int) -> bool:  # noqa: ARG002 - a test chooses steps
        """Return whether so much time has passed that a save takes a small share of it."""
        return time.monotonic() - self._ended >= max(_LEAST_SECONDS, _SAVE_SHARE * self._took)

    def due_after_epoch(self) -> bool:
        """Return whether to save at the end of an epoch: always the first time, then by what the last save took."""
        return self._took < _SHORT_SAVE or time.monotonic() - self._ended >= _EPOCH_SHARE * self._took

    def publish(self, step: int, write: Callable[[Path], None], *, evaluated: bool) -> None:
        """Write one checkpoint, and note how long it took."""
        began = time.monotonic()
        checkpoints.publish(self.run, step, self.attempt, self.conditions, write, evaluated=evaluated)
        self._ended = time.monotonic()
        self._took = self._ended - began


class ResumableTrainer(Trainer):
    """See the module. `resumed` gets what `reported` returned when the checkpoint was written; both are JSON-like."""

    def __init__(
        self,
        *,
        train_dataset: Dataset,
        saving: Saving | None = None,
        after_step: Callable[[], None] = lambda: None,
        reported: Callable[[], Mapping[str, Any]] = dict,
        **arguments: Any,
    ) -> None:
        super().__init__(train_dataset=TrainingRows(train_dataset), **arguments)
        self._encoded, self._saving = train_dataset, saving
        self._after_step, self._reported = after_step, reported
        self._published = (0, False)  # step, evaluated: of the newest checkpoint
        self._stepped = False
        self._state: dict[str, Any] = {}

    # --- the order of the rows, and the random state ---

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:  # noqa: ARG002 - Trainer's name for its own
        """Return an order that depends on the seed and the epoch alone."""
        grouped = self.args.train_sampling_strategy == "group_by_length"
        lengths = list(self._encoded["length"]) if grouped else None
        return TrainingOrder(len(self._encoded), self.args.seed, self.args.train_batch_size, lengths)

    def evaluate(self, *arguments: Any, **options: Any) -> dict[str, float]:
        """Evaluate, with everything that listens to it, without a trace in the random state."""
        with random_state_kept(self.args.device.type):
            metrics: dict[str, float] = super().evaluate(*arguments, **options)
            return metrics

    # --- writing ---

    def _maybe_log_save_evaluate(self, *arguments: Any, **options: Any) -> None:
        """After a step, and once more after an epoch: do what Trainer does, then save, then stop where that is due."""
        epoch_ends = self.control.should_evaluate
        self._stepped = self._stepped or not epoch_ends
        super()._maybe_log_save_evaluate(*arguments, **options)
        step = self.state.global_step
        if self._saving is not None:
            if self._checkpoint_is_due(epoch_ends=epoch_ends):
                self.publish(evaluated=epoch_ends)
            fault("epoch" if epoch_ends else "step", step)
        if not epoch_ends:
            self._after_step()

    def _checkpoint_is_due(self, *, epoch_ends: bool) -> bool:
        """Return whether to save now: after an epoch but not the last, whose checkpoint would soon be removed.

        After the last step of an epoch its evaluation comes first.
        """
        step = self.state.global_step
        if self._saving is None:
            return False
        if epoch_ends and step < self.state.max_steps:
            return self._saving.due_after_epoch()
        return (epoch_ends or not self.epoch_is_over) and self._saving.due(step)

    @property
    def epoch_is_over(self) -> bool:
        """Whether the last step was the last one of its epoch."""
        return self.state.global_step % steps_per_epoch(len(self._encoded), self.args) == 0

    def publish_stopped(self, *, evaluated_at: int) -> None:
        """Publish the state that a stop left; nothing where this attempt has taken no step.

        `evaluated_at` is the step of the newest evaluation.
        """
        evaluated = self.epoch_is_over and evaluated_at == self.state.global_step
        if self._saving is not None and self._stepped and self._published != (self.state.global_step, evaluated):
            self.publish(evaluated=evaluated)

    def publish(self, *, evaluated: bool) -> None:
        """Publish the state as it is now."""
        if self._saving is None:
            return
        with random_state_kept(self.args.device.type):
            self._saving.publish(self.state.global_step, self._write, evaluated=evaluated)
        self._published = (self.state.global_step, evaluated)

    def _write(self, folder: Path) -> None:
        saving: Any = self._saving
        save_tensors(tensors_of(self.model), folder / _WEIGHTS)
        fault("weights", self.state.global_step)
        state_tree.save(folder, _STATE, self._all_state())
        self.state.log_history.clear()  # one line per step, which nothing reads
        self.state.save_to_json(str(folder / TRAINER_STATE_NAME))
        if saving.best.exists():
            link_or_copy(saving.best, folder / _BEST)

    def _all_state(self) -> dict[str, Any]:
        optimizer: Any = self.optimizer
        schedule: Any = self.lr_scheduler
        scaler = self.accelerator.scaler
        return {
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
            "scaler": scaler.state_dict() if scaler is not None else None,
            "random": random_state(self.args.device.type),
            "loss": {"sum": float(self._tr_loss), "since": self._globalstep_last_logged},
            "reported": dict(self._reported()),
        }

    # --- reading ---

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:  # noqa: ARG002
        from safetensors.torch import load_file

        folder = Path(resume_from_checkpoint)
        self._state = state_tree.load(folder, _STATE)
        restore_tensors(self.model, load_file(folder / _WEIGHTS))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            schedule: Any = self.lr_scheduler
            _restore_optimizer(self.optimizer, self._state["optimizer"])
            schedule.load_state_dict(self._state["schedule"])

    def _load_scaler(self, checkpoint: str | None) -> None:
        if checkpoint is not None and self._state["scaler"] is not None and self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(self._state["scaler"])

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """Put the generators back, and the loss that was not logged yet."""
        if checkpoint is None:
            return
        restore_random_state(self._state["random"], self.args.device.type)
        self._tr_loss += self._state["loss"]["sum"]
        self._globalstep_last_logged = self._state["loss"]["since"]


def steps_per_epoch(rows: int, args: TrainingArguments) -> int:
    """Return the optimizer steps of one pass over so many training rows."""
    return math.ceil(math.ceil(rows / args.train_batch_size) / args.gradient_accumulation_steps)


def reported_in(checkpoint: ResumeCheckpoint) -> dict[str, Any]:
    """Return what `reported` returned when the checkpoint was written."""
    reported: dict[str, Any] = state_tree.load(checkpoint.folder, _STATE)["reported"]
    return reported


def restore_best(checkpoint: ResumeCheckpoint | None, best: Path) -> None:
    """Put the file of the best weights back as it was; without a checkpoint there is none."""
    best.unlink(missing_ok=True)
    if checkpoint is not None and (checkpoint.folder / _BEST).exists():
        best.parent.mkdir(exist_ok=True, mode=0o700)
        link_or_copy(checkpoint.folder / _BEST, best)


def _restore_optimizer(optimizer: Any, saved: dict[str, Any]) -> None:
    """Load the state of an optimizer with every tensor in its own dtype.

    torch converts what belongs to a parameter to the dtype of that parameter, which may round it. What an optimizer
    takes out of the state when it is loaded, as MasterAdamW takes its copies, is its own affair.
    """
    optimizer.load_state_dict(saved)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    ids = [at for group in saved["param_groups"] for at in group["params"]]
    for at, parameter in zip(ids, parameters, strict=True):
        loaded = optimizer.state[parameter]
        for name, value in saved["state"].get(at, {}).items():
            if name in loaded and hasattr(value, "dtype") and loaded[name].dtype != value.dtype:
                loaded[name] = value.to(loaded[name].device)
