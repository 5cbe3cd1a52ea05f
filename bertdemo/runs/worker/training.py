"""transformers.Trainer for a run: events instead of prints, a stop between batches, evaluation in dataset order."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from transformers import PrinterCallback, TrainerCallback, TrainingArguments
from transformers.trainer_utils import EvalPrediction

from bertdemo.device import memory_in_use
from bertdemo.errors import LossNotFinite
from bertdemo.run_config import RunConfig
from bertdemo.runs.work import Work
from bertdemo.runs.worker.optimization.batches import evaluation_batch
from bertdemo.runs.worker.optimization.frozen_layers import FrozenLayers, kept_outputs
from bertdemo.runs.worker.optimization.optimizer import optimizer_of, parameter_groups, trained_tensors, widen
from bertdemo.runs.worker.optimization.watchers import Watchers
from bertdemo.runs.worker.training_checkpoints import ResumableTrainer, Saving, reported_in, steps_per_epoch
from bertdemo.tasks.base import PLAIN, LossOptions

if TYPE_CHECKING:
    import torch
    from datasets import Dataset
    from torch.utils.data import Sampler
    from transformers import PreTrainedModel, TrainerControl, TrainerState

    from bertdemo.tasks.base import LabeledTable, Task
    from bertdemo.tasks.forward import Collator

# What Trainer adds to the metrics of an evaluation, beside those of the task.
_TRAINERS_OWN = frozenset(
    {"loss", "runtime", "samples_per_second", "steps_per_second", "model_preparation_time", "epoch"}
)
# Five Step events per second at most: the page polls once per second, and the event file of a long run stays small.
STEP_EVENT_SECONDS = 0.2


class Stopped(Exception):
    """A person stopped the run. Raised through Trainer, which would otherwise still evaluate and save."""


@dataclass
class Best:
    """The best evaluation so far, and the logits of that evaluation."""

    score: float = -math.inf
    """The deciding metric; negated where lower is better."""
    loss: float = math.inf
    step: int = 0
    logits: Any = None
    """As reduced by the task, for example (validation rows, labels); None before the first evaluation."""
    metrics: Mapping[str, float] = field(default_factory=dict)

    def beaten_by(self, score: float, loss: float) -> bool:
        """Return whether a new evaluation is better: by the deciding metric, in a tie by the loss."""
        return score > self.score or (score == self.score and loss < self.loss)


class RunTrainer(ResumableTrainer):
    """ResumableTrainer with two learning rates (encoder, head) that evaluates in the order of the dataset."""

    def __init__(
        self, *, task: Task, config: RunConfig, loss: LossOptions = PLAIN, work: Work, **arguments: Any
    ) -> None:
        super().__init__(**arguments)
        self._task, self._config, self._loss = task, config, loss
        self._frozen = FrozenLayers(task.encoder(self.model), config.frozen_layers)
        self.work = work
        # A task's loss is the mean of a batch, so that of several parts is to be divided by their number.
        self.model_accepts_loss_kwargs = False
        self.remove_callback(PrinterCallback)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the task's loss: not every task has a model that computes its own."""
        with self._frozen.applied(inputs) as read:
            loss, outputs = self._task.loss(model, read, self._loss)
        return (loss, outputs) if return_outputs else loss

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Return AdamW over the weights that train; with float32 copies where these are in bfloat16."""
        model = self.model if model is None else model
        decayed = frozenset(self.get_decay_parameter_names(model))
        cls, options = self.get_optimizer_cls_and_kwargs(self.args, model)
        rate = options.pop("lr")
        groups = parameter_groups(model, self._task, self._config, learning_rate=rate, decayed=decayed)
        self.optimizer = optimizer_of(groups, cls, options)
        return self.optimizer

    def _get_eval_sampler(self, eval_dataset: Dataset) -> Sampler[int]:
        """Keep the order of the dataset: Trainer's own sampler would group by length at random here too."""
        from torch.utils.data import SequentialSampler

        return SequentialSampler(eval_dataset)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Any:
        """Do one step and count its tokens."""
        loss = super().training_step(model, inputs, num_items_in_batch)
        self.work.done += self.work.training_units * positions(inputs)
        return loss

    def prediction_step(self, model: Any, inputs: dict[str, Any], *rest: Any, **options: Any) -> Any:
        """Do one evaluation batch and count its tokens."""
        result = super().prediction_step(model, inputs, *rest, **options)
        self.work.done += self.work.evaluation_units * positions(inputs)
        return result


def positions(inputs: Mapping[str, Any]) -> int:
    """Return the positions of a batch, padding included; a bi-encoder reads two sequences per row."""
    return sum(int(tensor.numel()) for name, tensor in inputs.items() if name.endswith("input_ids"))


class Reporter(TrainerCallback):
    """Turns Trainer's callbacks into events, keeps the best weights, and raises Stopped where the run was stopped."""

    def __init__(
        self,
        *,
        emit: Callable[..., None],
        stop: Callable[[], None],
        keep: Callable[[Mapping[str, torch.Tensor], int], None],
        metric: str,
        lower_is_better: bool = False,
        watch: Callable[[Any, int, float], None] = lambda model, step, epoch: None,
        work: Work,
        device_id: str,
        batch_size: int,
        patience: int = 0,
        watchers: Watchers | None = None,
    ) -> None:
        self._emit, self._stop, self._keep = emit, stop, keep
        self._metric, self.work, self._device_id = metric, work, device_id
        self._batch_size, self._patience = batch_size, patience
        self._watchers = watchers or Watchers(lambda key, values: None)
        self._only_label = ""
        self._sign, self._watch = -1.0 if lower_is_better else 1.0, watch
        self.step = self.evaluated_at = self._first_step = 0
        self.complete = False
        self.best = Best()
        self.logits: Any = None
        self._last_event = 0.0
        self._steps_began = 0.0
        self._paused = 0.0
        self._evaluation_batches = 0
        self._evaluation_began = 0.0

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Start the clock."""
        self.work.begin()
        self._first_step = state.global_step
        self._evaluation_began = time.monotonic()  # a run that starts with a linear probe evaluates it now

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Note whether all steps were taken: not where the training was stopped, or ended early."""
        self.complete = state.global_step >= state.max_steps

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Note the step; the run is stopped after it has been logged, so that a resumed run logs each step once."""
        self.step = state.global_step

    def stop_if_asked(self) -> None:
        """Raise Stopped where the run was stopped."""
        self._stop()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Report a step; LossNotFinite ends the run."""
        if not logs or "loss" not in logs:
            return
        if not math.isfinite(logs["loss"]):
            raise LossNotFinite(step=state.global_step, learning_rate=f"{args.learning_rate:g}")
        self._watchers.on_loss(logs["loss"])
        now = time.monotonic()
        seconds_left = self.work.seconds_left()
        if not self._steps_began:
            self._steps_began = now
            self.work.begin()
        last = state.global_step >= state.max_steps
        if now - self._last_event < STEP_EVENT_SECONDS and not last:
            return
        self._last_event = now
        spent = now - self._steps_began - self._paused
        rows = (state.global_step - 1 - self._first_step) * self._batch_size
        grad_norm = float(logs.get("grad_norm", 0.0))
        self._emit(
            "Step",
            step=state.global_step,
            steps=state.max_steps,
            epoch=round(float(state.epoch or 0.0), 4),
            loss=float(logs["loss"]),
            learning_rate=float(logs.get("learning_rate", 0.0)),
            grad_norm=grad_norm if math.isfinite(grad_norm) else 0.0,
            progress=self.work.progress(),
            seconds_left=seconds_left,
            rows_per_second=rows / spent if rows and spent > 0 else 0.0,
            memory_bytes=memory_in_use(self._device_id),
        )

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Report that an evaluation begins."""
        self._stop()
        self._evaluation_batches = 0
        self._evaluation_began = time.monotonic()
        self._emit("Phase", name="evaluating", progress=0.0)

    def on_prediction_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        eval_dataloader: Any = None,
        **_: Any,
    ) -> None:
        """Stop within one batch of an evaluation; report its progress once per second."""
        self._stop()
        self._evaluation_batches += 1
        if eval_dataloader is not None:
            self._say("evaluating", min(1.0, self._evaluation_batches / len(eval_dataloader)))

    def on_frozen_outputs(self, share: float) -> None:
        """Report how much of what leaves the frozen layers has been computed; stop within one batch."""
        self._stop()
        self.work.done = max(self.work.done, share * self.work.frozen_units)
        self._say("embedding", share)

    def _say(self, phase: str, share: float) -> None:
        if time.monotonic() - self._last_event > 1.0:
            self._last_event = time.monotonic()
            self._emit("Phase", name=phase, progress=share)

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        model: Any = None,
        optimizer: Any = None,
        **_: Any,
    ) -> None:
        """Report an evaluation; keep the weights where it is the best so far."""
        values = {name.removeprefix("eval_"): float(value) for name, value in (metrics or {}).items()}
        score, loss = self._sign * values[self._metric], values["loss"]
        if not math.isfinite(loss):  # on a GPU not every step is logged, so on_log may have missed it
            raise LossNotFinite(step=state.global_step, learning_rate=f"{args.learning_rate:g}")
        better = self.best.beaten_by(score, loss)
        task_metrics = {name: values[name] for name in values if name not in _TRAINERS_OWN}
        self.evaluated_at = state.global_step
        if better:
            self.best = Best(score, loss, state.global_step, self.logits, task_metrics)
        self._emit(
            "Evaluated",
            step=state.global_step,
            epoch=round(float(state.epoch or 0.0), 4),
            loss=loss,
            metrics=task_metrics,
            best=better,
        )
        if state.global_step:  # before the first step the rows have been watched
            self._watch(model, state.global_step, round(float(state.epoch or 0.0), 4))
        if better:
            self._keep(trained_tensors(model, optimizer), state.global_step)
        share = state.global_step / max(1, state.max_steps)
        self._watchers.on_evaluation(share=share, loss=loss, only_label=self._only_label, best_step=self.best.step)
        if self._has_stalled(state):
            self._emit("Warned", message="warning.early_stopping", values={"epochs": self._patience})
            control.should_training_stop = True
        self._paused += time.monotonic() - self._evaluation_began

    def _has_stalled(self, state: TrainerState) -> bool:
        """Return whether as many epochs as the patience have passed since the best one, and more are to come."""
        epochs = (state.global_step - self.best.step) * state.num_train_epochs / max(1, state.max_steps)
        return 0 < self._patience <= round(epochs) and state.global_step < state.max_steps

    def state(self) -> dict[str, Any]:
        """Return what a resumed run must know, for a resume checkpoint."""
        best = asdict(self.best) if self.best.logits is not None else None
        return {"best": best, "step": self.step, "evaluated_at": self.evaluated_at, "done": self.work.done}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.best = Best(**state["best"]) if state["best"] is not None else Best()
        self.step, self.evaluated_at, self.work.done = state["step"], state["evaluated_at"], state["done"]

    def compute(
        self, prediction: EvalPrediction, task: Task, dataset: Dataset, held_out: LabeledTable
    ) -> dict[str, float]:
        """Return the task's metrics; keep the logits, in case this is the best epoch."""
        self.logits = prediction.predictions
        self._only_label = task.only_label(self.logits, held_out.labels)
        return task.score(self.logits, prediction.label_ids, dataset, held_out)


def arguments(
    folder: str,
    config: RunConfig,
    *,
    on_cpu: bool,
    autocast: str,
    label_names: Sequence[str] = ("labels",),
) -> TrainingArguments:
    """Return TrainingArguments for a resolved RunConfig; `autocast` is a precision, `float32` for none."""
    return TrainingArguments(
        output_dir=folder,
        per_device_train_batch_size=config.rows_per_pass,
        per_device_eval_batch_size=evaluation_batch(config.rows_per_pass),
        gradient_accumulation_steps=config.passes_per_step,
        num_train_epochs=config.epochs or 1,
        learning_rate=config.learning_rate or 0.0,
        weight_decay=config.weight_decay,
        warmup_steps=config.warmup,  # a float below 1 is a share of all steps
        lr_scheduler_type="linear",
        max_grad_norm=1.0,  # as Trainer's default
        seed=config.seed,
        train_sampling_strategy="group_by_length" if config.group_by_length else "random",
        length_column_name="length",
        use_cpu=on_cpu,
        bf16=autocast == "bfloat16",
        fp16=autocast == "float16",
        eval_strategy="epoch",
        eval_on_start=config.head_init == "probe",  # its score is what training must beat
        save_strategy="no",  # the reporter keeps the best weights itself, whole or not at all
        logging_steps=1 if on_cpu else 10,  # reading the loss waits for a GPU, so not at every step
        logging_first_step=True,
        logging_nan_inf_filter=False,  # it would replace a loss that is not finite by the mean of the others
        report_to=[],
        disable_tqdm=True,
        dataloader_num_workers=0,  # a forked loader would keep the lock of the run
        dataloader_pin_memory=not on_cpu,
        remove_unused_columns=False,  # the collator of the task leaves out what the model does not take
        label_names=list(label_names),
    )


def train(
    *,
    task: Task,
    config: RunConfig,
    loss: LossOptions,
    model: PreTrainedModel,
    parts: Mapping[str, Dataset],
    collate: Collator,
    held_out: LabeledTable,
    reporter: Reporter,
    args: TrainingArguments,
    saving: Saving,
    trainer_class: Callable[..., RunTrainer] | None = None,
) -> None:
    """Train on `parts["train"]`, evaluating on `parts["validation"]` after every epoch. Raises Stopped.

    The model has its weights in float32 afterwards, whatever it was trained in and however it ended.
    """
    start = saving.start
    saving.restore_best()
    kept = None
    if trainer_class in {None, RunTrainer}:  # of several processes, each reads a part of every batch
        kept = kept_outputs(task, model, config, parts, collate, reporter.on_frozen_outputs, saving.run)
    if start is not None:
        reporter.restore(reported_in(start))
        args.eval_on_start = start.pending(steps_per_epoch(len(parts["train"]), args))
    trainer = (trainer_class or RunTrainer)(
        task=task,
        config=config,
        loss=loss,
        work=reporter.work,
        model=model,
        args=args,
        train_dataset=(kept.parts if kept else parts)["train"],
        eval_dataset=(kept.parts if kept else parts)["validation"],
        data_collator=kept.collate if kept else collate,
        compute_metrics=lambda prediction: reporter.compute(prediction, task, parts["validation"], held_out),
        preprocess_logits_for_metrics=task.reduce,
        callbacks=[reporter, *([kept] if kept else [])],
        saving=saving,
        after_step=reporter.stop_if_asked,
        reported=reporter.state,
    )
    try:
        trainer.train(resume_from_checkpoint=str(start.folder) if start else None)
    except Stopped:
        trainer.publish_stopped(evaluated_at=reporter.evaluated_at)
        raise
    finally:
        widen(model, trainer.optimizer)
