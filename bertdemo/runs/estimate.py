"""How long a training run will take on this machine, before it starts: its work divided by the measured speed.

The speed of a device is that of the last run there. Before the first one on a CPU, a spare worker measures a short
training of its own. Without a measurement there is no estimate.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from bertdemo.analysis.report import LengthSummary
from bertdemo.checkpoints import CheckpointInfo
from bertdemo.device import Device, Precision, cpu, precision_for
from bertdemo.processes import write_atomic
from bertdemo.run_config import RunConfig
from bertdemo.runs.work import Work, padded_tokens, token_units
from bertdemo.runs.worker.optimization.batches import TrainingOrder, evaluation_batch, padded_positions

_LOG = logging.getLogger(__name__)
SPEEDS_FILE = "speeds.json"


def layer_parameters(layers: int, width: int) -> int:
    """Return the weights of all layers: 4 d^2 of attention and 8 d^2 of the feed-forward part in each.

    Each token is multiplied by every one of them; embeddings are only looked up.
    """
    return 12 * layers * width**2


# Layer parameters from which the tokens decide the time of a step. A step of a smaller model is mostly overhead: from
# its speed, the estimate for the bundled model was an hour.
SMALLEST_MEASURED = 1_000_000
# Seconds to open the model, to draw the first predictions, to save and to publish, where no run has measured them: what
# the bundled model took on two quiet cores.
_OVERHEAD_SECONDS = 3.0
_OVERHEAD = "overhead seconds"
# Rows whose batches are made up to count their padding: enough for a share that hardly varies, in milliseconds.
_MOST_SAMPLED = 2_000


class Speeds:
    """The measured speeds in the home folder: work units (see `runs.work`) times layer parameters, per second."""

    def __init__(self, home: Path) -> None:
        self._path = home / SPEEDS_FILE

    def of(self, device: str, precision: Precision) -> float | None:
        """Return the speed of a device (its name, as `Device.name`), None where none was measured."""
        value = self._read().get(f"{device} {precision}")
        return float(value) if isinstance(value, int | float) and value > 0 else None

    def note(self, device: str, precision: Precision, speed: float) -> None:
        """Store a measured speed; a disk that is full only costs the estimate."""
        if speed > 0:
            self._write({f"{device} {precision}": speed})

    def overhead(self) -> float:
        """Return the seconds of a run that do not depend on its tokens: those of the last run here."""
        value = self._read().get(_OVERHEAD)
        return float(value) if isinstance(value, int | float) and value >= 0 else _OVERHEAD_SECONDS

    def note_overhead(self, seconds: float) -> None:
        """Store what `overhead` returns."""
        self._write({_OVERHEAD: max(0.0, seconds)})

    def _write(self, values: Mapping[str, float]) -> None:
        try:
            write_atomic(self._path, json.dumps({**self._read(), **values}))
        except OSError as error:
            _LOG.warning("the speed was not stored: %s", error)

    def _read(self) -> Mapping[str, object]:
        try:
            speeds = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return speeds if isinstance(speeds, dict) else {}


class Estimates:
    """See the module."""

    def __init__(self, home: Path) -> None:
        self._speeds = Speeds(home)

    def training_seconds(
        self,
        lengths: LengthSummary,
        split: Mapping[str, int],
        config: RunConfig,
        info: CheckpointInfo,
        device: Device,
    ) -> float | None:
        """Return the seconds that a run takes, None where the speed of the device is not known.

        `split` has the rows of train, validation and perhaps test; `config` is resolved.
        """
        speed = self._speeds.of(device.name, precision_for(device, config.precision))
        if speed is None:
            return None
        rows = _Rows(lengths, config.max_length or info.positions)
        train = rows.trained(split.get("train", 0), config)
        validation = rows.evaluated(split.get("validation", 0), config)
        test = rows.evaluated(split.get("test", 0), config) or validation
        layers = min(config.layers or info.layers, info.layers)
        work = _work(config, train, validation, test, layers)
        # A linear probe reads each row once, without a backward pass.
        units = train + test if config.frozen else work.total
        return self._speeds.overhead() + units * layer_parameters(layers, info.width) / speed

    def embedding_seconds(
        self, lengths: LengthSummary, rows: int, most_tokens: int, info: CheckpointInfo
    ) -> float | None:
        """Return the seconds that the server takes to embed rows on the CPU, None where its speed is not known."""
        device = cpu()
        speed = self._speeds.of(device.name, precision_for(device, "auto"))
        if speed is None:
            return None
        return rows * mean_tokens(lengths, most_tokens) * layer_parameters(info.layers, info.width) / speed


def _work(config: RunConfig, train: float, validation: float, test: float, layers: int) -> Work:
    """Return the work of a run that takes steps, from the tokens of its parts and the layers of the model."""
    if config.contrastive:  # the training rows are embedded before and after it, and no epoch is evaluated
        return Work(round(train), config.epochs or 1, 0, round(test), round(2 * train))
    start = train + validation if config.head_init == "probe" else 0.0
    share, kept = min(config.frozen_layers, layers) / layers, config.keeps_frozen_outputs
    once = share * (train + validation) if kept else 0.0
    units = token_units(share, kept=kept)
    return Work(round(train), config.epochs or 1, round(validation), round(test), round(start), once, *units)


@dataclass(frozen=True)
class _Rows:
    """Rows of these lengths, each truncated at `most` tokens, in the batches of a run, padding included."""

    lengths: LengthSummary
    most: int

    def trained(self, rows: int, config: RunConfig) -> float:
        """Return the positions of one epoch."""
        if not (sample := self._sample(rows)):
            return 0.0
        order = TrainingOrder(
            len(sample), config.seed, config.rows_per_pass, sample if config.group_by_length else None
        )
        return self._scaled(padded_positions(order, sample), rows)

    def evaluated(self, rows: int, config: RunConfig) -> float:
        """Return the positions of one evaluation."""
        sample = self._sample(rows)
        return self._scaled(padded_tokens(sample, evaluation_batch(config.rows_per_pass), grouped=True), rows)

    def _sample(self, rows: int) -> list[int]:
        """Return the lengths of at most MOST_SAMPLED rows, spread over the histogram as the texts are."""
        texts = sum(count for _, count in self.lengths.histogram)
        wanted = min(rows, _MOST_SAMPLED)
        if not texts or not wanted:
            return []
        width = self.lengths.histogram[0][0]
        middles = [(min(round(end - width / 2), self.most), count) for end, count in self.lengths.histogram]
        ranked = accumulate(count for _, count in middles)
        ends = [round(wanted * rank / texts) for rank in ranked]
        return [
            middle
            for (middle, _), begin, end in zip(middles, [0, *ends], ends, strict=False)
            for _ in range(end - begin)
        ]

    def _scaled(self, positions: int, rows: int) -> float:
        return positions * rows / max(1, min(rows, _MOST_SAMPLED))


def mean_tokens(lengths: LengthSummary, max_length: int) -> float:
    """Return the mean length of the texts in tokens, each truncated at `max_length`, from the bars of the histogram."""
    texts = sum(count for _, count in lengths.histogram)
    if not texts:
        return 0.0
    width = lengths.histogram[0][0]
    middles = ((min(end - width / 2, max_length), count) for end, count in lengths.histogram)
    return sum(middle * count for middle, count in middles) / texts
