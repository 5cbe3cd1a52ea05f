"""What a script is written from: the record of a run, and what is in its folder."""

from __future__ import annotations

from dataclasses import dataclass

from bertdemo import tasks
from bertdemo.checkpoints.loading import HEAD_FILE
from bertdemo.errors import ScriptMissing, TaskWithoutScript
from bertdemo.run_config import RunConfig
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry, RunView
from bertdemo.runs.worker.record import Record
from bertdemo.sharing.script.task_code import CODE, TaskCode
from bertdemo.tasks.base import Task


@dataclass(frozen=True)
class ScriptRun:
    """One run."""

    record: Record
    code: TaskCode
    has_head: bool
    """Whether the head that training started with is in a file."""
    stopped_at: int
    """The step at which the run was stopped; 0 where it was not."""

    train_rows: int
    held_out_rows: int
    """Rows that are evaluated after training."""

    @property
    def config(self) -> RunConfig:
        """The resolved settings."""
        return self.record.settings

    @property
    def mean(self) -> bool:
        """Whether the model is a linear layer on the mean of the last layer."""
        return self.record.model == "BertMeanLinear"

    @property
    def in_bfloat16(self) -> bool:
        """Whether the weights themselves train in bfloat16, with float32 copies in the optimizer."""
        return self.record.precision == "bfloat16" and self.by_trainer and not self.config.lora_rank

    @property
    def by_trainer(self) -> bool:
        """Whether Trainer runs the steps; a linear probe takes none, contrastive tuning has a loop of its own."""
        return self.config.method == "fine_tune"

    @property
    def on_cpu(self) -> bool:
        """Whether it was trained on a processor."""
        return self.record.device == "cpu"

    @property
    def has_own_rate(self) -> bool:
        """Whether the head has another learning rate than the encoder."""
        return (self.config.head_learning_rate_factor or 1.0) != 1.0 and bool(self.head)

    @property
    def weighs_labels(self) -> bool:
        """Whether a rare label counts as much as a frequent one in the loss."""
        return "class_weights" in self.task.options and self.config.class_weights == "balanced"

    @property
    def task(self) -> Task:
        """The task of the run."""
        return tasks.find(self.record.task)

    @property
    def head(self) -> tuple[str, ...]:
        """Parts of the names of the weights of the head."""
        return ("linear.",) if self.mean else self.code.head

    @property
    def frozen(self) -> bool:
        """Whether the embeddings, and perhaps the lowest layers, stay as they are."""
        return self.by_trainer and (self.config.frozen_layers > 0 or self.config.embeddings == "freeze")


def run_of(registry: Registry, run_id: str, owner: str) -> ScriptRun:
    """Return what the script of a run is written from.

    Raises RunUnknown; ScriptMissing where the run is older than scripts are; TaskWithoutScript.
    """
    view = registry.read(run_id, owner)
    folder = registry.folder(run_id)
    record = Record.read(folder)
    if record is None:
        raise ScriptMissing(run=view.name)
    code = CODE.get(record.task)
    if code is None:
        raise TaskWithoutScript(task=record.task)
    has_head, held_out = (folder / HEAD_FILE).is_file(), record.rows[record.evaluated_on]
    return ScriptRun(record, code, has_head, _stopped_at(view), record.rows["train"], held_out)


def _stopped_at(view: RunView) -> int:
    """Return the step at which a run was stopped, 0 for one that was not."""
    last = view.events[-1] if view.events else None
    return last.step if isinstance(last, ev.Cancelled) else 0
