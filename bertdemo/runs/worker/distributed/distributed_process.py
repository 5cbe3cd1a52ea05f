"""What a Job does in one of several processes: rank 0 prepares, reports and saves; the others train along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bertdemo import device as devices
from bertdemo.launching import Rank
from bertdemo.run_config import RunConfig
from bertdemo.runs.worker.distributed.single_process import SingleProcess
from bertdemo.runs.worker.distributed.world import World, leave
from bertdemo.runs.worker.training_checkpoints import Saving
from bertdemo.settings import stand_alone

if TYPE_CHECKING:
    from bertdemo.checkpoints import Opened
    from bertdemo.runs.worker.result import Prepared
    from bertdemo.runs.worker.training import RunTrainer


class NotNeeded(Exception):
    """Nothing is left to do for a rank other than 0: rank 0 does the rest alone."""


@dataclass
class SilentSaving(Saving):
    """That of a rank other than 0: it goes on from the same checkpoint, and writes nothing."""

    def restore_best(self) -> None:
        """Leave the file to rank 0."""

    def due(self, step: int) -> bool:  # noqa: ARG002 - as in Saving
        """Return False."""
        return False

    def publish(self, step: int, write: Callable[[Path], None], *, evaluated: bool) -> None:
        """Write nothing."""


class DistributedProcess(SingleProcess):
    """One process of several. Rank 0 goes on alone where the work cannot be shared, and after training."""

    def __init__(self, rank: Rank, world: World) -> None:
        self._rank, self._world, self._shares = rank, world, True
        self.first = world.first

    def device_id(self, wanted: str) -> str:
        """Return a GPU for each process of this host; the CPU where there is none, or where it was chosen."""
        gpus = [device for device in devices.report().devices if device.kind == "cuda"]
        return wanted if wanted == "cpu" or not gpus else f"cuda:{self._rank.local}"

    def prepared(self, prepare: Callable[..., Prepared]) -> Prepared:
        """Let rank 0 prepare; the others read what it has written, or leave where the work cannot be shared."""
        if not self.first:
            if not self._world.receive():
                raise NotNeeded
            return prepare(again=True)
        prepared = prepare()
        self._shares = prepared.config.method == "fine_tune" and prepared.task.rows_are_independent
        self._world.send(self._shares)
        if not self._shares:
            leave()
            stand_alone()
        return prepared

    def device(self, device_id: str) -> devices.Device:
        """Return the device, its name with the number of processes: it decides whether a resumed run is exact."""
        device = devices.report().choose(device_id)
        return replace(device, name=f"{device.name} × {self._world.size}") if self._shares else device

    def saving(self, make: Callable[[], Saving]) -> Saving:
        """Let rank 0 choose the checkpoint; all go on from the same one."""
        if not self._shares:
            return make()
        if self.first:
            saving = make()
            self._world.send((saving.run, saving.attempt, saving.conditions, saving.best, saving.start))
            return saving
        return SilentSaving(*self._world.receive())

    def opened(self, opened: Opened) -> Opened:
        """Give every process the weights of rank 0, before the optimizer copies them."""
        if not self._shares:
            return opened
        self._world.same_weights(list(opened.model.state_dict().values()))
        return opened if self.first else replace(opened, new_weights=())

    def in_step(self, stop: Callable[[], None]) -> Callable[[], None]:
        """Return what raises Stopped in all processes at the same step, where rank 0 was stopped."""
        return partial(self._stop_together, stop) if self._shares else stop

    def _stop_together(self, stop: Callable[[], None]) -> None:
        from bertdemo.runs.worker.training import Stopped

        stopped = False
        try:
            if self.first:
                stop()
        except Stopped:
            stopped = True
        if self._world.any(stopped):
            raise Stopped

    def fitting(self, config: RunConfig, fit: Callable[[RunConfig], RunConfig]) -> RunConfig:
        """Compute a batch in as many parts as the process with the least memory needs for its share of it."""
        if not self._shares:
            return fit(config)
        share = -(-config.rows_per_pass // self._world.size)
        fitted = fit(replace(config, batch_size=share, accumulation=1))
        parts = max(self._world.gathered(fitted.accumulation))
        return replace(config, accumulation=min(config.accumulation * parts, config.batch_size or 1))

    def trainer_class(self) -> Callable[..., RunTrainer]:
        """Return a trainer that shares its batches."""
        from bertdemo.runs.worker.distributed.trainer import SharingTrainer

        return partial(SharingTrainer, world=self._world) if self._shares else super().trainer_class()

    def trained(self) -> None:
        """Let rank 0 evaluate and publish alone."""
        if not self.first:
            raise NotNeeded
