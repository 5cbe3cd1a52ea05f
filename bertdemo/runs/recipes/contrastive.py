"""Contrastive tuning in numbers: the settings that are chosen for the data, and the rows of each batch. No model.

Every pair of rows in a batch is compared, so a batch needs several rows of one label and several labels. A set that
fits a batch is in every batch, whole; of a larger one, labels are drawn and then rows of them, each once before any
comes again.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bertdemo.run_config import RunConfig

# All pairs of 64 rows are 2,016 comparisons, and four labels with 16 rows each fit whole.
_BATCH = 64
# Rows of one label in a batch of a larger set: with two, 32 of its labels are told apart at once.
_ROWS_PER_LABEL = 2
# Optimizer steps, rounded up to whole passes over the training set; docs/decisions/0014 has what was measured.
_STEPS, _STEPS_OF_SAMPLED_LABELS = 20, 30
_MOST_EPOCHS = 50
# What `resolve_defaults` calls a small model; see docs/decisions/0014 for what was measured with it.
_SMALL_MODEL_PARAMETERS = 35_000_000


def resolve(config: RunConfig, train_rows: int, parameters: int, suggested_length: int) -> RunConfig:
    """Fill in every field that contrastive tuning reads and that was left open."""
    batch = config.batch_size or _BATCH
    per_epoch = max(1, -(-train_rows // batch))
    steps = _STEPS if per_epoch == 1 else _STEPS_OF_SAMPLED_LABELS
    return replace(
        config,
        batch_size=batch,
        epochs=config.epochs or min(_MOST_EPOCHS, -(-steps // per_epoch)),
        learning_rate=config.learning_rate or (5e-5 if parameters <= _SMALL_MODEL_PARAMETERS else 2e-5),
        max_length=config.max_length or suggested_length,
    )


def batches(targets: Sequence[int], batch: int, steps: int, seed: int) -> Iterator[list[int]]:
    """Yield the rows of each of `steps` batches; `targets` has the label of each row."""
    if len(targets) <= batch:
        yield from (list(range(len(targets))) for _ in range(steps))
        return
    draw = random.Random(seed)
    rows: dict[int, list[int]] = {}
    for row, target in enumerate(targets):
        rows.setdefault(target, []).append(row)
    decks = {target: _Deck(members, draw) for target, members in rows.items()}
    labels = _Deck(list(decks), draw)
    at_once = min(len(decks), max(2, batch // _ROWS_PER_LABEL))
    for _ in range(steps):
        yield [row for target in labels.take(at_once) for row in decks[target].take(max(1, batch // at_once))]


class _Deck:
    """Items in random order, each once before any comes again."""

    def __init__(self, items: Sequence[int], draw: random.Random) -> None:
        self._items, self._draw = list(items), draw
        self._left: list[int] = []

    def take(self, count: int) -> list[int]:
        """Return this many different items, or all where there are fewer."""
        taken, self._left = self._left[:count], self._left[count:]
        missing = min(count, len(self._items)) - len(taken)
        if missing > 0:
            fresh = self._draw.sample(self._items, len(self._items))
            further = [item for item in fresh if item not in taken][:missing]
            self._left = [item for item in fresh if item not in further]
            taken += further
        return taken
