"""Tables that were read recently: a file that was checked is not read again for training.

A file is known by its path, size and time of change, so that another upload under the same path is read anew.
"""

from __future__ import annotations

from pathlib import Path

from bertdemo.errors import FileMissing
from bertdemo.settings import Settings
from bertdemo.tables import held_out_files, table_files
from bertdemo.tables.once_cache import OnceCache
from bertdemo.tables.parse_options import DECIDE, ParseOptions
from bertdemo.tables.sandbox import read_limited
from bertdemo.tables.table import Table

# Tables; the cells of a small one are in memory, those of a large one in a file that is mapped.
_MOST_TABLES = 6
_Key = tuple[str, int, int, str, ParseOptions]


class TableCache:
    """Safe to use from many threads; two that ask for the same file wait for one reading of it."""

    def __init__(self, settings: Settings, trusted: Path | None = None) -> None:
        """Files of the folder `trusted` are ours: they are read in this process, without limits."""
        self._settings = settings
        self._trusted = trusted
        self._tables: OnceCache[_Key, Table] = OnceCache(_MOST_TABLES)

    def table(self, path: Path, name: str, options: ParseOptions = DECIDE) -> Table:
        """Return the table in the file at `path`, which was uploaded as `name`.

        Small tables stay in memory; the columns of large ones are decoded when they are read. Raises what
        `sandbox.read_limited` raises, and FileMissing.
        """
        return self._tables.get(_key(path, name, options), lambda: self._read(path, name, options))

    def held_out(self, role: str, path: Path, name: str) -> Table:
        """Return the table of a validation or test file; where it has named splits, the one for its role."""
        return held_out_files.read(role, lambda options: self.table(path, name, options))

    def _read(self, path: Path, name: str, options: ParseOptions) -> Table:
        limits = self._settings.limits
        if path.resolve().parent == self._trusted:
            return table_files.read(path, name, limits, options)
        return table_files.held(read_limited(path, name, limits, options, settings=self._settings))


def _key(path: Path, name: str, options: ParseOptions) -> _Key:
    try:
        state = path.stat()
    except FileNotFoundError:
        raise FileMissing from None  # an upload that was swept away after a day
    return str(path.resolve()), state.st_size, state.st_mtime_ns, name, options
