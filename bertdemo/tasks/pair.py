"""Sentence-pair classification: one label for two texts (paraphrase or not, entailment, answer to a question or not).

Both texts are read at once, as [CLS] text [SEP] pair [SEP] with segment ids 0 and 1, so that attention runs between
them: that is why it beats comparing two vectors, and why it cannot search a large collection. See `one_label`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from bertdemo.tasks.one_label import OneLabel
from bertdemo.tasks.roles import LABEL, PAIR, TEXT, detect, is_certain_label, named_pair

if TYPE_CHECKING:
    from bertdemo.tables.table import Table

# More than several labels of one text get, because those leave the second text out; less than scores of two texts.
_NAMED = 0.7


class Pair(OneLabel):
    """Input: `text` and `pair`, read together. Output: one label."""

    id = "pair"
    roles = (TEXT, PAIR, LABEL)

    def columns(self, table: Table) -> dict[str, str]:
        """Guess the columns; of two texts whose names do not say it, the one further left in the file is the first."""
        named = named_pair(table)
        if named is None:
            columns = super().columns(table)
            first, second = sorted((columns["text"], columns["pair"]), key=list(table.columns).index)
            return {"text": first, "pair": second, "label": columns["label"]}
        others = {name: cells for name, cells in table.columns.items() if name not in named}
        return {"text": named[0], "pair": named[1], **detect(replace(table, columns=others), [LABEL])}

    def likelihood(self, table: Table, columns: Mapping[str, str]) -> float:
        """Look for two columns of prose with the names of a pair, or a second text with a usual one, and a label."""
        if named_pair(table) is not None:
            return _NAMED if is_certain_label(table, columns["label"]) else 0.0
        return 0.5 if PAIR.named(columns["pair"]) else 0.0
