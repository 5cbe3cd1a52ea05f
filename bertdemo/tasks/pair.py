"""Sentence-pair classification: one label for two texts (paraphrase or not, entailment, answer to a question or not).

Both texts are read at once, as [CLS] text [SEP] pair [SEP] with segment ids 0 and 1, so that attention runs between
them: that is why it beats comparing two vectors, and why it cannot search a large collection. See `one_label`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bertdemo.tasks.one_label import OneLabel
from bertdemo.tasks.roles import LABEL, PAIR, TEXT

if TYPE_CHECKING:
    from bertdemo.tables.table import Table


class Pair(OneLabel):
    """Input: `text` and `pair`, read together. Output: one label."""

    id = "pair"
    roles = (TEXT, PAIR, LABEL)

    def columns(self, table: Table) -> dict[str, str]:
        """Guess the columns; of the two texts, the one further left in the file is the first."""
        columns = super().columns(table)
        first, second = sorted((columns["text"], columns["pair"]), key=list(table.columns).index)
        return {"text": first, "pair": second, "label": columns["label"]}

    def likelihood(self, table: Table, columns: Mapping[str, str]) -> float:
        """Look for a second column of prose with a usual name (`sentence2`, `hypothesis`, ...) beside a label."""
        return 0.5 if PAIR.named(columns["pair"]) else 0.0
