"""One check of a table: a code and numbers that make its sentence, the rows, and a few of the texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

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
    """Where it stands in the file, at most 20 numbers."""
    labels: tuple[str, ...]
    """The labels that it has in these rows, each once."""


@dataclass(frozen=True)
class Finding:
    """One check: `code` and `values` make its sentence, `rows` are numbers in the file, at most 20."""

    level: Level
    code: str
    values: Mapping[str, str | int | float]
    """A name that ends in `share` is a part of 1."""
    rows: tuple[int, ...] = ()
    examples: tuple[Example, ...] = ()
    """At most 3."""


def listed(names: Sequence[str]) -> str:
    """Return the first five names for a sentence."""
    return ", ".join(names[:_LABELS_NAMED]) + (" …" if len(names) > _LABELS_NAMED else "")
