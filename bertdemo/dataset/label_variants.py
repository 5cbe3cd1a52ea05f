"""Labels that are one label written in several ways: another case, spaces, width, or a slip of the pen."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

_ALIKE = 0.87
"""Share of matching characters from which two names may be one with a slip: `negative` and `nagative` have 0.875."""
_SHORTEST = 5
"""In a name of fewer characters one other character makes another word: `cat` and `car`."""
_RARE = 0.1
"""A slip is rare: at most this share of the rows of the name that it is taken for."""
_MOST_NAMES = 400


@dataclass(frozen=True)
class Variant:
    """One way of writing and the label that it seems to be."""

    written: str
    label: str
    rows: int
    slip: bool
    """True where letters differ, so that a person should look; False where only case, width or spaces do."""


def plain(label: str) -> str:
    """Return what two ways of writing a label share: no case, no width, one kind of space and of hyphen."""
    text = unicodedata.normalize("NFKC", label).casefold()
    return " ".join(text.replace("_", " ").replace("-", " ").split())


def find(counts: Mapping[str, int]) -> tuple[Variant, ...]:
    """Return the variants among labels (label -> rows), each with the most frequent way of writing it.

    Slips are looked for among at most 400 names, the frequent ones first: each is compared with each.
    """
    by_plain: dict[str, list[str]] = {}
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        by_plain.setdefault(plain(label), []).append(label)
    found = [
        Variant(written, names[0], counts[written], slip=False) for names in by_plain.values() for written in names[1:]
    ]
    heads = {key: names[0] for key, names in list(by_plain.items())[:_MOST_NAMES]}
    rows = {key: sum(counts[name] for name in names) for key, names in by_plain.items()}
    for key, head in reversed(heads.items()):
        near = max(
            (other for other in heads if rows[key] <= _RARE * rows[other] and _alike(key, other)),
            key=lambda other: rows[other], default="",
        )  # fmt: skip
        if near:
            found += [Variant(name, heads[near], counts[name], slip=True) for name in by_plain[key]]
            found = [one for one in found if not (one.label == head and not one.slip)]
    return tuple(sorted(found, key=lambda one: (one.slip, one.label, one.written)))


def _alike(one: str, other: str) -> bool:
    if one == other or min(len(one), len(other)) < _SHORTEST or abs(len(one) - len(other)) > 2:
        return False
    # Numbers tell labels apart: `level 1` is no slip for `level 2`.
    if [letter for letter in one if letter.isdigit()] != [letter for letter in other if letter.isdigit()]:
        return False
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= _ALIKE
