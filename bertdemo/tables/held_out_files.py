"""A validation or test file beside the training data: which split of it is meant."""

from __future__ import annotations

from collections.abc import Callable

from bertdemo.tables.parse_options import DECIDE, ParseOptions
from bertdemo.tables.split_names import split_name
from bertdemo.tables.table import Table


def read(role: str, table_of: Callable[[ParseOptions], Table]) -> Table:
    """Return the table for `role` (validation or test): of a file with named splits, the split of that name.

    A file without such a split is read as training data would be, so that a single table serves every role.
    """
    table = table_of(DECIDE)
    split = next((name for name in table.detected.splits if split_name(name) == role), "")
    return table_of(ParseOptions(split=split)) if split not in {"", table.detected.split} else table


def display_name(table: Table) -> str:
    """Return the file's name for people, with the split that was read where it has several."""
    detected = table.detected
    return f"{table.name} ({detected.split})" if len(detected.splits) > 1 else table.name
