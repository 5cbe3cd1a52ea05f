"""What is wrong with rows of words and tags: named in the report, and an error where too few rows are left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bertdemo.errors import SpansUnfit, TagsUnfit, TagUnknown, TooFewRows
from bertdemo.tasks.results import Problem
from bertdemo.tasks.token_classification.bio import Fault, Sentence

if TYPE_CHECKING:
    from bertdemo.tables.table import Table

_CODES = ("tags_of_other_length", "spans_malformed", "spans_outside", "spans_overlapping")
_NAMED = 20

Read = Sequence[Sentence | Fault | None]
"""What `tagging.sentences` found, row by row."""


def problems(found: Read) -> list[Problem]:
    """Name rows that cannot be used by what is wrong with them, tags that were put right, and tags of no kind."""
    told: list[Problem] = []
    for code in _CODES:
        rows = [row for row, one in enumerate(found) if isinstance(one, Fault) and one.code == code]
        if rows:
            told.append(Problem("warn", code, {"count": len(rows)}, tuple(rows[:_NAMED])))
    good = [(row, one) for row, one in enumerate(found) if isinstance(one, Sentence)]
    fixed = [row for row, one in good if one.fixed]
    if fixed:
        tags = sum(one.fixed for _, one in good)
        values: dict[str, str | int | float] = {"count": tags, "rows": len(fixed)}
        told.append(Problem("warn", "inside_without_begin", values, tuple(fixed[:_NAMED])))
    strange = [row for row, one in good if one.strange]
    if strange:
        names = list(dict.fromkeys(tag[:20] for _, one in good for tag in one.strange))
        shown = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
        values = {"rows": len(strange), "tags": shown}
        told.append(Problem("warn", "tags_unknown", values, tuple(strange[:_NAMED])))
    return told


def check_enough(table: Table, found: Read, minimum: int) -> None:
    """Raise where fewer rows can be used; the first that has a fault is named, if one has."""
    usable = sum(isinstance(one, Sentence) and bool(one.words) for one in found)
    if usable >= minimum:
        return
    for number, one in zip(table.row_numbers, found, strict=True):
        if isinstance(one, Fault):
            raise (TagsUnfit if one.code == "tags_of_other_length" else SpansUnfit)(row=number)
    raise TooFewRows(rows=usable, minimum=minimum)


def check_known(table: Table, found: Read) -> None:
    """Raise for the first tag that is neither O nor begins or goes on with anything, if there is one."""
    for number, one in zip(table.row_numbers, found, strict=True):
        if isinstance(one, Sentence) and one.strange:
            raise TagUnknown(tag=one.strange[0][:40], row=number)
