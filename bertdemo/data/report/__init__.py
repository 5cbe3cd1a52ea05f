"""What a table is and what is wrong with it, before any training (see `examine`).

Findings carry a code and numbers, never a sentence: the page has one under `finding.<code>`. Everything that is
counted is counted over all rows, as arrays of numbers; only lengths and unknown pieces are measured on a sample of a
very large file, whose size the findings name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.data.columns import detect
from bertdemo.data.digests import Marks
from bertdemo.data.report import amounts, giveaways, lengths, repeats
from bertdemo.data.report.finding import Example, Finding, Level
from bertdemo.data.report.held_out import HeldOut, look
from bertdemo.data.report.lengths import LengthSummary, measure, suggested_length
from bertdemo.data.report.rows import Rows
from bertdemo.data.split import Split, split
from bertdemo.data.tables import Table
from bertdemo.errors import ColumnsNotFound
from bertdemo.settings import Limits

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
    task: str,
    tokenizer: SharedTokenizer,
    limits: Limits,
    positions: int = 512,
    held_out: Mapping[str, Table] = _NO_FILES,
    progress: Callable[[float], None] = lambda share: None,
    marks: Marks | None = None,
) -> Report:
    """Return what `table` holds under `columns` (roles text and label, maybe pair) and what is wrong with it.

    `positions` is the longest sequence that the checkpoint reads; `progress` is told a part of 1 now and then. Raises
    KeyError for a column that is not there: `task.check` comes first. Lengths are those of 50,000 texts at most,
    evenly spaced. `marks` are those of this table and these columns, where somebody has them. `held_out` are files of
    the roles validation and test, their labels written as those of `table`: what both share is found, and the split
    is the one that the files leave.
    """
    rows = Rows.of(table, columns, _part(progress, 0.0, 0.4), marks)
    labels = rows.counts()
    parts = _parts(rows, held_out)
    beside = look(rows, held_out)
    progress(0.5)
    given_away = giveaways.findings(rows, _part(progress, 0.5, 0.7))
    measured = lengths.measure_rows(rows, tokenizer, positions, _part(progress, 0.7, 1.0))
    findings = [
        *amounts.missing(rows),
        *repeats.repeats(rows),
        *repeats.moved(rows, parts),
        *beside.findings,
        *amounts.ways_of_writing(rows, labels),
        *amounts.several(rows),
        *given_away,
        *amounts.order(rows),
        *amounts.enough(rows, labels, limits.labels),
        *lengths.findings(measured, rows, positions),
    ]
    return Report(
        task=task,
        columns=dict(columns),
        rows=table.rows,
        usable_rows=len(rows),
        labels=labels,
        findings=tuple(sorted(findings, key=lambda finding: _ORDER.index(finding.level))),
        lengths=measured.lengths,
        majority=(labels[0][0], labels[0][1] / len(rows)) if labels else ("", 0.0),
        split=_sizes(parts, beside),
        suggested_columns=_suggested(table),
    )


def _parts(rows: Rows, held_out: Mapping[str, Table]) -> Split:
    own, asked = "validation" in held_out, "test" in held_out
    return split(rows.labels(), seed=0, validation_file=own, test_file=asked, keys=rows.marks.keys)


def _sizes(parts: Split, beside: HeldOut) -> dict[str, int]:
    """Return the rows of each part; a text that a file asks is not learnt."""
    train = int((~beside.shared[list(parts.train)]).sum())
    return {**parts.sizes(), "train": train, **beside.rows}


def _part(progress: Callable[[float], None], low: float, high: float) -> Callable[[float], None]:
    return lambda share: progress(low + (high - low) * share)


def _suggested(table: Table) -> Mapping[str, str]:
    try:
        return detect(table)
    except ColumnsNotFound:
        return {}
