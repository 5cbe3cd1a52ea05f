"""Labels that are one label in several spellings: other case, spaces or character width, or a typo."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

# difflib's ratio from which one name may be a typo of the other: `negative` and `nagative` have 0.875.
_SIMILAR = 0.87
# In a shorter name one changed character makes another word: `cat` and `car`.
_SHORTEST = 5
# A typo is rare: it has at most this share of the rows of the intended label.
_RARE = 0.1
# Names that are compared with each other, which takes time with their square.
_MOST_NAMES = 400


@dataclass(frozen=True)
class Variant:
    """A spelling and the label that it seems to be."""

    written: str
    label: str
    rows: int
    typo: bool
    """True where letters differ, so that a person should check; False where only case, width or spaces do."""


def plain(label: str) -> str:
    """Return a normal form that all spellings of a label share: NFKC, case-folded, spaces for _ and -."""
    text = unicodedata.normalize("NFKC", label).casefold()
    return " ".join(text.replace("_", " ").replace("-", " ").split())


def find(counts: Mapping[str, int]) -> tuple[Variant, ...]:
    """Return the variants among labels (label -> rows), each with the most frequent spelling of its label.

    Typos are looked for among the 400 most frequent names: each is compared with every other.
    """
    # Most frequent first, so that the first spelling of each normal form is the one to keep.
    by_plain: dict[str, list[str]] = {}
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        by_plain.setdefault(plain(label), []).append(label)
    variants = [
        Variant(written, names[0], counts[written], typo=False) for names in by_plain.values() for written in names[1:]
    ]
    heads = {key: names[0] for key, names in list(by_plain.items())[:_MOST_NAMES]}
    rows = {key: sum(counts[name] for name in names) for key, names in by_plain.items()}
    for key, head in reversed(heads.items()):
        similar = [other for other in heads if rows[key] <= _RARE * rows[other] and _similar(key, other)]
        if similar:
            intended = heads[max(similar, key=rows.__getitem__)]
            # All spellings of the typo are variants of the intended label, no longer of its own most frequent one.
            variants = [variant for variant in variants if variant.label != head or variant.typo]
            variants += [Variant(name, intended, counts[name], typo=True) for name in by_plain[key]]
    return tuple(sorted(variants, key=lambda variant: (variant.typo, variant.label, variant.written)))


def _similar(name: str, other: str) -> bool:
    # More than two characters more or less is no typo; the ratio is slow, so lengths are compared first.
    if name == other or min(len(name), len(other)) < _SHORTEST or abs(len(name) - len(other)) > 2:
        return False
    # Numbers distinguish labels: `level 1` is not a typo of `level 2`.
    if list(filter(str.isdigit, name)) != list(filter(str.isdigit, other)):
        return False
    return SequenceMatcher(None, name, other, autojunk=False).ratio() >= _SIMILAR
