"""How much a training run has to do, counted in tokens, and the time that is left of it."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class Work:
    """How much there is to do, in tokens that go forward through all layers; see `token_units` for the others."""

    train_tokens: int
    epochs: int
    validation_tokens: int
    test_tokens: int
    start_tokens: int = 0
    """Tokens that are only read before the first step: to fit a linear probe and to evaluate it."""
    frozen_units: float = 0.0
    """What computing the outputs of the frozen layers once costs, where these are kept."""
    training_units: float = 3.0
    evaluation_units: float = 1.0
    """What a token costs in training, and in an evaluation after an epoch."""
    done: float = 0.0
    began: float = 0.0
    """When the speed began to be measured, and the units done by then."""
    done_before: float = 0.0
    reported: float = 0.0

    @property
    def total(self) -> float:
        """All work units of the run."""
        epoch = self.training_units * self.train_tokens + self.evaluation_units * self.validation_tokens
        return self.epochs * epoch + self.start_tokens + self.frozen_units + self.test_tokens

    def progress(self) -> float:
        """Return the share done so far, 0 to 0.999; it never falls."""
        self.reported = max(self.reported, min(0.999, self.done / max(1.0, self.total)))
        return self.reported

    def seconds_left(self) -> float:
        """Return the time left at the mean speed so far; 0 before the first measurement."""
        if not self.began or self.done <= self.done_before:
            return 0.0
        spent = time.monotonic() - self.began
        return max(0.0, spent * (self.total - self.done) / (self.done - self.done_before))

    def speed(self) -> float:
        """Return the work units per second since the speed began to be measured; 0 before."""
        spent = time.monotonic() - self.began if self.began else 0.0
        return (self.done - self.done_before) / spent if spent > 0 else 0.0

    def begin(self) -> None:
        """Measure the speed from now on. Called at the start, and again after the first step, which is the slowest."""
        self.began, self.done_before = time.monotonic(), self.done


def token_units(frozen_share: float, *, kept: bool) -> tuple[float, float]:
    """Return what a token costs in training and in an evaluation, in forward passes through all layers.

    The backward pass costs twice the forward, and frozen layers (that share of all) have none. Where their outputs are
    kept, they have no forward pass either.
    """
    above = 1.0 - frozen_share
    below = 0.0 if kept else frozen_share
    return 3.0 * above + below, above + below


def padded_tokens(lengths: Sequence[int], batch: int, *, grouped: bool) -> int:
    """Return the positions in all batches of an epoch, padding included; without grouping, for one random order."""
    order = sorted(lengths) if grouped else random.Random(0).sample(lengths, len(lengths))
    batches = [order[start : start + batch] for start in range(0, len(order), batch)]
    return sum(max(rows) * len(rows) for rows in batches)
