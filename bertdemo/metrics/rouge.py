"""How much of a wanted text a written one has, in order: ROUGE-L (Lin 2004).

The usual package drops everything but a to z and 0 to 9, so that every Chinese text scores 0; here a Chinese character
counts as a word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORDS = re.compile(f"[{_HAN}]|[^\\W_{_HAN}]+")


def rouge_l(said: str, wanted: str) -> float:
    """Return the F1 of the longest common subsequence of words, 0 to 1; case and marks do not count."""
    a, b = _WORDS.findall(said.lower()), _WORDS.findall(wanted.lower())
    common = longest_common(a, b)
    return 2 * common / (len(a) + len(b)) if common else 0.0


def longest_common(a: Sequence[str], b: Sequence[str]) -> int:
    """Return the length of the longest common subsequence of two sequences, in time len(a) x len(b)."""
    row = [0] * (len(b) + 1)
    for one in a:
        before = 0
        for at, other in enumerate(b, 1):
            before, row[at] = row[at], before + 1 if one == other else max(row[at], row[at - 1])
    return row[-1]
