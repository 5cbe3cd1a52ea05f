"""Text classification: one label for one text (intent, sentiment, topic). The reference task.

Read it with `one_label`, which holds what it shares with sentence pairs and explains step by step what happens to a
row: a column for each role, labels to ids, tokens, logits, probabilities, metrics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bertdemo.tasks.base import HeadOptions
from bertdemo.tasks.one_label import OneLabel
from bertdemo.tasks.roles import LABEL, TEXT

if TYPE_CHECKING:
    from pathlib import Path

    from bertdemo.checkpoints import Opened
    from bertdemo.tables.table import Table


class Classification(OneLabel):
    """Input: `text`. Output: one label."""

    id = "classification"
    roles = (TEXT, LABEL)
    can_freeze = True
    options = OneLabel.options | {"head_init", "pooling"}
    problem_type = "single_label_classification"

    def model(self, folder: Path, options: HeadOptions) -> Opened:
        """Open BertForSequenceClassification, or a linear layer on the mean where that is what a new head reads."""
        from bertdemo.checkpoints.loading import open_new_mean_linear

        if options.pooling != "mean":
            return super().model(folder, options)
        return open_new_mean_linear(
            folder, options.labels, seed=options.seed, dropout=options.dropout, layers=options.layers
        )

    def fits(self, table: Table) -> float:
        """Fit any table a little: every other task has stricter requirements and gives more where they are met."""
        return 0.1
