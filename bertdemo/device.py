"""What there is to compute on, and in which precision: the only place that asks torch.cuda.

`report()` lists devices best first. Without a GPU it says why (`no_gpu` is a locale key under `device.`).
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Literal

import psutil

from bertdemo.errors import DeviceGone

Precision = Literal["float32", "bfloat16", "float16"]
_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "cublas_status_alloc_failed")
"""What CUDA and Metal, the allocator of a CPU on Linux and on Windows, and cuBLAS say."""
_CGROUP = Path("/sys/fs/cgroup")
"""Where Linux tells a container its limits."""
_FAST_CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # x86 and Arm names for a bfloat16 matrix product


@dataclass(frozen=True)
class Device:
    """One place to train on. Memory in bytes."""

    id: str
    kind: Literal["cpu", "cuda", "mps"]
    name: str
    total_bytes: int
    free_bytes: int
    bfloat16: bool
    float16: bool
    cores: int = 0


@dataclass(frozen=True)
class DeviceReport:
    """All devices, best first, and why there is no GPU where there is none."""

    devices: tuple[Device, ...]
    no_gpu: str = ""
    """`cpu_build`, `no_driver` or `hidden`; empty where a GPU was found."""

    def choose(self, wanted: str) -> Device:
        """Return the device of that id, the best one for `auto`; DeviceGone where it is not there."""
        if wanted == "auto":
            return self.devices[0]
        for device in self.devices:
            if device.id == wanted:
                return device
        raise DeviceGone(device=wanted[:60], devices=", ".join(device.id for device in self.devices))


def report(torch: ModuleType | None = None) -> DeviceReport:
    """Look at this machine. `torch` may be a stand-in; the import takes seconds the first time."""
    if torch is None:
        import torch as real

        torch = real
    gpus = _cuda(torch) + _mps(torch)
    return DeviceReport((*gpus, cpu()), "" if gpus else _why_no_gpu(torch))


def cpu() -> Device:
    """Describe the processor; needs no torch, so the page can show it at once."""
    memory = psutil.virtual_memory()
    limit = _container_limit()
    return Device(
        id="cpu",
        kind="cpu",
        name="CPU",
        total_bytes=min(memory.total, limit),
        free_bytes=min(memory.available, limit),
        bfloat16=_cpu_has_fast_bfloat16(),
        float16=False,
        cores=_usable_cores(),
    )


def compute_threads() -> int:
    """Return on how many threads to multiply matrices: one per physical core, as far as this process may use them.

    The second thread of a core shares its arithmetic units, so it adds nothing but waiting.
    """
    return max(1, min(psutil.cpu_count(logical=False) or _usable_cores(), _usable_cores()))


def limit_threads() -> None:
    """Let torch use no more threads than there are cores for it: of itself it counts those of the whole machine."""
    import torch

    torch.set_num_threads(min(torch.get_num_threads(), compute_threads()))


def precision_for(device: Device, wanted: str) -> Precision:
    """Resolve `auto` to what is fastest on this device; an explicit wish is taken where the device can do it."""
    if wanted == "float32":
        return "float32"
    if wanted == "bfloat16":
        return "bfloat16" if device.bfloat16 or device.kind == "cpu" else "float32"
    if wanted == "float16":
        return "float16" if device.float16 else "float32"
    if device.bfloat16:
        return "bfloat16"
    return "float16" if device.float16 else "float32"


def memory_in_use(device_id: str) -> int:
    """Return bytes in use: what torch holds on a GPU, this process's resident memory on a CPU."""
    if device_id.startswith("cuda"):
        import torch

        return int(torch.cuda.memory_reserved(torch.device(device_id)))
    if device_id == "mps":
        import torch

        return int(torch.mps.driver_allocated_memory())
    return int(psutil.Process().memory_info().rss)


def out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out, on any device."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(sentence in text for sentence in _NO_MEMORY)


def _cuda(torch: ModuleType) -> tuple[Device, ...]:
    if not torch.cuda.is_available():
        return ()
    found = []
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        major, _ = torch.cuda.get_device_capability(index)
        found.append(
            Device(
                id=f"cuda:{index}",
                kind="cuda",
                name=torch.cuda.get_device_name(index),
                total_bytes=total,
                free_bytes=free,
                bfloat16=major >= 8,  # Ampere and later have bfloat16 tensor cores; Volta and Turing only float16
                float16=major >= 7,
            )
        )
    return tuple(sorted(found, key=lambda device: -device.free_bytes))


def _mps(torch: ModuleType) -> tuple[Device, ...]:
    if not torch.backends.mps.is_available():
        return ()
    memory = psutil.virtual_memory()  # Apple GPUs share the machine's memory
    return (Device("mps", "mps", "Apple GPU", memory.total, memory.available, bfloat16=False, float16=False),)


def _why_no_gpu(torch: ModuleType) -> str:
    if torch.version.cuda is None and getattr(torch.version, "hip", None) is None:
        return "cpu_build"
    return "hidden" if torch.cuda.device_count() == 0 and Path("/dev/nvidia0").exists() else "no_driver"


@lru_cache(maxsize=1)
def _cpu_has_fast_bfloat16() -> bool:
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return False
    for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.lower().startswith(("flags", "features")):
            return bool(_FAST_CPU_FLAGS & set(line.split()))
    return False


def _usable_cores() -> int:
    """Return how many cores this process may keep busy: by its affinity and by the container's quota of time."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, _container_cpus()))


def _container_cpus() -> int:
    """Return the container's quota of time as so many processors, rounded up; a huge number where there is none."""
    try:
        quota, period = (_CGROUP / "cpu.max").read_text(encoding="ascii").split()  # version 2: "150000 100000" or "max"
    except (OSError, ValueError):
        quota, period = _read(_CGROUP / "cpu/cpu.cfs_quota_us"), _read(_CGROUP / "cpu/cpu.cfs_period_us")  # version 1
    if not (quota.isdigit() and period.isdigit() and int(period)):
        return 1 << 30
    return math.ceil(int(quota) / int(period))


def _read(path: Path) -> str:
    """Return the one word in a file of the system, "" where there is no such file."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _container_limit() -> int:
    """Return the container's memory limit; the machine's own figure lies inside a container."""
    limit = _CGROUP / "memory.max"
    text = limit.read_text(encoding="ascii").strip() if limit.exists() else "max"
    return int(text) if text.isdigit() else 1 << 62
