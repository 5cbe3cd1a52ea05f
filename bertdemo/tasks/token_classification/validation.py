"""What is wrong with rows of words and tags: findings for the report, and an error where too few rows are left."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bertdemo.errors import SpansUnfit, TagsNumbered, TagsUnfit, TagUnknown, TooFewRows, first_few
from bertdemo.tasks.results import Problem
from bertdemo.tasks.token_classification.bio import OUTSIDE, Fault, ParsedRow, Sentence, Style

if TYPE_CHECKING:
    from bertdemo.tables.table import Table

_CODES = (
    "tags_of_other_length", "spans_malformed", "spans_outside", "spans_elsewhere", "spans_overlapping"
)  # fmt: skip
# A list of numbers, or numbers separated by spaces.
_NUMBERS = re.compile(r"[\[\]\d\s,]*")
# Spans and tags that a finding quotes.
_NAMED = 5
# With more rows of a single word than this, sentences were probably divided into words.
_MOSTLY = 0.9
# A few rows of one word are commands or titles.
_FEW = 10


def problems(table: Table, rows: Sequence[ParsedRow], column: str, style: Style) -> list[Problem]:
    """Return findings about unusable rows, by kind of fault, and about values read differently from the file."""
    rows_by_code = {
        code: [at for at, row in enumerate(rows) if isinstance(row, Fault) and row.code == code] for code in _CODES
    }
    findings = [Problem.at_rows("warn", code, at) for code, at in rows_by_code.items() if at]
    usable = [(at, row) for at, row in enumerate(rows) if isinstance(row, Sentence)]
    if usable and not any(tag != OUTSIDE for _, row in usable for tag in row.tags):
        code = "tags_are_numbers" if _are_numbers(table, column) else "no_entities"
        findings.append(Problem("fail", code, {"column": column}))
    return [*findings, *_tag_problems(usable), *_span_problems(usable), *_style_problems(usable, style)]


def _are_numbers(table: Table, column: str) -> bool:
    return all(_NUMBERS.fullmatch(cell or "") for cell in table.columns[column])


def _tag_problems(usable: Sequence[tuple[int, Sentence]]) -> list[Problem]:
    findings = []
    if fixed := [at for at, row in usable if row.fixed]:
        tags = sum(row.fixed for _, row in usable)
        findings.append(Problem.at_rows("warn", "inside_without_begin", fixed, count=tags, rows=len(fixed)))
    if strange := [at for at, row in usable if row.strange]:
        names = list(dict.fromkeys(tag[:20] for _, row in usable for tag in row.strange))
        named = first_few(names, _NAMED)
        findings.append(Problem.at_rows("warn", "tags_unknown", strange, rows=len(strange), tags=named))
    return findings


def _span_problems(usable: Sequence[tuple[int, Sentence]]) -> list[Problem]:
    findings = []
    if moved := [at for at, row in usable if row.moved]:
        count = sum(row.moved for _, row in usable)
        findings.append(Problem.at_rows("warn", "spans_moved", moved, count=count, rows=len(moved)))
    if cut := [at for at, row in usable if row.inside]:
        count = sum(len(row.inside) for _, row in usable)
        texts = list(dict.fromkeys(text[:40] for _, row in usable for text in row.inside))
        spans = first_few(texts, _NAMED)
        findings.append(Problem.at_rows("warn", "spans_inside_words", cut, count=count, rows=len(cut), spans=spans))
    return findings


def _style_problems(usable: Sequence[tuple[int, Sentence]], style: Style) -> list[Problem]:
    findings = []
    single = [at for at, row in usable if len(row.words) == 1]
    if len(usable) >= _FEW and len(single) > _MOSTLY * len(usable):
        findings.append(Problem.at_rows("warn", "rows_of_one_word", single))
    if style.outside:
        findings.append(Problem("pass", "outside_tag", {"tag": style.outside[:20]}))
    if style.inclusive:
        findings.append(Problem("pass", "spans_inclusive", {}))
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


def check_known(table: Table, rows: Sequence[ParsedRow], column: str) -> None:
    """Raise for the first tag of no known scheme, if there is one: TagsNumbered for a number, TagUnknown for a name."""
    for number, row in zip(table.row_numbers, rows, strict=True):
        if isinstance(row, Sentence) and row.strange:
            tag = row.strange[0][:40]
            if _are_numbers(table, column):
                raise TagsNumbered(tag=tag, row=number, column=column)
            raise TagUnknown(tag=tag, row=number)
