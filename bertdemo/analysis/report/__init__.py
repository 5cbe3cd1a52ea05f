"""What a table is and what is wrong with it, before any training (see `examine`).

Findings carry a code and numbers, never a sentence: the page has one under `finding.<code>`. Everything that is
counted is counted over all rows, as arrays of numbers; only lengths and unknown pieces are measured on a sample of a
very large file, whose size the findings name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bertdemo.analysis.report import class_balance, duplicates, leakage, lengths
from bertdemo.analysis.report.finding import Example, Finding, Level
from bertdemo.analysis.report.held_out import look
from bertdemo.analysis.report.lengths import LengthSummary, Measured, measure, suggested_length
from bertdemo.analysis.report.rows import Rows
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.dataset.prepared import PreparedDataset
from bertdemo.errors import ColumnsNotFound
from bertdemo.settings import Limits
from bertdemo.tables.table import Table
from bertdemo.tasks.base import Inputs, Task

__all__ = ["Example", "Finding", "LengthSummary", "Report", "examine", "measure", "suggested_length"]
_ORDER: Sequence[Level] = ("fail", "warn", "pass")


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
    prepared: PreparedDataset,
    *,
    tokenizer: SharedTokenizer,
    limits: Limits,
    positions: int = 512,
    progress: Callable[[float], None] = lambda share: None,
) -> Report:
    """Return what a dataset holds and what is wrong with it; its parts are those that a run trains on.

    `positions` is the longest sequence that the checkpoint reads; `progress` is told a part of 1 now and then.
    Lengths are those of 50,000 texts at most, evenly spaced. The dataset was prepared in this process.
    """
    progress(0.0)
    known, task, table = prepared.facts, prepared.task, prepared.table
    rows = Rows(
        table,
        known.cleaned.columns,
        known.cleaned.fingerprints,
        known.cleaned.fingerprints.at(known.usable),
        known.usable,
    )
    labels, problems = _labels(prepared, rows)
    beside = look(rows, known.held_out, known.shared, labeled=task.categories)
    progress(0.2)
    given_away = leakage.findings(rows, _part(progress, 0.2, 0.5)) if task.categories else []

    def read(positions: Sequence[int]) -> Inputs:
        return task.inputs(table, prepared.columns, [int(rows.index[position]) for position in positions])

    measured = lengths.measure_rows(rows, tokenizer, positions, _part(progress, 0.5, 1.0), read)
    own = [*problems, *duplicates.repeats(rows, labeled=task.categories), *duplicates.kept_together(rows, known.split)]
    findings = _findings(task, rows, labels, [*beside, *given_away], own, measured, positions, limits)
    return Report(
        task=task.id,
        columns=dict(prepared.columns),
        rows=table.rows,
        usable_rows=len(rows),
        labels=labels,
        findings=tuple(sorted(findings, key=lambda finding: _ORDER.index(finding.level))),
        lengths=measured.lengths,
        majority=(labels[0][0], labels[0][1] / len(rows)) if labels and task.categories else ("", 0.0),
        split={name: len(part.rows) for name, part in prepared.parts.items()},
        suggested_columns=_suggested(table, task),
    )


def _labels(prepared: PreparedDataset, rows: Rows) -> tuple[tuple[tuple[str, int], ...], tuple[Finding, ...]]:
    """Return (label, rows) and what is wrong with the rows in the task's own way."""
    task, table = prepared.task, prepared.table
    if task.categories:
        return rows.counts(), ()
    targets = task.targets(table, prepared.columns, prepared.labels)
    problems = tuple(
        Finding(problem.level, problem.code, problem.values, tuple(table.row_numbers[row] for row in problem.rows))
        for problem in task.problems(table, prepared.columns)
    )
    return task.counts([targets[int(row)] for row in rows.index], prepared.labels), problems


def _findings(
    task: Task,
    rows: Rows,
    labels: Sequence[tuple[str, int]],
    beside: Sequence[Finding],
    own: Sequence[Finding],
    measured: Measured,
    positions: int,
    limits: Limits,
) -> list[Finding]:
    """Return all checks: what is about labels only where a row has one out of a few."""
    counted = labels if task.categories else ()
    return [
        *class_balance.missing(rows),
        *own,
        *(class_balance.ways_of_writing(rows, counted) if task.categories else []),
        *beside,
        *(class_balance.order(rows) if task.categories else []),
        *class_balance.enough(rows, counted, limits.labels),
        *lengths.findings(measured, rows, positions, windows=task.windows),
    ]


def _part(progress: Callable[[float], None], low: float, high: float) -> Callable[[float], None]:
    return lambda share: progress(low + (high - low) * share)


def _suggested(table: Table, task: Task) -> Mapping[str, str]:
    try:
        return task.columns(table)
    except ColumnsNotFound:
        return {}
