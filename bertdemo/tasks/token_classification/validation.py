"""What is wrong with rows of words and tags: findings for the report, and an error where too few rows are left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bertdemo.errors import SpansUnfit, TagsUnfit, TagUnknown, TooFewRows, first_few
from bertdemo.tasks.results import Problem
from bertdemo.tasks.token_classification.bio import Fault, ParsedRow, Sentence

if TYPE_CHECKING:
    from bertdemo.tables.table import Table

_CODES = ("tags_of_other_length", "spans_malformed", "spans_outside", "spans_overlapping")


def problems(rows: Sequence[ParsedRow]) -> list[Problem]:
    """Return findings about unusable rows by their fault, corrected tags, and tags of no known scheme."""
    rows_by_code = {
        code: [at for at, row in enumerate(rows) if isinstance(row, Fault) and row.code == code] for code in _CODES
    }
    findings = [Problem.at_rows("warn", code, at) for code, at in rows_by_code.items() if at]
    usable = [(at, row) for at, row in enumerate(rows) if isinstance(row, Sentence)]
    if fixed := [at for at, row in usable if row.fixed]:
        tags = sum(row.fixed for _, row in usable)
        findings.append(Problem.at_rows("warn", "inside_without_begin", fixed, count=tags, rows=len(fixed)))
    if strange := [at for at, row in usable if row.strange]:
        names = list(dict.fromkeys(tag[:20] for _, row in usable for tag in row.strange))
        findings.append(Problem.at_rows("warn", "tags_unknown", strange, rows=len(strange), tags=first_few(names, 5)))
    return findings


def check_enough(table: Table, rows: Sequence[ParsedRow], minimum: int) -> None:
    """Raise where fewer rows can be used; the error names the first row with a fault, if there is one."""
    usable = sum(isinstance(row, Sentence) and bool(row.words) for row in rows)
    if usable >= minimum:
        return
    for number, row in zip(table.row_numbers, rows, strict=True):
        if isinstance(row, Fault):
            raise (TagsUnfit if row.code == "tags_of_other_length" else SpansUnfit)(row=number)
    raise TooFewRows(rows=usable, minimum=minimum)


def check_known(table: Table, rows: Sequence[ParsedRow]) -> None:
    """Raise TagUnknown for the first tag of no known scheme, if there is one."""
    for number, row in zip(table.row_numbers, rows, strict=True):
        if isinstance(row, Sentence) and row.strange:
            raise TagUnknown(tag=row.strange[0][:40], row=number)
