"""What a GPU does with the worker, from the run folder to the checkpoint: `make gpu`, or `python -m benchmarks.gpu`.

Every task trains on its sample, on random weights, so that the check needs no network; a model of BERT-base's size
shows the speed. Nothing of it runs without a CUDA device. The report is printed as Markdown and, where a path is
given, written there.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.row import Row
from bertdemo import device as devices
from bertdemo import samples, tasks
from bertdemo.checkpoints import Catalogue
from bertdemo.dataset.dataset_cache import DatasetCache
from bertdemo.run_config import RunConfig
from bertdemo.runs import admission
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry
from bertdemo.runs.request import RunRequest
from bertdemo.runs.status import RunStatus, status_of
from bertdemo.runs.worker.job import Job
from bertdemo.serving.predictor import Predictor
from bertdemo.settings import Settings
from bertdemo.tables.table_cache import TableCache
from tests.tiny import build_tiny_checkpoint

_ONE_TEXT = ("The museum in Paris was opened in spring.", "What was opened in spring?")
_APART = 0.02
"""Largest difference between a prediction on the GPU and on the CPU: training in bfloat16, inference in float32."""
_FAST = 500
"""Rows per second of BERT-base at 128 tokens below which the GPU is not what trains; a laptop CPU does about 10."""


def main(report: str = "") -> int:
    """Run all checks on the first CUDA device; return how many failed."""
    found = [device for device in devices.report().devices if device.kind == "cuda"]
    if not found:
        print("no CUDA device: nothing was checked")  # noqa: T201
        return 0
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        build_tiny_checkpoint(home / "models" / "tiny", layers=4, width=128, heads=4, intermediate=256)
        build_tiny_checkpoint(home / "models" / "base", layers=12, width=768, heads=12, intermediate=3072)
        check = _Check(home, found[0])
        rows = [*(check.task(sample) for sample in _one_per_task()), check.speed(), check.stop(), check.memory()]
    lines = [f"GPU: {found[0].name}, {check.precision} by `auto`", "", "| what | figure | target | met |"]
    lines += ["| --- | --- | --- | --- |", *(row.line() for row in rows)]
    print("\n".join(lines))  # noqa: T201
    if report:
        Path(report).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return sum(not row.held for row in rows)


class _Check:
    """Runs jobs in this process, as the worker does, in a home of their own."""

    def __init__(self, home: Path, device: devices.Device) -> None:
        env = {"BERTDEMO_HOME": str(home / "home"), "BERTDEMO_CHECKPOINTS": f"{home}/models/tiny:{home}/models/base"}
        self._settings = Settings.from_env(env)
        self._settings.apply()
        self._device = device
        self._registry = Registry(self._settings)
        self._catalogue = Catalogue(self._settings)
        self._datasets = DatasetCache(TableCache(self._settings, trusted=samples.FOLDER))
        self.precision = devices.precision_for(device, "auto")

    def task(self, sample: samples.Sample) -> Row:
        """Train one task on its sample, and predict with what came out on the GPU and on the CPU."""
        status, _ = self._run(sample, "local:tiny", epochs=2)
        if status.state != "finished":
            return Row(f"{sample.task} trains", f"{status.state}: {status.message}", "finished", False)
        answers = [self._answer(status.checkpoint, place) for place in (self._device.id, "cpu")]
        apart = _apart(*answers)
        score = status.metrics[status.headline]["value"]
        figure = f"{status.headline} {score:.3f}; GPU and CPU {apart:.1g} apart"
        return Row(f"{sample.task} trains and predicts", figure, f"at most {_APART} apart", apart <= _APART)

    def speed(self) -> Row:
        """Train a model of BERT-base's size and count the rows per second of all steps but the first ten."""
        import torch

        torch.cuda.reset_peak_memory_stats()
        sample = next(sample for sample in samples.all_samples() if sample.task == "classification")
        _, events = self._run(sample, "local:base", epochs=10, batch_size=32, max_length=128)
        steps = [event for event in events if isinstance(event, ev.Step)]
        spent = steps[-1].at - steps[10].at
        rows = 32 * (len(steps) - 11) / spent
        peak = torch.cuda.max_memory_allocated() / 2**30
        figure = f"{rows:.0f} rows/s, {peak:.1f} GiB at most"
        return Row("BERT-base, batch 32, short texts", figure, f"over {_FAST} rows/s", rows > _FAST)

    def stop(self) -> Row:
        """Ask a training to stop at its first evaluation; the best weights are kept."""
        sample = next(sample for sample in samples.all_samples() if sample.task == "classification")
        began = time.monotonic()
        status, _ = self._run(sample, "local:base", stop_at="Evaluated", epochs=50)
        held = status.state == "cancelled" and bool(status.checkpoint)
        return Row("stop at the first evaluation", f"{status.state} in {time.monotonic() - began:.0f} s", "kept", held)

    def memory(self) -> Row:
        """Give the process too little memory for a batch; what is told names the settings to lower."""
        import torch

        torch.cuda.empty_cache()
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, 2 * 2**30 / total))
        sample = next(sample for sample in samples.all_samples() if sample.task == "classification")
        try:
            status, _ = self._run(sample, "local:base", epochs=1, batch_size=256, max_length=512)
        except Exception as error:
            kind = type(error).__name__
            return Row("2 GiB for BERT-base", kind, "MemoryRanOut names the batch", "Memory" in kind)
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0)
        return Row("2 GiB for BERT-base", status.state, "a memory error in words", False)

    def _run(
        self, sample: samples.Sample, checkpoint: str, stop_at: str = "", **config: Any
    ) -> tuple[RunStatus, tuple[ev.RunEvent, ...]]:
        settings = RunConfig.from_fields({"device": self._device.id, **config})
        request = RunRequest(sample.task, {}, checkpoint, settings, str(sample.path), sample.file)
        prepared = admission.checked(request, self._datasets, self._settings.limits)
        run = self._registry.create(replace(request, columns=dict(prepared.columns)), "", prepared)
        job = Job(self._registry.folder(run), self._settings)
        if stop_at:
            emit = job.emit

            def spy(kind: str, **fields: Any) -> None:
                emit(kind, **fields)
                if kind == stop_at:
                    job.ask_to_stop()

            job.emit = spy  # type: ignore[method-assign]
        job.run()
        view = self._registry.read(run, "")
        return status_of(view), view.events

    def _answer(self, checkpoint: str, place: str) -> dict[str, Any]:
        predictor = Predictor(self._settings, Catalogue(self._settings), device=lambda: place)
        task = tasks.find(self._catalogue.describe(checkpoint, "").task or "classification")
        text, pair = _ONE_TEXT if task.reads_pairs else ("[MASK] in Paris was opened.", "")
        return predictor.predict(text, pair, checkpoint, "").output.to_api()


def _one_per_task() -> list[samples.Sample]:
    first: dict[str, samples.Sample] = {}
    for sample in samples.all_samples():
        first.setdefault(sample.task, sample)
    return list(first.values())


def _apart(one: Any, other: Any) -> float:
    """Return the largest difference between numbers at the same place of two answers; 1 where they differ in kind."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other)
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return max((_apart(one[key], other[key]) for key in one), default=0.0)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return max((_apart(*pair) for pair in zip(one, other, strict=True)), default=0.0)
    return 0.0 if one == other else 1.0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
