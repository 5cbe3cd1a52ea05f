"""Tables that were read a moment ago, each by a process of its own: what was examined is not read again to train.

A file is known by its path, size and time of change, so that another upload under the same path is read anew.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from bertdemo.errors import FileMissing
from bertdemo.settings import Settings
from bertdemo.tables import held_out_files, table_files
from bertdemo.tables.parse_options import DECIDE, ParseOptions
from bertdemo.tables.sandbox import read_limited
from bertdemo.tables.table import Table

_KEPT = 6
_Key = tuple[str, int, int, str, ParseOptions]


class TableCache:
    """Safe to use from many threads; two that ask for one file read it once."""

    def __init__(self, settings: Settings, trusted: Path | None = None) -> None:
        """Files of the folder `trusted` are ours: they are read in this process, without limits."""
        self._settings = settings
        self._trusted = trusted
        self._tables: OrderedDict[_Key, Table] = OrderedDict()
        self._reading: dict[_Key, threading.Lock] = {}
        self._guard = threading.Lock()

    def table(self, path: Path, name: str, options: ParseOptions = DECIDE) -> Table:
        """Return the table in the file at `path`, which was uploaded as `name`.

        Small tables stay in memory; the columns of large ones are decoded where they are looked at. Raises what
        `limited.read_limited` raises, and FileMissing. A sample of ours is read in this process.
        """
        key = _key(path, name, options)
        with self._guard:
            turn = self._reading.setdefault(key, threading.Lock())
        try:
            with turn:
                found = self._kept(key)
                return found if found is not None else self._keep(key, self._read(path, name, options))
        finally:
            with self._guard:
                self._reading.pop(key, None)

    def held_out(self, role: str, path: Path, name: str) -> Table:
        """Return the table of a validation or test file: of several named parts that of its role."""
        return held_out_files.read(role, lambda options: self.table(path, name, options))

    def _kept(self, key: _Key) -> Table | None:
        with self._guard:
            if key in self._tables:
                self._tables.move_to_end(key)
            return self._tables.get(key)

    def _keep(self, key: _Key, table: Table) -> Table:
        with self._guard:
            self._tables[key] = table
            while len(self._tables) > _KEPT:
                self._tables.popitem(last=False)
        return table

    def _read(self, path: Path, name: str, options: ParseOptions) -> Table:
        limits = self._settings.limits
        if path.resolve().parent == self._trusted:
            return table_files.read(path, name, limits, options)
        table = read_limited(path, name, limits, options, settings=self._settings)
        return table_files.held(table)


def _key(path: Path, name: str, options: ParseOptions) -> _Key:
    try:
        state = path.stat()
    except FileNotFoundError:
        raise FileMissing from None  # an upload that was swept away after a day
    return str(path.resolve()), state.st_size, state.st_mtime_ns, name, options
