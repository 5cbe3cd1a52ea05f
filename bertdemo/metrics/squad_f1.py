"""How near an answer is to the right one, as SQuAD scores it: without regard to case, marks, articles and spaces.

Rajpurkar et al. 2016 count words; a Chinese answer has no spaces between them, so its characters count.
"""

from __future__ import annotations

import re
import string
from collections import Counter

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_MARKS = frozenset(string.punctuation + "，。！？、；：“”‘’（）《》〈〉【】…—·")
_TOKENS = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\\s\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")


def normalized(text: str) -> str:
    """Return what two answers have in common that are the same answer."""
    bare = "".join(letter for letter in text.lower() if letter not in _MARKS)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact(said: str, given: str) -> bool:
    """Return whether two answers are the same."""
    return normalized(said) == normalized(given)


def f1(said: str, given: str) -> float:
    """Return the F1 of the words of two answers; without any words, 1 where both have none."""
    a, b = _TOKENS.findall(normalized(said)), _TOKENS.findall(normalized(given))
    if not a or not b:
        return float(a == b)
    both = sum((Counter(a) & Counter(b)).values())
    return 2 * both / (len(a) + len(b))
