"""How long a run will take, said when it starts and compared with what it took; each run measures for the next one."""

from __future__ import annotations

from pathlib import Path

from bertdemo.device import Precision
from bertdemo.runs.estimate import SMALLEST_MEASURED, Speeds, layer_parameters
from bertdemo.runs.work import Work, padded_tokens, token_units
from bertdemo.runs.worker.optimization.batches import TrainingOrder, evaluation_batch, padded_positions
from bertdemo.runs.worker.result import Prepared

# A shorter training is mostly its first steps, which are slower than the rest.
_MEASURED_SECONDS = 5.0


def planned(prepared: Prepared) -> Work:
    """Return the work of a run that trains by Trainer, in tokens, padding included."""
    lengths = {name: list(dataset["length"]) for name, dataset in prepared.encoded.items()}
    batch, train = prepared.config.rows_per_pass, lengths["train"]
    order = TrainingOrder(len(train), prepared.config.seed, batch, train if prepared.config.group_by_length else None)
    rows = evaluation_batch(batch)
    validation = padded_tokens(lengths["validation"], rows, grouped=True)
    test = padded_tokens(lengths["test"], rows, grouped=True) if "test" in lengths else validation
    frozen, training, evaluation = _units(prepared)
    return Work(
        train_tokens=padded_positions(order, train),
        epochs=prepared.config.epochs or 1,
        validation_tokens=validation,
        test_tokens=test,
        start_tokens=sum(train) + validation if prepared.config.head_init == "probe" else 0,
        frozen_units=frozen * (sum(train) + validation),
        training_units=training,
        evaluation_units=evaluation,
    )


def _units(prepared: Prepared) -> tuple[float, float, float]:
    """Return what a token costs: in the pass through the frozen layers (or 0), in training, in an evaluation."""
    layers = prepared.config.layers or prepared.info.layers
    share = min(prepared.config.frozen_layers, layers) / layers
    kept = prepared.config.keeps_frozen_outputs and prepared.task.outputs_are_fixed
    return (share if kept else 0.0, *token_units(share, kept=kept))


class Forecast:
    """The measured speed of one device and precision, for a model of one size."""

    def __init__(self, home: Path, device: str, precision: Precision, prepared: Prepared) -> None:
        self._speeds, self._device, self._precision = Speeds(home), device, precision
        self._parameters = layer_parameters(prepared.config.layers or prepared.info.layers, prepared.info.width)
        self._worked: float | None = None

    def seconds(self, work: Work) -> float | None:
        """Return the seconds that a run with this work will take; None where it is not known."""
        speed = self._speeds.of(self._device, self._precision)
        if speed is None or self._parameters < SMALLEST_MEASURED:
            return None
        return round(self._speeds.overhead() + work.total * self._parameters / speed, 1)

    def trained(self, work: Work, seconds: float) -> None:
        """Store the speed of a training that is over, where the run has lasted long enough to tell."""
        if seconds > _MEASURED_SECONDS and self._parameters >= SMALLEST_MEASURED and work.speed() > 0:
            self._worked = work.total / work.speed()
            self._speeds.note(self._device, self._precision, work.speed() * self._parameters)

    def ended(self, seconds: float) -> None:
        """Store what a whole run took beside its work."""
        if self._worked is not None:
            self._speeds.note_overhead(seconds - self._worked)
