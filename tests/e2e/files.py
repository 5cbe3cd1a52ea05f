"""Small tables that people upload, good ones and bad ones."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

_GOOD, _BAD = ("good", "great", "nice", "love"), ("bad", "poor", "awful", "hate")
_THINGS = ("film", "movie", "plot", "actor", "book", "phone", "bank", "card")
_ENDS = ("", " too", " very much", " on the day", " and please help")


def reviews(n: int) -> list[tuple[str, str]]:
    """Return n short reviews with the labels pos and neg, every text another one."""
    made = []
    words = itertools.product(range(9), _ENDS, _THINGS, range(4))
    for count, thing_end in zip(range(n), itertools.cycle(words), strict=False):
        times, end, thing, which = thing_end
        label, word = ("pos", _GOOD[which]) if count % 2 else ("neg", _BAD[which])
        made.append((f"{word} {thing}{' it is' * times} {count}{end}", label))
    return made


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    """Write a table and return its path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def write_reviews(path: Path, n: int) -> Path:
    """Write n reviews with the columns text and label."""
    return write_csv(path, ("text", "label"), reviews(n))
