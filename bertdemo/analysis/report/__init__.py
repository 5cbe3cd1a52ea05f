"""What a table is and what is wrong with it, before any training (see `examine`).

Findings carry a code and numbers, never a sentence: the page has one under `finding.<code>`. Everything that is
counted is counted over all rows, as arrays of numbers; only lengths and unknown pieces are measured on a sample of a
very large file, whose size the findings name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bertdemo.analysis.report import class_balance, duplicates, leakage, lengths
from bertdemo.analysis.report.finding import Example, Finding, Level
from bertdemo.analysis.report.held_out import HeldOut, look
from bertdemo.analysis.report.lengths import LengthSummary, Measured, measure, suggested_length
from bertdemo.analysis.report.rows import Rows
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.dataset.fingerprints import Marks
from bertdemo.dataset.split import Split, split
from bertdemo.errors import ColumnsNotFound
from bertdemo.settings import Limits
from bertdemo.tables.table import Table
from bertdemo.tasks.base import Inputs, Task

__all__ = ["Example", "Finding", "LengthSummary", "Report", "examine", "measure", "suggested_length"]
_ORDER: Sequence[Level] = ("fail", "warn", "pass")
_NO_FILES: Mapping[str, Table] = MappingProxyType({})


@dataclass(frozen=True)
class Report:
    """Everything that the page shows of a table before training."""

    task: str
    columns: Mapping[str, str]
    rows: int
    usable_rows: int
    """Rows with a text and a label."""
    labels: tuple[tuple[str, int], ...]
    """(label, usable rows), most frequent first."""
    findings: tuple[Finding, ...]
    """Failures first, then warnings, then checks that held."""
    lengths: LengthSummary
    majority: tuple[str, float]
    """Most frequent label and its share of the usable rows: what guessing reaches. ("", 0.0) without rows."""
    split: Mapping[str, int]
    """Rows for train, validation and test."""
    suggested_columns: Mapping[str, str]
    """What `detect` takes for text and label; empty where it finds none."""


def examine(
    table: Table,
    columns: Mapping[str, str],
    *,
    task: Task,
    tokenizer: SharedTokenizer,
    limits: Limits,
    positions: int = 512,
    held_out: Mapping[str, Table] = _NO_FILES,
    progress: Callable[[float], None] = lambda share: None,
    marks: Marks | None = None,
) -> Report:
    """Return what `table` holds under `columns` (role of `task` -> column) and what is wrong with it.

    `positions` is the longest sequence that the checkpoint reads; `progress` is told a part of 1 now and then. Raises
    KeyError for a column that is not there: `task.check` comes first. Lengths are those of 50,000 texts at most,
    evenly spaced. `marks` are those of this table and these columns by place, where somebody has them. `held_out` are
    files of the roles validation and test, their labels written as those of `table`: what both share is found, and the
    split is the one that the files leave.
    """
    rows = Rows.of(table, task.placed(columns), _part(progress, 0.0, 0.4), marks)
    said = _Said.of(task, table, columns, rows)
    rows = said.rows
    parts = _parts(said, held_out)
    beside = look(rows, held_out, labelled=task.categories)
    progress(0.5)
    given_away = leakage.findings(rows, _part(progress, 0.5, 0.7)) if task.categories else []

    def read(positions: Sequence[int]) -> Inputs:
        return task.inputs(table, columns, [int(rows.index[position]) for position in positions])

    measured = lengths.measure_rows(rows, tokenizer, positions, _part(progress, 0.7, 1.0), read)
    findings = _findings(task, said, parts, [*beside.findings, *given_away], measured, positions, limits)
    return Report(
        task=task.id,
        columns=dict(columns),
        rows=table.rows,
        usable_rows=len(rows),
        labels=said.labels,
        findings=tuple(sorted(findings, key=lambda finding: _ORDER.index(finding.level))),
        lengths=measured.lengths,
        majority=(said.labels[0][0], said.labels[0][1] / len(rows)) if said.labels and task.categories else ("", 0.0),
        split=_sizes(parts, beside),
        suggested_columns=_suggested(table, task),
    )


def _findings(
    task: Task,
    said: _Said,
    parts: Split,
    beside: Sequence[Finding],
    measured: Measured,
    positions: int,
    limits: Limits,
) -> list[Finding]:
    """Return all checks: what is about labels only where a row has one out of a few."""
    rows, counted = said.rows, said.labels if task.categories else ()
    return [
        *class_balance.missing(rows),
        *said.problems,
        *duplicates.repeats(rows, labelled=task.categories),
        *duplicates.kept_together(rows, parts),
        *(class_balance.ways_of_writing(rows, counted) if task.categories else []),
        *beside,
        *(class_balance.order(rows) if task.categories else []),
        *class_balance.enough(rows, counted, limits.labels),
        *lengths.findings(measured, rows, positions, windows=task.windows),
    ]


def _parts(said: _Said, held_out: Mapping[str, Table]) -> Split:
    own, asked = "validation" in held_out, "test" in held_out
    return split(said.strata, validation_file=own, test_file=asked, keys=said.rows.marks.keys)


def _sizes(parts: Split, beside: HeldOut) -> dict[str, int]:
    """Return the rows of each part; a text that a file asks is not learnt."""
    train = int((~beside.shared[list(parts.train)]).sum())
    return {**parts.sizes(), "train": train, **beside.rows}


def _part(progress: Callable[[float], None], low: float, high: float) -> Callable[[float], None]:
    return lambda share: progress(low + (high - low) * share)


@dataclass(frozen=True)
class _Said:
    """What should be said of the usable rows; of a task without categories a row needs a target to be usable."""

    rows: Rows
    labels: tuple[tuple[str, int], ...]
    strata: list[str]
    problems: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, task: Task, table: Table, columns: Mapping[str, str], rows: Rows) -> _Said:
        if task.categories:
            return cls(rows, rows.counts(), rows.labels())
        names = task.labels(table, columns)
        targets = task.targets(table, columns, names)
        kept = rows.only([targets[int(row)] is not None for row in rows.index])
        given = [targets[int(row)] for row in kept.index]
        told = tuple(
            Finding(one.level, one.code, one.values, tuple(table.row_numbers[row] for row in one.rows))
            for one in task.problems(table, columns)
        )
        return cls(kept, task.counts(given, names), task.strata(given, names), told)


def _suggested(table: Table, task: Task) -> Mapping[str, str]:
    try:
        return task.columns(table)
    except ColumnsNotFound:
        return {}
