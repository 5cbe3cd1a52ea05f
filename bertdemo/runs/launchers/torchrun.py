"""Workers as the processes of torchrun: several on this host, or on several hosts that a person starts besides.

The launcher starts torchrun on this host alone. Where there are several, the page shows the command for the others.
There is no spare worker: torchrun starts its processes itself.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from bertdemo import processes
from bertdemo.device import compute_threads
from bertdemo.runs.launchers import Children
from bertdemo.runs.launchers.commands import Where, agent_arguments
from bertdemo.runs.launchers.local import PACKAGE_PARENT, child_env
from bertdemo.settings import Settings

# Variables of a worker that it needs on another host too; the rest is that host's own.
_SHARED = ("BERTDEMO_HOME", "BERTDEMO_CHECKPOINTS", "BERTDEMO_JOIN_SECONDS", "HF_HUB_CACHE", "HF_HUB_OFFLINE")
_AGENT = "bertdemo.runs.worker.distributed.agent"


def where(settings: Settings, run: Path) -> Where:
    """Return what a person needs to start a run on this host and on others, which have the same paths."""
    env = settings.worker_env()
    shared = {name: env[name] for name in _SHARED if name in env}
    return Where(run, sys.executable, {**shared, "PYTHONPATH": str(PACKAGE_PARENT)}, socket.gethostname())


class TorchrunLauncher:
    """See the module. Safe to call from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._children = Children()

    def launch(self, folder: Path) -> bool:
        """Start torchrun for the folder."""
        arguments = agent_arguments(folder, self._settings.launching, socket.gethostname())
        process = processes.spawn(_AGENT, arguments, env=self._env(), cwd=folder, log=folder / "worker.log")
        self._children.add(folder, process)
        return False

    def slot(self, device: str) -> str:
        """Return one slot for all GPUs, which a run takes together, and one for all hosts, which meet at one port."""
        if self._settings.launching.hosts > 1:
            return "hosts"
        return device if device == "cpu" else "gpus"

    def is_warm(self) -> bool:
        """Return False: there is no spare."""
        return False

    def warm(self) -> None:
        """Prepare nothing."""

    def reap(self) -> list[tuple[Path, int]]:
        """Collect the agents that have ended, so that none stays a zombie."""
        return self._children.reap()

    def close(self) -> None:
        """Hold nothing; running workers go on."""

    def _env(self) -> dict[str, str]:
        """Return the environment of a worker, with its part of the cores; torchrun would give each process one."""
        threads = max(1, compute_threads() // max(1, self._settings.launching.processes))
        # Below errors, torch says of each run that it looks for weights without a gradient, which it does on purpose.
        return {**child_env(self._settings), "OMP_NUM_THREADS": str(threads), "TORCH_CPP_LOG_LEVEL": "ERROR"}
