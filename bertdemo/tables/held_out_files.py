"""A validation or test file beside the training data: which part of it is meant."""

from __future__ import annotations

from collections.abc import Callable

from bertdemo.tables.parse_options import DECIDE, ParseOptions
from bertdemo.tables.split_names import split_name
from bertdemo.tables.table import Table


def read(role: str, table_of: Callable[[ParseOptions], Table]) -> Table:
    """Return the table for `role` (validation or test): of a file with named parts the one that is called so.

    A file without such a part is read as training data would be, so that a single table serves every role.
    """
    table = table_of(DECIDE)
    own = next((part for part in table.detected.splits if split_name(part) == role), "")
    return table_of(ParseOptions(split=own)) if own not in {"", table.detected.split} else table


def called(table: Table) -> str:
    """Return the file's name for people, with the part that was read where it has several."""
    detected = table.detected
    return f"{table.name} ({detected.split})" if len(detected.splits) > 1 else table.name
