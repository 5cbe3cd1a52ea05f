"""Each sample that ships, trained with the defaults: its score against a linear probe, its time against a forecast."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.accuracy import train_to_end
from benchmarks.row import Row
from bertdemo import samples, tasks
from bertdemo.dataset.prepared import prepare
from bertdemo.run_config import RunConfig
from bertdemo.runs.request import RunRequest
from bertdemo.samples import Sample
from bertdemo.services import Services
from bertdemo.tables.table import Table
from bertdemo.tables.table_files import read
from bertdemo.ui.fine_tune.sample_cards import sample_cards

# The first sample that a person sees, and how long it may take from Start to its result.
FIRST, FIRST_SECONDS = "support_en", 25.0
# How far a forecast may be off, and of how many runs in ten.
NEAR, WANTED_OF_TEN = 0.25, 8


@dataclass(frozen=True)
class _Trained:
    """One sample after its run: (value, low, high) of its headline, the probe's value, and times in seconds."""

    sample: Sample
    score: tuple[float, float, float]
    probe: float | None
    forecast: float | None
    taken: float

    @property
    def off(self) -> float | None:
        """How far the forecast was off, as a share of the time taken."""
        return None if self.forecast is None else self.forecast / self.taken - 1

    @property
    def below_probe(self) -> bool:
        """Whether the probe is above the whole interval of the run."""
        return self.probe is not None and self.probe > self.score[2]


def defaults(services: Services) -> list[Row]:
    """Train each sample once; the forecast is that of its card on the page just before."""
    trained = []
    for sample in samples.all_samples():
        trained.append(_train(services, sample))
        print(trained[-1], flush=True)  # noqa: T201 - the fifteen take a quarter of an hour
    return [_probes(trained), _forecasts(trained), _first(trained)]


def _train(services: Services, sample: Sample) -> _Trained:
    table = read(sample.path, sample.file, services.settings.limits)
    columns = tasks.find(sample.task).columns(table)
    probe = _probe(services, sample, table)
    forecast = next(card.seconds for card in sample_cards(services, sample.language) if card.id == sample.id)
    request = RunRequest(
        task=sample.task,
        columns=columns,
        checkpoint="bundled",
        config=RunConfig(),
        data=str(sample.path),
        data_name=sample.file,
    )
    began = time.monotonic()
    status = train_to_end(services, request)
    taken = time.monotonic() - began
    value = status.metrics[status.headline]
    low, high = value["low"], value["high"]
    score = value["value"] or 0.0
    return _Trained(
        sample, (score, score if low is None else low, score if high is None else high), probe, forecast, taken
    )


def _probe(services: Services, sample: Sample, table: Table) -> float | None:
    """Return the cross-validated score of the linear probe; None where the task has none."""
    task = tasks.find(sample.task)
    prepared = prepare(table, task, task.columns(table))
    scores = services.baselines.compute(prepared, "bundled", "")
    return next((next(iter(it.metrics.values())).value for it in scores if it.kind == "frozen"), None)


def _probes(trained: Sequence[_Trained]) -> Row:
    compared = [it for it in trained if it.probe is not None]
    shown = ", ".join(
        f"{it.sample.id} {it.score[0]:.3f} [{it.score[1]:.3f}, {it.score[2]:.3f}] probe {it.probe:.3f}"
        for it in compared
    )
    below = [it.sample.id for it in compared if it.below_probe]
    return Row(
        f"{len(compared)} samples that ship, defaults, against their linear probe (cross-validated)",
        f"{len(below)} below ({', '.join(below) or 'none'}): {shown}",
        "none below it by more than its interval",
        not below,
    )


def _forecasts(trained: Sequence[_Trained]) -> Row:
    known = [it for it in trained if it.off is not None]
    near = sum(abs(it.off or 0.0) <= NEAR for it in known)
    shown = ", ".join(f"{it.sample.id} {it.forecast:.0f} s for {it.taken:.0f} s" for it in known)
    return Row(
        "time predicted before Start against taken, the samples that ship",
        f"within {NEAR:.0%} on {near} of {len(known)}: {shown}",
        f"on {WANTED_OF_TEN} of 10",
        bool(known) and 10 * near >= WANTED_OF_TEN * len(known),
    )


def _first(trained: Sequence[_Trained]) -> Row:
    first = next(it for it in trained if it.sample.id == FIRST)
    return Row(
        f"the sample {FIRST} with the defaults, from Start to its result",
        f"{first.taken:.0f} s",
        f"≤ {FIRST_SECONDS:.0f} s",
        first.taken <= FIRST_SECONDS,
    )
