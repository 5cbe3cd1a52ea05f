"""What a validation or test file shares with the training data."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bertdemo.dataset import fingerprints
from bertdemo.errors import NothingLeft
from bertdemo.tables.held_out_files import called
from bertdemo.tables.table import Table


def check_left(table: Table, columns: Mapping[str, str], files: Mapping[str, Table]) -> None:
    """Raise NothingLeft where every usable row of the training data has its text in one of the held-out files."""
    if not files:
        return
    own = fingerprints.marks(table, columns)
    keys = own.keys[own.usable]
    asked = [marks.keys[marks.usable] for marks in (fingerprints.marks(file, columns) for file in files.values())]
    if len(keys) and np.isin(keys, np.concatenate(asked)).all():
        raise NothingLeft(rows=len(keys), file=", ".join(map(called, files.values())))
