"""What a worker does with a run folder: prepare, encode, train, evaluate, publish.

Everything a person sees of it goes through `Job.emit`. Stop is a file that `Job.stop` checks between batches. The best
weights so far are kept; where nothing was evaluated yet, the last ones, marked as not evaluated.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertdemo import device as devices
from bertdemo import disk, tasks
from bertdemo.checkpoints.loading import save_head
from bertdemo.dataset import kept_tokens
from bertdemo.errors import BertDemoError, DiskFailed, DiskFull, LossNotFinite, memory_ran_out
from bertdemo.run_config import RunConfig
from bertdemo.runs import events as ev
from bertdemo.runs.liveness.heartbeat import Heart
from bertdemo.runs.request import RunRequest
from bertdemo.runs.resume import checkpoints as resume_checkpoints
from bertdemo.runs.tracking.trackio_log import TrackioLog
from bertdemo.runs.worker import few_shot, regression
from bertdemo.runs.worker.distributed.single_process import SingleProcess
from bertdemo.runs.worker.forecast import Forecast, planned
from bertdemo.runs.worker.observed import Observed
from bertdemo.runs.worker.optimization.watchers import Watchers
from bertdemo.runs.worker.preparing import prepare
from bertdemo.runs.worker.record import note_parts, write_record
from bertdemo.runs.worker.reporting.event_writer import EventWriter
from bertdemo.runs.worker.reporting.worker_log import WorkerLog
from bertdemo.runs.worker.result import Prepared, Result, keep_weights, measure, publish, restore_weights
from bertdemo.runs.worker.resume import resuming
from bertdemo.settings import Settings
from bertdemo.tasks.forward import Collator, Inference

if TYPE_CHECKING:
    from torch import Tensor

    from bertdemo.checkpoints import Opened
    from bertdemo.runs.worker.training import Reporter
    from bertdemo.runs.worker.training_checkpoints import Saving


def warm_up() -> None:
    """Import what a run needs, by name: `import transformers` alone loads hardly any of its modules."""
    import datasets
    import evaluate  # noqa: F401
    import sklearn.metrics  # noqa: F401
    import torch  # noqa: F401
    from datasets import Dataset  # noqa: F401
    from scipy.stats import binomtest  # noqa: F401
    from transformers import BertForSequenceClassification, Trainer  # noqa: F401

    from bertdemo.runs.worker import training  # noqa: F401

    datasets.disable_progress_bars()  # the log is for people


# A test set of a million rows has tens of thousands of batches: not every batch is an event.
PHASE_EVENT_SECONDS = 0.5


class FolderGone(Exception):
    """The run was deleted while its worker lived: nothing is left to do or to report."""


class Job:
    """One attempt at one run."""

    def __init__(
        self, folder: Path, settings: Settings, process: SingleProcess | None = None, *, restarted: bool = False
    ) -> None:
        self._folder, self._process = folder, process or SingleProcess()
        self._settings = settings
        about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        self._owner = str(about["owner"])
        self._id = str(about["id"])
        self._request = RunRequest.from_json(json.dumps(about["request"]))
        self._task = tasks.find(self._request.task)
        past = ev.parse((folder / "events.jsonl").read_text(encoding="utf-8", errors="replace"))
        self._writer, self._log, self._heart = EventWriter(folder), WorkerLog(), Heart(folder)
        self._seq = max((event.seq for event in past), default=0)
        self._trackio = TrackioLog(settings, self._id, self._request, past)
        self._attempt = max((event.attempt for event in past), default=1)
        self._not_exact = restarted or resuming.accepted(past)  # torchrun can ask nobody
        self.begun = resuming.begun(past)
        self._began = time.monotonic()
        self._size = ("", 0, 0)  # device, batch size, maximum length: known from Started on
        self._stop_requested = False
        self._last_testing_event = 0.0

    def run(self) -> None:
        """Do the whole run; its last event tells how it ended."""
        if not self._process.first:
            self._guarded()
            return
        resume_checkpoints.sweep(self._folder)
        with self._heart.beating():
            self._guarded()

    def _guarded(self) -> None:
        """Do the whole run; turn what a run can meet into its errors."""
        from bertdemo.runs.worker.training import Stopped

        try:
            self._run()
        except Stopped:
            self.emit("Cancelled", checkpoint="", evaluated=False, step=0, seconds=self._seconds())
        except OSError as error:
            if not (self._folder / "run.json").exists():
                raise FolderGone from error
            if disk.is_full(error):
                shutil.rmtree(self._folder / "best", ignore_errors=True)  # make room for the Failed event at least
                raise DiskFull from error
            if disk.is_failing(error):
                raise DiskFailed(reason=error.strerror or str(error)) from error
            raise
        except (RuntimeError, MemoryError) as error:
            if not devices.out_of_memory(error):
                raise
            raise memory_ran_out(*self._size) from error

    def emit(self, kind: str, **fields: Any) -> None:
        """Append one event; of several processes one does."""
        if not self._process.first:
            return
        self._trackio.log(kind, fields, self.emit)
        self._seq += 1
        event = getattr(ev, kind)(seq=self._seq, attempt=self._attempt, at=time.time(), **fields)
        try:
            self._writer.write(event)
        except FileNotFoundError as error:
            raise FolderGone from error
        self._heart.note(event)
        self._log.write(event)

    def fail(self, error: BertDemoError) -> None:
        """End with Failed."""
        with contextlib.suppress(FolderGone):
            self.emit("Failed", message=error.message_key, values=dict(error.values))

    def held_up(self) -> bool:
        """Return whether the disk has not taken all events, even now."""
        with contextlib.suppress(OSError):
            self._writer.flush()
        return self._writer.held_up

    def ask_to_stop(self) -> None:
        """Stop at the next check, as the flag file does; a signal handler may call this."""
        self._stop_requested = True

    def stop(self) -> None:
        """Raise Stopped where the run was stopped, or where the time limit of a public server is over."""
        from bertdemo.runs.worker.training import Stopped

        limit = self._settings.limits.run_seconds
        if limit and self._seconds() > limit:
            self.emit("Warned", message="warning.time_limit", values={"minutes": limit // 60})
            raise Stopped
        if self._stop_requested or (self._folder / "cancel").exists():
            raise Stopped

    def _run(self) -> None:
        """Prepare, then do what the method does."""
        warm_up()
        devices.limit_threads()
        self.stop()
        device_id = self._process.device_id(self._request.config.device)
        prepared = self._process.prepared(
            partial(prepare, self._folder, self._request, self._settings, self.emit, self.stop)
        )
        device = self._process.device(device_id)
        precision = "float32" if prepared.config.frozen else devices.precision_for(device, prepared.config.precision)
        saving = self._process.saving(partial(self._saving, prepared, device))
        step = saving.start.manifest.step if saving.start else 0
        forecast = Forecast(self._settings.home, device.name, precision, prepared)
        by_trainer = prepared.config.method == "fine_tune"
        predicted = forecast.seconds(planned(prepared)) if by_trainer and not step else None
        self._emit_started(prepared, device, precision, step, predicted)
        if not by_trainer:
            tell = few_shot.Tell(self.emit, self.stop, self._emit_testing)
            fitted = few_shot.without_trainer(prepared, device.id, precision, self._folder, tell)
            write_record(self._folder, prepared, device, fitted.model)
            self._finish(prepared, fitted.model, fitted.result, **fitted.cancelled)
        else:
            self._fine_tune(prepared, device, device_id, saving, forecast)

    def _fine_tune(
        self, prepared: Prepared, device: devices.Device, device_id: str, saving: Saving, forecast: Forecast
    ) -> None:
        """Train, then evaluate and publish the weights that were kept."""
        from bertdemo.runs.worker.optimization.weights import merge_lora, restore_frozen
        from bertdemo.runs.worker.training import Stopped

        if (opened := self._process.opened(self._open(prepared, device.id))).new_weights:
            save_head(opened, self._folder)
        write_record(self._folder, prepared, device, opened.model)
        collate = self._task.collator(prepared.tokenizer, prepared.config.seed)
        observed = Observed(prepared, self.emit)
        reporter = self._reporter(prepared, device_id, observed.predict)
        try:
            self._train(reporter, prepared, opened.model, device, collate, observed, saving, forecast)
            stopped = False
        except Stopped:
            stopped = True
        except LossNotFinite as error:
            stopped = False
            if reporter.best.logits is None:
                raise
            self.emit("Warned", message="warning.loss_not_finite", values=dict(error.values))
        self._process.trained()
        evaluated = reporter.best.logits is not None
        if evaluated:
            restore_weights(opened.model, self._folder / "best")
        if prepared.config.lora_rank:
            merge_lora(opened.model)
        precision = devices.precision_for(device, prepared.config.precision)
        restore_frozen(opened.model, lambda: self._open_base(prepared).model, prepared.config, precision)
        if evaluated:
            self._tune(prepared, opened.model)
        try:
            result = measure(prepared, reporter.best, None if stopped else opened.model, self.stop, self._emit_testing)
        except Stopped:
            stopped = True
            result = measure(prepared, reporter.best, None, lambda: None, self._emit_testing)
        observed.write_map(opened.model, self._folder)
        ended = {"evaluated": evaluated, "step": reporter.best.step if evaluated else reporter.step} if stopped else {}
        self._finish(prepared, opened.model, result, **ended)
        if reporter.complete and saving.start is None:
            forecast.ended(self._seconds())

    def _open(self, prepared: Prepared, device: str) -> Opened:
        """Return the model as training starts with it."""
        if prepared.config.head_init == "probe":
            return regression.fitted(prepared, device, self.emit, self.stop)
        return self._open_base(prepared)

    def _open_base(self, prepared: Prepared) -> Opened:
        return self._task.model(prepared.base, prepared.head_options)

    def _finish(self, prepared: Prepared, model: Any, result: Result, **cancelled: Any) -> None:
        """Publish the checkpoint and end the run: Finished, or Cancelled with these fields."""
        self.emit("Phase", name="saving", progress=0.0)
        checkpoint = publish(self._id, self._owner, prepared, model, result, self._folder)
        shutil.rmtree(self._folder / "best", ignore_errors=True)  # the checkpoint has these weights now
        shutil.rmtree(self._folder / kept_tokens.FOLDER, ignore_errors=True)  # no text is tokenized after this
        common = {
            "checkpoint": checkpoint,
            "metrics": {name: asdict(score) for name, score in result.scores.items()},
            "evaluated_on": result.evaluated_on,
            "rows": len(result.rows),
            "seconds": self._seconds(),
        }
        self.emit("Cancelled" if cancelled else "Finished", **common, **cancelled)
        if not cancelled and not self.held_up():  # a run that cannot say that it has finished is resumed
            resume_checkpoints.remove_all(self._folder)

    def _reporter(
        self,
        prepared: Prepared,
        device_id: str,
        watch: Callable[[Any, int, float], None],
    ) -> Reporter:
        """Return what turns training into events, with an estimate of the work."""
        from bertdemo.runs.worker.training import Reporter

        return Reporter(
            emit=self.emit,
            stop=self._process.in_step(self.stop),
            keep=self._keep_best,
            metric=prepared.task.chosen_by or prepared.task.metrics[0],
            lower_is_better=prepared.task.lower_is_better,
            watch=watch,
            work=planned(prepared),
            device_id=device_id,
            batch_size=prepared.config.batch_size or 1,
            patience=prepared.config.early_stopping,
            watchers=Watchers(
                warn=lambda key, values: self.emit("Warned", message=key, values=values),
                chance=prepared.task.chance_loss(prepared.targets("train"), prepared.loss),
                from_probe=prepared.config.head_init == "probe",
            ),
        )

    def _tune(self, prepared: Prepared, model: Any) -> None:
        """Choose on the validation set what a task chooses after training, such as thresholds."""
        read, targets = prepared.inputs("validation"), prepared.targets("validation")
        inference = Inference(model.eval(), prepared.tokenizer, prepared.config.truncation)
        tuned = prepared.task.tune(inference, read, targets)
        for name, value in tuned.items():
            setattr(model.config, name, value)

    def _train(
        self,
        reporter: Reporter,
        prepared: Prepared,
        model: Any,
        device: devices.Device,
        collate: Collator,
        observed: Observed,
        saving: Saving,
        forecast: Forecast,
    ) -> None:
        from bertdemo.runs.worker import training
        from bertdemo.runs.worker.optimization.dry_run import fitting_config
        from bertdemo.runs.worker.optimization.weights import autocast, trainable

        precision = devices.precision_for(device, prepared.config.precision)
        observed.before_training(model)
        self.stop()
        task, config = prepared.task, prepared.config
        model = trainable(model, task, config, precision)
        if device.kind != "cpu":
            config = self._process.fitting(
                config, lambda own: fitting_config(model, task, own, prepared.encoded["train"], collate, device.id)
            )
            self._report_parts(prepared.config, config)
        training.train(
            task=task,
            config=config,
            loss=prepared.loss,
            model=model,
            parts=prepared.encoded,
            collate=collate,
            held_out=prepared.source("validation"),
            reporter=reporter,
            saving=saving,
            trainer_class=self._process.trainer_class(),
            args=training.arguments(
                str(self._folder / "trainer"),
                config,
                on_cpu=device.kind == "cpu",
                autocast=autocast(config, precision),
                label_names=task.label_names,
            ),
        )
        forecast.trained(reporter.work, self._seconds())

    def _report_parts(self, config: RunConfig, fitted: RunConfig) -> None:
        """Say that batches are computed in parts because the longest one did not fit into the memory."""
        if fitted.rows_per_pass != config.rows_per_pass:
            note_parts(self._folder, fitted.accumulation)
            values = {"rows": fitted.rows_per_pass, "batch_size": config.batch_size or 1}
            self.emit("Warned", message="warning.batch_in_parts", values=values)

    def _emit_started(
        self,
        prepared: Prepared,
        device: devices.Device,
        precision: str,
        resumed_from: int = 0,
        predicted_seconds: float | None = None,
    ) -> None:
        self._size = (device.name, prepared.config.batch_size or 1, prepared.config.max_length or 0)
        self.emit(
            "Started",
            **prepared.facts(),
            device=device.id,
            device_name=device.name,
            precision=precision,
            resumed_from=resumed_from,
            predicted_seconds=predicted_seconds,
        )

    def _saving(self, prepared: Prepared, device: devices.Device) -> Saving:
        """Return what this attempt goes on from, and how it saves; raises ResumeDiffers."""
        from bertdemo.runs.worker.training_checkpoints import Saving

        conditions = resuming.conditions(prepared, device)
        start = None
        if self._attempt > 1 and not prepared.config.frozen:  # a linear probe takes no steps to go on from
            start = resuming.choose(self._folder, conditions, self.emit, exact=not self._not_exact)
        return Saving(self._folder, self._attempt, conditions, self._folder / "best" / "model.safetensors", start)

    def _keep_best(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Store the weights, completely or not at all, and report it."""
        if not self._process.first:
            return
        self.emit("Phase", name="saving", progress=0.0)
        keep_weights(tensors, self._folder / "best")
        self.emit("Saved", step=step, path="best/model.safetensors")

    def _emit_testing(self, share: float) -> None:
        self.stop()
        if time.monotonic() - self._last_testing_event > PHASE_EVENT_SECONDS or share >= 1.0:
            self._last_testing_event = time.monotonic()
            self.emit("Phase", name="testing", progress=min(1.0, share))

    def _seconds(self) -> float:
        return round(time.monotonic() - self._began, 1)
