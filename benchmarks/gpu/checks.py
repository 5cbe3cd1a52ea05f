"""The checks in the order in which they run: what is worth most comes first, for time may run out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.gpu.bench import Bench


@dataclass(frozen=True)
class Check:
    """One check; `least` are the seconds without which it is not begun, `most` those after which it is killed."""

    what: str
    module: str
    function: str
    least: float = 25.0
    most: float = 150.0
    needs_gpu: bool = False

    def load(self) -> Callable[[Bench], None]:
        """Import the function: only the process of the check does, for it needs our packages."""
        import importlib

        function: Callable[[Bench], None] = getattr(importlib.import_module(self.module), self.function)
        return function


_WORKER, _SPEED = "benchmarks.gpu.worker_checks", "benchmarks.gpu.speed"
CHECKS = {
    "devices": Check("devices and their precision", "benchmarks.gpu.device_checks", "list_devices", 10),
    "product": Check("bfloat16 matrix product", _SPEED, "matrix_product", 15),
    "worker": Check("run of the worker, from its folder to its end", _WORKER, "whole_run", most=240),
    "base": Check("random model, shape of BERT-base, training in bfloat16", _SPEED, "train_base", 40, 240),
    "bundled": Check("bundled model, training in bfloat16", _SPEED, "train_bundled"),
    "answers": Check("labels of the trained checkpoint", "benchmarks.gpu.answers", "same_labels"),
    "stop": Check("stop by the flag file", _WORKER, "stopped_run"),
    "memory": Check("more memory than there is", _WORKER, "memory_ran_out"),
    "resume": Check("resume after kill -9", "benchmarks.gpu.resume_check", "resumed_run"),
    "predict": Check("prediction in bfloat16", _SPEED, "predict"),
    "loop": Check("plain loop", _SPEED, "plain_loop", 40),
    "tasks": Check("every task trains", _WORKER, "every_task", 40, 240),
    "compile": Check("torch.compile in the plain loop", _SPEED, "compiled_loop", 60, needs_gpu=True),
}
