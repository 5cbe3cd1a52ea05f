"""Whatever bytes a file holds, it gives a table or a clear error (`make sweep` does the same with 3,000 files)."""

from __future__ import annotations

from pathlib import Path

from bertdemo import errors
from bertdemo.settings import Limits
from bertdemo.tables.table_files import open as open_table
from bertdemo.tables.table_files import read, save
from tests.tables.corpus.fuzz import cases

LIMITS = Limits(rows=20_000, columns=50, unpacked_bytes=20_000_000)


def test_any_bytes_give_a_table_or_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    tables = 0
    for name, content in cases(200, seed=5):
        path.write_bytes(content)
        try:
            table = read(path, name, LIMITS)
        except errors.TableError:
            continue
        tables += 1
        assert {len(cells) for cells in table.columns.values()} == {table.rows}
        assert all(isinstance(cell, str) or cell is None for cells in table.columns.values() for cell in cells)
        # What is read can be kept: no cell holds what UTF-8 cannot.
        save(table, tmp_path / "kept.parquet")
        assert open_table(tmp_path / "kept.parquet").rows == table.rows
    assert tables > 40  # a changed byte breaks most documents, and the corpus has many
