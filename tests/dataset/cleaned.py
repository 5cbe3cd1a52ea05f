"""Short ways to clean a table in a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bertdemo.dataset import cleaning, fingerprints
from bertdemo.dataset.cleaning import Done, Mend
from bertdemo.tables.table import Table


def apply(
    table: Table, columns: Mapping[str, str], mends: Sequence[str], relabels: Mapping[str, str] | None = None
) -> tuple[Table, tuple[Done, ...]]:
    cleaned = cleaning.clean(table, columns, mends, relabels or {})
    return cleaned.table, cleaned.done


def counts(table: Table, columns: Mapping[str, str]) -> dict[Mend, int]:
    return cleaning.counts(fingerprints.marks(table, columns))
