"""Exact match and F1 of an answer after SQuAD normalization: without case, punctuation, articles and extra spaces.

Rajpurkar et al. 2016 count words; a Chinese answer has no spaces between them, so its characters are counted.
"""

from __future__ import annotations

import re
import string
from collections import Counter

# As the evaluation script of SQuAD removes them.
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = frozenset(string.punctuation + "，。！？、；：“”‘’（）《》〈〉【】…—·")
# A Chinese character (with extension A and the compatibility block), or a run of anything else but spaces.
_TOKENS = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\\s\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")


def normalized(text: str) -> str:
    """Return an answer in lower case, without punctuation and articles, with single spaces."""
    bare = "".join(letter for letter in text.lower() if letter not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact(prediction: str, reference: str) -> bool:
    """Return whether two answers are equal after normalization."""
    return normalized(prediction) == normalized(reference)


def f1(prediction: str, reference: str) -> float:
    """Return the F1 of the words of two answers; 1 where neither has any words, 0 where one has none."""
    a, b = _TOKENS.findall(normalized(prediction)), _TOKENS.findall(normalized(reference))
    if not a or not b:
        return float(a == b)
    # Words in common, each as often as it is in both.
    both = sum((Counter(a) & Counter(b)).values())
    return 2 * both / (len(a) + len(b))
