"""ROUGE-L (Lin 2004): the F1 of the longest common subsequence of words of a generated text and its reference.

The rouge_score package drops everything but a to z and 0 to 9, so that every Chinese text scores 0; here a Chinese
character counts as a word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# A Chinese character, or a run of letters and digits of any other script.
_WORDS = re.compile(f"[{_HAN}]|[^\\W_{_HAN}]+")


def rouge_l(prediction: str, reference: str) -> float:
    """Return the F1 of the longest common subsequence of words, 0 to 1; case and punctuation do not count."""
    a, b = _WORDS.findall(prediction.lower()), _WORDS.findall(reference.lower())
    common = longest_common(a, b)
    return 2 * common / (len(a) + len(b)) if common else 0.0


def longest_common(a: Sequence[str], b: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, in time len(a) * len(b) and one row of memory."""
    # row[j] is the length for the words of `a` so far and the first j words of `b`.
    row = [0] * (len(b) + 1)
    for word in a:
        diagonal = 0
        for j, other in enumerate(b, 1):
            diagonal, row[j] = row[j], diagonal + 1 if word == other else max(row[j], row[j - 1])
    return row[-1]
