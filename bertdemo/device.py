"""The devices to compute on, and their numeric precision: the only place that asks torch.cuda.

`report()` lists devices best first. Without a GPU it has the reason (`no_gpu` is a locale key under `device.`).
"""

from __future__ import annotations

import math
import os
import sys
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Literal

import psutil

from bertdemo.errors import DeviceGone

Precision = Literal["float32", "bfloat16", "float16"]
# Messages of CUDA and Metal, of the CPU allocator on Linux and on Windows, and of cuBLAS.
_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "cublas_status_alloc_failed")
# Where Linux has the limits of a container.
_CGROUP = Path("/sys/fs/cgroup")
# More than any machine has: it means "no limit".
_UNLIMITED_CPUS, _UNLIMITED_BYTES = 1 << 30, 1 << 62
# The flags of x86 and Arm processors that multiply bfloat16 matrices.
_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
# A product of the bundled model's size, (rows, inputs, outputs), and how often it is computed. It takes less than a
# turn of the scheduler, so that beside other work some of the rounds are undisturbed: with four times the rows, a
# processor with a ratio of 1.6 showed 0.91 to 2.25.
_PRODUCT, _ROUNDS = (128, 384, 1536), 30
# Of the time in float32, the most that the same product may take in bfloat16: its float32 copies of the weights cost
# about a tenth of a step. Processors are far from it on either side: 0.3 with AMX, 2.0 on one with avx512_bf16 alone.
_WORTH_IT = 0.8


@dataclass(frozen=True)
class Device:
    """One device to train on. Memory in bytes."""

    id: str
    kind: Literal["cpu", "cuda", "mps"]
    name: str
    total_bytes: int
    free_bytes: int
    # Whether it is fast in this precision.
    bfloat16: bool
    float16: bool
    cores: int = 0


@dataclass(frozen=True)
class DeviceReport:
    """All devices, best first, and the reason where there is no GPU."""

    devices: tuple[Device, ...]
    no_gpu: str = ""
    """`cpu_build`, `no_driver` or `hidden`; "" where there is a GPU."""

    def choose(self, device_id: str) -> Device:
        """Return the device of that id, the best one for `auto`; DeviceGone where it does not exist."""
        if device_id == "auto":
            return self.devices[0]
        for device in self.devices:
            if device.id == device_id:
                return device
        raise DeviceGone(device=device_id[:60], devices=", ".join(device.id for device in self.devices))


def report(torch: ModuleType | None = None) -> DeviceReport:
    """Return the devices of this machine. `torch` may be a test double; the import takes seconds the first time."""
    if torch is None:
        import torch as real

        torch = real
    gpus = _cuda(torch) + _mps(torch)
    return DeviceReport((*gpus, cpu()), "" if gpus else _why_no_gpu(torch))


def cpu() -> Device:
    """Return the processor as a device; needs no torch, so the page can show it at once.

    Until torch is imported, its flags alone tell whether it is fast in bfloat16.
    """
    memory = psutil.virtual_memory()
    limit = _container_limit()
    return Device(
        id="cpu",
        kind="cpu",
        name="CPU",
        total_bytes=min(memory.total, limit),
        free_bytes=min(memory.available, limit),
        bfloat16=_has_bfloat16() and ("torch" not in sys.modules or _bfloat16_is_faster()),
        float16=False,
        cores=_usable_cores(),
    )


def compute_threads() -> int:
    """Return the number of threads for matrix products: one per physical core that this process may use.

    The second thread of a core shares its arithmetic units, so it only adds waiting.
    """
    return max(1, min(psutil.cpu_count(logical=False) or _usable_cores(), _usable_cores()))


def limit_threads() -> None:
    """Limit torch to `compute_threads`: by itself it counts the cores of the whole machine."""
    import torch

    torch.set_num_threads(min(torch.get_num_threads(), compute_threads()))


def precision_for(device: Device, precision: str) -> Precision:
    """Resolve `auto` to the fastest precision on this device; another choice is kept where the device supports it."""
    if precision == "float32":
        return "float32"
    if precision == "bfloat16":  # any CPU can emulate it, slowly
        return "bfloat16" if device.bfloat16 or device.kind == "cpu" else "float32"
    if precision == "float16":
        return "float16" if device.float16 else "float32"
    if device.bfloat16:
        return "bfloat16"
    return "float16" if device.float16 else "float32"


def memory_in_use(device_id: str) -> int:
    """Return the bytes in use: reserved by torch on a GPU, the resident memory of this process on a CPU."""
    if device_id.startswith("cuda"):
        import torch

        return int(torch.cuda.memory_reserved(torch.device(device_id)))
    if device_id == "mps":
        import torch

        return int(torch.mps.driver_allocated_memory())
    return int(psutil.Process().memory_info().rss)


def free_memory() -> None:
    """Give memory that torch keeps for later tensors back to the GPU."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()


def out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out, on any device."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(message in text for message in _NO_MEMORY)


def _cuda(torch: ModuleType) -> tuple[Device, ...]:
    if not torch.cuda.is_available():
        return ()
    devices = []
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        major, _ = torch.cuda.get_device_capability(index)
        devices.append(
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
    # Most free memory first: on a shared machine that is the least busy GPU.
    return tuple(sorted(devices, key=lambda device: -device.free_bytes))


def _mps(torch: ModuleType) -> tuple[Device, ...]:
    if not torch.backends.mps.is_available():
        return ()
    memory = psutil.virtual_memory()  # Apple GPUs share the machine's memory
    return (Device("mps", "mps", "Apple GPU", memory.total, memory.available, bfloat16=False, float16=False),)


def _why_no_gpu(torch: ModuleType) -> str:
    # `hip` is the version of a build for AMD GPUs.
    if torch.version.cuda is None and getattr(torch.version, "hip", None) is None:
        return "cpu_build"
    return "hidden" if torch.cuda.device_count() == 0 and Path("/dev/nvidia0").exists() else "no_driver"


@lru_cache(maxsize=1)
def _has_bfloat16() -> bool:
    """Return whether the processor has instructions for bfloat16."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return False
    for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.lower().startswith(("flags", "features")):
            return bool(_BFLOAT16_FLAGS & set(line.split()))
    return False


@lru_cache(maxsize=1)
def _bfloat16_is_faster() -> bool:
    """Return whether a matrix product takes less time in bfloat16; measured once per process, in some 50 ms.

    Having the instructions is not enough: on a processor with avx512_bf16 and without AMX, training in float32 was 1.4
    times as fast (docs/benchmarks.md).
    """
    import torch

    rows, inputs, outputs = _PRODUCT
    seconds: dict[torch.dtype, float] = {}
    with torch.inference_mode():
        for turn in range(_ROUNDS + 1):
            for dtype in (torch.float32, torch.bfloat16):
                texts, weight = torch.ones(rows, inputs, dtype=dtype), torch.ones(outputs, inputs, dtype=dtype)
                began = time.perf_counter()
                torch.nn.functional.linear(texts, weight)
                spent = time.perf_counter() - began
                if turn:  # the first one chooses kernels; of the others the fastest is least disturbed by other work
                    seconds[dtype] = min(spent, seconds.get(dtype, math.inf))
    return seconds[torch.bfloat16] < _WORTH_IT * seconds[torch.float32]


def _usable_cores() -> int:
    """Return the number of cores this process may use, by its affinity and by the CPU quota of its container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, _container_cpus()))


def _container_cpus() -> int:
    """Return the CPU quota of the container as a number of processors, rounded up."""
    try:
        quota, period = (_CGROUP / "cpu.max").read_text(encoding="ascii").split()  # version 2: "150000 100000" or "max"
    except (OSError, ValueError):
        quota, period = _read(_CGROUP / "cpu/cpu.cfs_quota_us"), _read(_CGROUP / "cpu/cpu.cfs_period_us")  # version 1
    if not (quota.isdigit() and period.isdigit() and int(period)):
        return _UNLIMITED_CPUS
    return math.ceil(int(quota) / int(period))


def _read(path: Path) -> str:
    """Return the content of a file of the system without white space, "" where it does not exist."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _container_limit() -> int:
    """Return the memory limit of the container; inside one, psutil reports the memory of the whole machine."""
    limit = _read(_CGROUP / "memory.max")
    return int(limit) if limit.isdigit() else _UNLIMITED_BYTES
