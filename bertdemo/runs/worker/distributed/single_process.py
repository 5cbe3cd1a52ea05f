"""A run in one process: what a Job does by itself there, and with others elsewhere (`distributed_process`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bertdemo import device as devices
from bertdemo.run_config import RunConfig
from bertdemo.settings import pin_gpu

if TYPE_CHECKING:
    from bertdemo.checkpoints import Opened
    from bertdemo.runs.worker.result import Prepared
    from bertdemo.runs.worker.training import RunTrainer
    from bertdemo.runs.worker.training_checkpoints import Saving


class SingleProcess:
    """The only process of a run."""

    first = True
    """Whether this process reports, and writes the files of the run."""

    def device_id(self, wanted: str) -> str:
        """Return the id of the device that this process trains on; it sees no other GPU."""
        return pin_gpu(wanted)

    def prepared(self, prepare: Callable[..., Prepared]) -> Prepared:
        """Return everything that is fixed before the first step."""
        return prepare()

    def device(self, device_id: str) -> devices.Device:
        """Return the device, under the name that the run shows."""
        return devices.report().choose(device_id)

    def saving(self, make: Callable[[], Saving]) -> Saving:
        """Return what this attempt goes on from, and how it saves."""
        return make()

    def opened(self, opened: Opened) -> Opened:
        """Return the model as training starts with it."""
        return opened

    def in_step(self, stop: Callable[[], None]) -> Callable[[], None]:
        """Return what raises Stopped during training."""
        return stop

    def fitting(self, config: RunConfig, fit: Callable[[RunConfig], RunConfig]) -> RunConfig:
        """Return the settings with which the longest batch fits into the memory of the GPU."""
        return fit(config)

    def trainer_class(self) -> Callable[..., RunTrainer]:
        """Return what trains."""
        from bertdemo.runs.worker.training import RunTrainer

        return RunTrainer

    def trained(self) -> None:
        """Training is over, and the evaluation of the kept weights comes."""


class WithoutGpu(SingleProcess):
    """A process on a machine whose GPU only others get, so that a run that was made for it trains on the CPU."""

    def device_id(self, wanted: str) -> str:  # noqa: ARG002 - whatever was wanted
        """Return the CPU."""
        return "cpu"
