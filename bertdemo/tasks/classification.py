"""Text classification: one label for one text (intent, sentiment, topic). The reference task.

Read it with `one_label`, which holds what it shares with sentence pairs and says what happens to a row, step by
step: a column for each role, labels to ids, pieces, logits, probabilities, scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bertdemo.tasks.one_label import OneLabel
from bertdemo.tasks.roles import LABEL, TEXT

if TYPE_CHECKING:
    from bertdemo.tables.table import Table


class Classification(OneLabel):
    """`text` is read, one of `label`'s values is said."""

    id = "classification"
    roles = (TEXT, LABEL)
    can_freeze = True

    def fits(self, table: Table) -> float:
        """Any table may be meant so; every other task asks for more."""
        return 0.1
