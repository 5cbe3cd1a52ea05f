"""Devices, with a stand-in for torch: no GPU is needed to know what the page would say of one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bertdemo import device
from bertdemo.device import Device, DeviceReport, out_of_memory, precision_for
from bertdemo.errors import DeviceGone

GIB = 1024**3


def fake_torch(
    gpus: list[tuple[str, int, int, int]] | None = None, *, mps: bool = False, cuda: str | None = None
) -> Any:
    """Return a torch that sees these (name, free GiB, total GiB, major capability)."""
    found = gpus or []
    return SimpleNamespace(
        cuda=SimpleNamespace(
            is_available=lambda: bool(found),
            device_count=lambda: len(found),
            mem_get_info=lambda i: (found[i][1] * GIB, found[i][2] * GIB),
            get_device_capability=lambda i: (found[i][3], 0),
            get_device_name=lambda i: found[i][0],
        ),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
        version=SimpleNamespace(cuda=cuda, hip=None),
    )


def test_the_gpu_with_most_free_memory_comes_first_and_the_processor_last() -> None:
    report = device.report(fake_torch([("T4", 2, 16, 7), ("A100", 70, 80, 8)], cuda="12.8"))
    assert [found.id for found in report.devices] == ["cuda:1", "cuda:0", "cpu"]
    assert report.no_gpu == ""
    assert report.choose("auto").name == "A100"
    assert report.choose("cuda:0").free_bytes == 2 * GIB
    assert (report.devices[0].bfloat16, report.devices[1].bfloat16, report.devices[1].float16) == (True, False, True)


def test_an_apple_gpu_is_found_and_trains_in_float32() -> None:
    report = device.report(fake_torch(mps=True))
    assert [found.kind for found in report.devices] == ["mps", "cpu"]
    assert precision_for(report.devices[0], "auto") == "float32"


def test_a_build_without_cuda_and_a_machine_without_driver_are_told_apart() -> None:
    assert device.report(fake_torch()).no_gpu == "cpu_build"
    assert device.report(fake_torch(cuda="12.8")).no_gpu == "no_driver"


def test_a_gpu_that_the_environment_hides_is_called_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device.Path, "exists", lambda self: True)
    monkeypatch.setattr(device, "cpu", lambda: of(kind="cpu"))
    assert device.report(fake_torch(cuda="12.8")).no_gpu == "hidden"


def test_a_device_that_is_gone_is_named_with_those_that_are_there() -> None:
    with pytest.raises(DeviceGone) as caught:
        DeviceReport((of(id="cuda:0"), of(id="cpu"))).choose("cuda:3")
    assert caught.value.values == {"device": "cuda:3", "devices": "cuda:0, cpu"}


def test_the_processor_is_described_without_torch() -> None:
    found = device.cpu()
    assert found.cores >= 1
    assert 0 < found.free_bytes <= found.total_bytes


@pytest.mark.parametrize(
    ("flag", "bfloat16_seconds", "fast"), [(True, 0.5, True), (True, 2.0, False), (False, 0.5, False)]
)
def test_a_processor_is_fast_in_bfloat16_where_a_product_in_it_takes_less_time(
    flag: bool, bfloat16_seconds: float, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    clock = [0.0]

    def linear(texts: Any, weight: Any) -> None:
        clock[0] += bfloat16_seconds if texts.dtype == torch.bfloat16 else 1.0

    device._bfloat16_is_faster.cache_clear()
    monkeypatch.setattr(torch.nn.functional, "linear", linear)
    monkeypatch.setattr(device.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(device, "_has_bfloat16", lambda: flag)
    try:
        assert device.cpu().bfloat16 is fast
        monkeypatch.delitem(device.sys.modules, "torch")
        assert device.cpu().bfloat16 is flag  # without torch the flags are all there is
    finally:
        device._bfloat16_is_faster.cache_clear()


def test_a_container_limit_below_the_machine_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_container_limit", lambda: GIB)
    assert device.cpu().total_bytes == GIB


def of(**values: Any) -> Device:
    fields: dict[str, Any] = {"id": "x", "kind": "cuda", "name": "X", "total_bytes": 1, "free_bytes": 1}
    return Device(**{**fields, "bfloat16": False, "float16": False, **values})


@pytest.mark.parametrize(
    ("bfloat16", "float16", "kind", "wanted", "got"),
    [
        (True, True, "cuda", "auto", "bfloat16"),
        (False, True, "cuda", "auto", "float16"),
        (False, False, "cpu", "auto", "float32"),
        (True, False, "cpu", "auto", "bfloat16"),
        (True, True, "cuda", "float32", "float32"),
        (True, True, "cuda", "float16", "float16"),
        (False, False, "cpu", "bfloat16", "bfloat16"),
        (False, False, "mps", "bfloat16", "float32"),
        (False, False, "cpu", "float16", "float32"),
    ],
)
def test_a_precision_is_taken_where_the_device_can_do_it(
    bfloat16: bool, float16: bool, kind: str, wanted: str, got: str
) -> None:
    assert precision_for(of(bfloat16=bfloat16, float16=float16, kind=kind), wanted) == got


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        type("OutOfMemoryError", (RuntimeError,), {})(),
    ],
)
def test_memory_that_ran_out_is_recognized(error: BaseException) -> None:
    assert out_of_memory(error)


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes do not fit"), ValueError("out of memory"), OSError(28, "No space")]
)
def test_other_errors_are_not_about_memory(error: BaseException) -> None:
    assert not out_of_memory(error)


def test_resident_memory_is_what_a_processor_uses() -> None:
    assert device.memory_in_use("cpu") > 10 * 1024**2


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 64),
        ({"cpu.max": "max 100000"}, 64),
        ({"cpu.max": "200000 100000"}, 2),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "10000 100000"}, 1),
        ({"cpu.max": "torn"}, 64),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 64),
        ({"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4),
    ],
)
def test_the_quota_of_a_container_bounds_the_cores(
    files: dict[str, str], cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n", encoding="ascii")
    monkeypatch.setattr(device, "_CGROUP", tmp_path)
    monkeypatch.setattr(device.os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert device.cpu().cores == cores


@pytest.mark.parametrize(("physical", "usable", "threads"), [(32, 64, 32), (32, 2, 2), (None, 4, 4)])
def test_matrices_are_multiplied_on_one_thread_per_physical_core(
    physical: int | None, usable: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device.psutil, "cpu_count", lambda logical=True: 2 * (physical or 2) if logical else physical)
    monkeypatch.setattr(device, "_usable_cores", lambda: usable)
    assert device.compute_threads() == threads
    import torch

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        device.limit_threads()
        assert torch.get_num_threads() == min(3, threads)
    finally:
        torch.set_num_threads(before)
