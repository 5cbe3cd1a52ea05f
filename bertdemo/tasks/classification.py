"""Text classification: one label for one text (intent, sentiment, topic). The reference task.

Read it with `one_label`, which holds what it shares with sentence pairs and explains step by step what happens to a
row: a column for each role, labels to ids, tokens, logits, probabilities, metrics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bertdemo.tasks.one_label import OneLabel
from bertdemo.tasks.roles import LABEL, TEXT

if TYPE_CHECKING:
    from bertdemo.tables.table import Table


class Classification(OneLabel):
    """Input: `text`. Output: one label."""

    id = "classification"
    roles = (TEXT, LABEL)
    can_freeze = True
    problem_type = "single_label_classification"

    def fits(self, table: Table) -> float:
        """Fit any table a little: every other task has stricter requirements and gives more where they are met."""
        return 0.1
