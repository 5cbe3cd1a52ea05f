"""What a request must pass before a run is made of it: everything that would end the run anyway is raised here."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import replace

from bertdemo import tasks
from bertdemo.checkpoints import Catalogue, CheckpointInfo
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.dataset.dataset_cache import DatasetCache, Preparation
from bertdemo.dataset.inner_split import inner
from bertdemo.dataset.prepared import PreparedDataset
from bertdemo.device import Device, DeviceReport, cpu
from bertdemo.errors import (
    DevicesFailed,
    DevicesPending,
    LabelOrTaskMissing,
    OptionNotForTask,
    ProbeNotForTask,
    ProbeReadsMean,
    ReadingsAmbiguous,
)
from bertdemo.run_config import RunConfig
from bertdemo.runs import recipes
from bertdemo.runs.dispatch import Dispatcher
from bertdemo.runs.registry import Registry
from bertdemo.runs.request import RunRequest, check_layers
from bertdemo.settings import Limits
from bertdemo.tables.parse_options import ParseOptions
from bertdemo.tables.table import Table
from bertdemo.tasks.base import Task

# Seconds that a start waits for the devices before it answers that they are not known yet; importing torch, which is
# needed to ask for them, takes 4 to 5 seconds on two cores.
_DEVICES_SECONDS = 10.0


class Admission:
    """Checks requests and creates runs from them. Until torch is imported, the CPU is the only known device."""

    def __init__(
        self,
        registry: Registry,
        catalogue: Catalogue,
        datasets: DatasetCache,
        dispatcher: Dispatcher,
        limits: Limits,
    ) -> None:
        self._registry = registry
        self._catalogue = catalogue
        self._datasets = datasets
        self._dispatcher = dispatcher
        self._limits = limits
        self._devices = DeviceReport((cpu(),))
        self._devices_known = False
        self._devices_asked = threading.Event()
        self._start_error = ""

    def devices_found(self, report: DeviceReport) -> None:
        """Store the devices, once torch has reported them."""
        self._devices = report
        self._devices_known = True
        self._devices_asked.set()

    def start_failed(self, error_id: str) -> None:
        """Take note that the server did not start completely; its log says why under this id."""
        self._start_error = error_id
        self._devices_asked.set()

    @property
    def start_error(self) -> str:
        """The id under which the log says why the server did not start completely; "" where it did."""
        return self._start_error

    @property
    def devices_known(self) -> bool:
        """Whether torch has reported its devices."""
        return self._devices_known

    @property
    def devices(self) -> DeviceReport:
        """The devices known so far."""
        return self._devices

    def start(self, request: RunRequest, owner: str) -> str:
        """Check the request, write its run folder and queue it; return the run id at once.

        Raises the DataError, TableError, ConfigError or CheckpointError that would end the run anyway, and
        TooManyRuns or QueueFull as `Registry.create`, ServerQueueFull and AddressQueueFull.
        """
        self._dispatcher.raise_if_dead()
        device = self._device(request.config.device)
        info = self._catalogue.describe(request.checkpoint, owner)
        prepared = checked(request, self._datasets, self._limits)
        _refuse_unread(request.config, prepared.task, info)
        config = replace(self._with_method(request.config, prepared, info), device=device.id)
        if request.is_trial:
            prepared = inner(prepared)
        task, columns = prepared.task.id, dict(prepared.columns)
        complete = replace(request, task=task, columns=columns, config=config, checkpoint=info.id)
        with self._dispatcher.place():
            run_id = self._registry.create(complete, owner, prepared, self._tokenizer(prepared, info, owner))
            self._dispatcher.enqueue(run_id)
        return run_id

    def _with_method(self, config: RunConfig, prepared: PreparedDataset, info: CheckpointInfo) -> RunConfig:
        """Return the settings with the recipe that the page recommends for these data, where none was chosen."""
        rows_per_label = len(prepared.parts["train"].rows) / max(1, len(prepared.labels))
        return recipes.applied(config, prepared.task.can_freeze, rows_per_label, info.parameters)

    def _tokenizer(self, prepared: PreparedDataset, info: CheckpointInfo, owner: str) -> SharedTokenizer | None:
        """Return the tokenizer that keeps what the page tokenized of these rows; None for a checkpoint not yet here."""
        if not info.ready:
            return None
        return self._datasets.tokenizer(prepared, self._catalogue.tokenizer(info.id, owner))

    def _device(self, wanted: str) -> Device:
        """Return the device to train on. The CPU is never taken in place of another, and needs no look at the others.

        Raises DeviceGone, DevicesPending or DevicesFailed.
        """
        if wanted != "cpu" and not self._devices_known:
            self._devices_asked.wait(timeout=_DEVICES_SECONDS)
        if wanted == "cpu" or self._devices_known:
            return self._devices.choose(wanted)
        raise DevicesFailed(error_id=self._start_error) if self._start_error else DevicesPending()


def checked(request: RunRequest, datasets: DatasetCache, limits: Limits) -> PreparedDataset:
    """Return the dataset that the run trains on; raise the DataError or TableError that would end it."""
    task, columns, table = resolve_columns(request, datasets)
    task.check_columns(table, columns)
    # Relabeling and cleaning rest on sound rows, so the file is checked as it was uploaded too. It may have more
    # labels than are allowed: merging their spellings may be what it needs.
    if request.cleaning or request.relabel:
        task.check(table, columns, label_limit=table.rows)
    prepared = datasets.get(preparation_of(request), task, columns)
    prepared.check(limits.labels)
    return prepared


def _refuse_unread(config: RunConfig, task: Task, info: CheckpointInfo) -> None:
    """Raise where the task or the checkpoint has no use for a setting that was chosen."""
    if config.needs_probe and not task.can_freeze:
        raise ProbeNotForTask(task=task.id)
    if unread := config.task_options - task.options:
        raise OptionNotForTask(task=task.id, field=min(unread))
    if config.head_init == "probe" and config.pooling == "pooler":
        raise ProbeReadsMean
    if info.ready:  # else the worker checks it after the download
        check_layers(config, task, info.layers, info.name)


def resolve_columns(request: RunRequest, datasets: DatasetCache) -> tuple[Task, dict[str, str], Table]:
    """Return the task, role to column, and the table; what the request does not name is guessed from the table.

    Raises ReadingsAmbiguous where it names nothing and two readings of the table are as good, LabelOrTaskMissing where
    it names nothing, no column looks like a label and several tasks need none.
    """
    table = datasets.table(preparation_of(request))
    if not request.task and not request.columns:
        _refuse_to_choose(tasks.readings(table))
    task = tasks.find(request.task) if request.task else tasks.guess(table, request.columns)
    return task, tasks.complete(task, table, request.columns), table


def _refuse_to_choose(readings: Sequence[tasks.Reading]) -> None:
    if len(readings) > 1:
        first, second = (
            json.dumps({"task": reading.task, "columns": dict(reading.columns)}, ensure_ascii=False)
            for reading in readings[:2]
        )
        error = ReadingsAmbiguous if readings[0].confidence else LabelOrTaskMissing
        raise error(first=first, second=second)


def preparation_of(request: RunRequest) -> Preparation:
    """Return what decides how the rows of a request become a dataset."""
    files = (
        ("validation", request.validation, request.validation_name),
        ("test", request.test, request.test_name),
    )
    return Preparation(
        path=request.data,
        name=request.data_name,
        options=ParseOptions.from_fields(request.parse),
        cleaning=request.cleaning,
        relabel=tuple(sorted(request.relabel.items())),
        split_seed=request.split_seed,
        held_out=tuple((role, path, name or path) for role, path, name in files if path),
    )
