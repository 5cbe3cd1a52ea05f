"""Sentence pairs: one label for two texts (paraphrase or not, entailment, answer to a question or not).

Both texts are read at once, as [CLS] text [SEP] pair [SEP] with segment ids 0 and 1, so that attention runs between
them: that is why it beats comparing two vectors, and why it cannot search a large collection. See `one_label`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bertdemo.errors import ColumnsNotFound
from bertdemo.tasks.one_label import OneLabel
from bertdemo.tasks.roles import LABEL, PAIR, TEXT

if TYPE_CHECKING:
    from bertdemo.tables.table import Table


class Pair(OneLabel):
    """`text` and `pair` are read together, one of `label`'s values is said."""

    id = "pair"
    roles = (TEXT, PAIR, LABEL)

    def columns(self, table: Table) -> dict[str, str]:
        """Guess the columns; the text that stands first in the file is the first one."""
        found = super().columns(table)
        first, second = sorted((found["text"], found["pair"]), key=list(table.columns).index)
        return {"text": first, "pair": second, "label": found["label"]}

    def fits(self, table: Table) -> float:
        """Look for two columns of writing of which the second is called so, and a label."""
        try:
            columns = self.columns(table)
        except ColumnsNotFound:
            return 0.0
        return 0.5 if PAIR.named(columns["pair"]) else 0.0
