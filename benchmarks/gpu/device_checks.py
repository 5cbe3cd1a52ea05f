"""The devices and their numeric precision, as device.py sees them."""

from __future__ import annotations

from benchmarks.gpu.bench import Bench, as_figures, describe
from bertdemo import device as devices

_REASONS = {
    "cpu_build": "this PyTorch is built for the CPU only",
    "no_driver": "there is no driver for a GPU",
    "hidden": "the environment hides the GPU",
}


def list_devices(bench: Bench) -> None:
    """Report each device and what `auto` chooses on it; note the best one for the head of the report."""
    report = devices.report()
    for device in report.devices:
        precision = devices.precision_for(device, "auto")
        figure = f"{describe(device)}; {precision} by `auto`"
        bench.add(f"device {device.id}", figure, "", None, precision=precision, **as_figures(device))
    bench.note("machine", describe(report.devices[0]))
    bench.note("gpu", bench.on_gpu)
    if report.no_gpu:
        bench.skip("GPU", _REASONS.get(report.no_gpu, report.no_gpu))
    else:
        _driver(bench)


def _driver(bench: Bench) -> None:
    import torch

    properties = torch.cuda.get_device_properties(bench.device.id)
    major, minor = torch.cuda.get_device_capability(bench.device.id)
    figure = f"CUDA {torch.version.cuda}, capability {major}.{minor}, {properties.multi_processor_count} processors"
    bench.add("driver of the GPU", figure)
