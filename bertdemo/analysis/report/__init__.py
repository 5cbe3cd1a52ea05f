"""The report on a dataset before any training: what it contains and what is wrong with it (see `examine`).

Findings have a code and numbers, never a sentence: the locales have one under `finding.<code>`. Counts are over all
rows, as arrays of numbers; only token lengths and unknown tokens are measured on a sample of a very large file, whose
size the findings name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bertdemo.analysis.report import class_balance, duplicates, label_values, leakage, lengths
from bertdemo.analysis.report.finding import Example, Finding, Level
from bertdemo.analysis.report.held_out import overlap
from bertdemo.analysis.report.lengths import LengthSummary, measure, suggested_length
from bertdemo.analysis.report.rows import Rows
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.dataset.prepared import PreparedDataset
from bertdemo.errors import ColumnsNotFound
from bertdemo.settings import Limits
from bertdemo.tables.arrow_columns import cells_at
from bertdemo.tables.table import Table
from bertdemo.tasks.base import Inputs, Task

__all__ = ["Example", "Finding", "LengthSummary", "Report", "examine", "measure", "suggested_length"]
_ORDER: Sequence[Level] = ("fail", "warn", "pass")


@dataclass(frozen=True)
class Report:
    """Everything that the page shows about a dataset before training."""

    task: str
    columns: Mapping[str, str]
    rows: int
    usable_rows: int
    """Rows with an input and a target."""
    labels: tuple[tuple[str, int], ...]
    """(label, usable rows), most frequent first."""
    findings: tuple[Finding, ...]
    """Failures first, then warnings, then checks that passed."""
    lengths: LengthSummary
    majority: tuple[str, float]
    """Most frequent label and its share of the usable rows: the majority-class baseline. ("", 0.0) without rows."""
    split: Mapping[str, int]
    """Rows for train, validation and test."""
    suggested_columns: Mapping[str, str]
    """Role -> column, as `roles.detect` guesses it; empty where it finds none."""


def examine(
    prepared: PreparedDataset,
    *,
    tokenizer: SharedTokenizer,
    limits: Limits,
    positions: int = 512,
    progress: Callable[[float], None] = lambda share: None,
) -> Report:
    """Return what a dataset contains and what is wrong with it; its parts are those that a run trains on.

    `positions` is the longest sequence that the checkpoint reads; `progress` is called with a number from 0 to 1.
    Lengths are measured on at most 50,000 texts, evenly spaced. The dataset must have been prepared in this process.
    """
    progress(0.0)
    known, task, table = prepared.facts, prepared.task, prepared.table
    rows = Rows.of_dataset(prepared)
    labels, problems = _labels(prepared, rows)
    leaks = overlap(rows, known.held_out, known.shared, labeled=task.categories)
    progress(0.2)
    if task.categories:
        leaks += leakage.findings(rows, _part(progress, 0.2, 0.5))

    def inputs_at(chosen: Sequence[int]) -> Inputs:
        return task.inputs(table, prepared.columns, rows.index[list(chosen)].tolist())

    measured = lengths.measure_rows(rows, tokenizer, positions, _part(progress, 0.5, 1.0), inputs_at)
    counted = labels if task.categories else ()
    findings = [
        *class_balance.missing(rows),
        *problems,
        *duplicates.repeats(rows, labeled=task.categories),
        *duplicates.kept_together(rows, known.split),
        *(_label_findings(prepared, rows, counted) if task.categories else []),
        *leaks,
        *(class_balance.order(rows) if task.categories else []),
        *class_balance.enough(rows, counted, limits.labels),
        *lengths.findings(measured, rows, positions, windows=task.windows),
    ]
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
    """Return (label, rows), most frequent first, and the problems that the task itself finds in its rows."""
    task, table = prepared.task, prepared.table
    if task.categories:
        return rows.counts(), ()
    targets = task.targets(table, prepared.columns, prepared.labels)
    problems = tuple(
        Finding(problem.level, problem.code, problem.values, tuple(cells_at(table.row_numbers, problem.rows)))
        for problem in task.problems(table, prepared.columns)
    )
    return task.counts([targets[int(row)] for row in rows.index], prepared.labels), problems


def _label_findings(prepared: PreparedDataset, rows: Rows, labels: Sequence[tuple[str, int]]) -> list[Finding]:
    """Return the findings for a task with one label per row, out of a fixed set."""
    return [*label_values.findings(rows, prepared.facts.label_cells), *class_balance.variants(rows, labels)]


def _part(progress: Callable[[float], None], low: float, high: float) -> Callable[[float], None]:
    """Return a progress function whose 0 to 1 is `low` to `high` of `progress`."""
    return lambda share: progress(low + (high - low) * share)


def _suggested(table: Table, task: Task) -> Mapping[str, str]:
    try:
        return task.columns(table)
    except ColumnsNotFound:
        return {}
