"""What goes wrong in a training, recognized while it happens: each sign is reported once, with what to change.

The messages are locale keys under `warning.`. A loss that is not a number ends the run, so it is an error and not here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

# Share of the training before which a model is given time: the learning rate still rises, and with many epochs on few
# rows the first one often predicts a single label.
_EARLY = 0.4
# Share of the loss of chance above which an epoch has learned nothing. Between random weights and the first signs of
# learning the mean loss of an epoch falls by more than this within one epoch of any sample that comes with the app.
_STUCK = 0.99
# Evaluations in a row whose loss rises, and by how much over the lowest: one rise is noise of a small validation set.
_RISES, _RISEN = 2, 1.05
# Evaluations after which a run that started from a linear probe should have beaten it.
_PATIENCE_WITH_PROBE = 2


@dataclass
class Watchers:
    """Looks at the losses and the evaluations of one run; `warn(key, values)` is called at most once per sign."""

    warn: Callable[[str, Mapping[str, str | int | float]], None]
    chance: float | None = None
    """The training loss of a model that ignores the text; None where it is not known."""
    from_probe: bool = False
    """Whether the evaluation of step 0 is that of a linear probe."""
    _warned: set[str] = field(default_factory=set)
    _epoch_losses: list[float] = field(default_factory=list)
    _validation_losses: list[float] = field(default_factory=list)

    def on_loss(self, loss: float) -> None:
        """Take in the training loss of a step."""
        self._epoch_losses.append(loss)

    def on_evaluation(self, *, share: float, loss: float, only_label: str, best_step: int) -> None:
        """Take in an evaluation after this share of the steps; `only_label` is the one that all its rows were given."""
        if share:
            self._validation_losses.append(loss)
            self._rising()
            if self.from_probe and best_step == 0 and len(self._validation_losses) >= _PATIENCE_WITH_PROBE:
                self._say("warning.probe_not_beaten")
        if share >= _EARLY:
            self._learned_nothing()
            if only_label:
                self._say("warning.one_class", label=only_label)
        self._epoch_losses.clear()

    def _learned_nothing(self) -> None:
        if self.chance is None or not self._epoch_losses:
            return
        mean = sum(self._epoch_losses) / len(self._epoch_losses)
        if mean >= _STUCK * self.chance:
            self._say("warning.loss_of_chance", loss=round(mean, 3), chance=round(self.chance, 3))

    def _rising(self) -> None:
        if _rises(self._validation_losses[-_RISES - 1 :]) and self._validation_losses[-1] > _RISEN * min(
            self._validation_losses
        ):
            self._say("warning.loss_rises", evaluations=_RISES)

    def _say(self, key: str, **values: str | int | float) -> None:
        if key not in self._warned:
            self._warned.add(key)
            self.warn(key, values)


def _rises(losses: Sequence[float]) -> bool:
    """Return whether each loss is higher than the one before; False for fewer than are looked at."""
    pairs = list(pairwise(losses))
    return len(pairs) == _RISES and all(math.isfinite(later) and later > earlier for earlier, later in pairs)
