"""Text classification: one label for one text (intent, sentiment, topic). The reference task.

Read it with `one_label`, which holds what it shares with sentence pairs and says what happens to a row, step by
step: a column for each role, labels to ids, pieces, logits, probabilities, scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bertdemo.tasks.base import Role
from bertdemo.tasks.one_label import OneLabel

if TYPE_CHECKING:
    from bertdemo.tables.table import Table


class Classification(OneLabel):
    """`text` is read, one of `label`'s values is said."""

    id = "classification"
    roles = (Role("text", "text"), Role("label", "label"))
    can_freeze = True

    def fits(self, table: Table) -> float:
        """Any table may be meant so; every other task asks for more."""
        return 0.1
