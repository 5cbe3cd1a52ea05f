"""The launcher that the settings of the server name."""

from __future__ import annotations

from bertdemo.runs.launchers import Launcher
from bertdemo.runs.launchers.local import LocalLauncher
from bertdemo.runs.launchers.torchrun import TorchrunLauncher
from bertdemo.runs.launchers.zerogpu import ZeroGpuLauncher
from bertdemo.settings import Settings


def launcher_of(settings: Settings) -> Launcher:
    """Return it; it has started nothing yet."""
    if settings.launching.launcher == "zerogpu":
        return ZeroGpuLauncher(settings)
    return TorchrunLauncher(settings) if settings.launching.launcher == "torchrun" else LocalLauncher(settings)
