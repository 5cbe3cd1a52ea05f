"""One check of a dataset: a code and numbers that make its sentence, the rows, and a few of the texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

# What a person can look up by hand: more rows, texts or names are only counted.
ROWS_NAMED = 20
EXAMPLES = 3
_LABELS_NAMED = 5

Level = Literal["pass", "warn", "fail"]
Values = dict[str, str | int | float]


@dataclass(frozen=True)
class Example:
    """One text that a finding is about."""

    text: str
    rows: tuple[int, ...]
    """Row numbers in the file, at most 20."""
    labels: tuple[str, ...]
    """Its labels in these rows, each once."""


@dataclass(frozen=True)
class Finding:
    """One check: `code` and `values` make its sentence, `rows` are numbers in the file, at most 20."""

    level: Level
    code: str
    values: Mapping[str, str | int | float]
    """A value whose name ends in `share` is between 0 and 1."""
    rows: tuple[int, ...] = ()
    examples: tuple[Example, ...] = ()
    """At most 3."""


def listed(names: Sequence[str]) -> str:
    """Return the first five names for a sentence."""
    return ", ".join(names[:_LABELS_NAMED]) + (" …" if len(names) > _LABELS_NAMED else "")
