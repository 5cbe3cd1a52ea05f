"""A validation or test file beside the training data: which part of it is meant, and what both share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from bertdemo.data import digests
from bertdemo.data.formats.splits import split_name
from bertdemo.data.reading import DECIDE, ReadOptions
from bertdemo.data.tables import Table
from bertdemo.errors import NothingLeft


def read(role: str, table_of: Callable[[ReadOptions], Table]) -> Table:
    """Return the table for `role` (validation or test): of a file with named parts the one that is called so.

    A file without such a part is read as training data would be, so that a single table serves every role.
    """
    table = table_of(DECIDE)
    own = next((part for part in table.reading.splits if split_name(part) == role), "")
    return table_of(ReadOptions(split=own)) if own not in {"", table.reading.split} else table


def called(table: Table) -> str:
    """Return the file's name for people, with the part that was read where it has several."""
    reading = table.reading
    return f"{table.name} ({reading.split})" if len(reading.splits) > 1 else table.name


def check_left(table: Table, columns: Mapping[str, str], files: Mapping[str, Table]) -> None:
    """Raise NothingLeft where every usable row of the training data has its text in one of the held-out files."""
    if not files:
        return
    own = digests.marks(table, columns)
    keys = own.keys[own.usable]
    asked = [marks.keys[marks.usable] for marks in (digests.marks(file, columns) for file in files.values())]
    if len(keys) and np.isin(keys, np.concatenate(asked)).all():
        raise NothingLeft(rows=len(keys), file=", ".join(map(called, files.values())))
