"""Sentence pairs: one label for two texts (paraphrase or not, entailment, answer to a question or not).

Both texts are read at once, as [CLS] text [SEP] pair [SEP] with segment ids 0 and 1, so that attention runs between
them: that is why it beats comparing two vectors, and why it cannot search a large collection. See `one_label`.
"""

from __future__ import annotations

from bertdemo.tasks.base import Role
from bertdemo.tasks.one_label import OneLabel


class Pair(OneLabel):
    """`text` and `pair` are read together, one of `label`'s values is said."""

    id = "pair"
    roles = (Role("text", "text"), Role("pair", "pair"), Role("label", "label"))
