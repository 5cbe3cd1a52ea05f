"""Short ways to clean a table in a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bertdemo.dataset import cleaning, fingerprints
from bertdemo.dataset.cleaning import CleaningStep, StepResult
from bertdemo.tables.table import Table


def apply(
    table: Table, columns: Mapping[str, str], steps: Sequence[str], relabel: Mapping[str, str] | None = None
) -> tuple[Table, tuple[StepResult, ...]]:
    cleaned = cleaning.clean(table, columns, steps, relabel or {})
    return cleaned.table, cleaned.done


def counts(table: Table, columns: Mapping[str, str]) -> dict[CleaningStep, int]:
    return cleaning.counts(fingerprints.fingerprint_rows(table, columns))
