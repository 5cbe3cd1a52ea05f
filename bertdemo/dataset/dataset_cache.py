"""Datasets that were prepared a moment ago: what the page has drawn is what is admitted, and its rows are read once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile

from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.dataset.kept_tokens import KeptTokenizer
from bertdemo.dataset.prepared import PreparedDataset, prepare
from bertdemo.dataset.split import SEED
from bertdemo.errors import FileMissing
from bertdemo.tables.parse_options import DECIDE, ParseOptions
from bertdemo.tables.table import Table
from bertdemo.tables.table_cache import TableCache
from bertdemo.tasks.base import Task

_KEPT = 4
"""A dataset of a million rows holds about 60 MB of numbers, beside its table."""


@dataclass(frozen=True)
class Preparation:
    """What decides how the rows of a file become a dataset; two that are equal give the same rows."""

    path: str
    name: str
    """As uploaded."""
    options: ParseOptions = DECIDE
    cleaning: tuple[str, ...] = ()
    relabel: tuple[tuple[str, str], ...] = ()
    """(number of the row in the file, its label or "" to leave it out), sorted."""
    split_seed: int = SEED
    held_out: tuple[tuple[str, str, str], ...] = ()
    """(role, path, name) of a validation and a test file."""


@dataclass(frozen=True)
class DatasetKey:
    """Which dataset a figure was computed for: the state of its files, the task, the columns and the preparation."""

    files: tuple[tuple[int, int], ...]
    """(size, time of change) of each file."""
    task: str
    columns: tuple[tuple[str, str], ...]
    preparation: Preparation


class DatasetCache:
    """Safe to use from many threads; two that ask for one dataset prepare it once."""

    def __init__(self, tables: TableCache) -> None:
        self._tables = tables
        self._kept: OrderedDict[DatasetKey, PreparedDataset] = OrderedDict()
        self._preparing: dict[DatasetKey, threading.Lock] = {}
        self._tokenizers: OrderedDict[tuple[object, ...], KeptTokenizer] = OrderedDict()
        self._guard = threading.Lock()

    def table(self, preparation: Preparation) -> Table:
        """Return the table as it stands in the file; raises what `TableCache.table` raises."""
        return self._tables.table(Path(preparation.path), preparation.name, preparation.options)

    def get(
        self,
        preparation: Preparation,
        task: Task,
        columns: Mapping[str, str],
        progress: Callable[[float], None] = lambda share: None,
    ) -> PreparedDataset:
        """Return the dataset; raises what reading its files raises, and KeyError for a column that is not there."""
        key = key_of(preparation, task, columns)
        with self._guard:
            turn = self._preparing.setdefault(key, threading.Lock())
        try:
            with turn:
                return self._recall(key) or self._keep(key, self._prepared(preparation, task, columns, progress))
        finally:
            with self._guard:
                self._preparing.pop(key, None)

    def tokenizer(self, prepared: PreparedDataset, tokenizer: SharedTokenizer) -> SharedTokenizer:
        """Return `tokenizer` as one that keeps the tokens of the dataset's file, whatever is asked of its rows."""
        if not isinstance(prepared.key, DatasetKey):  # not made here
            return tokenizer
        key = (prepared.key.preparation.path, prepared.key.files[:1], tokenizer.digest)
        with self._guard:
            if key not in self._tokenizers:
                self._tokenizers[key] = KeptTokenizer(tokenizer, TemporaryFile())  # noqa: SIM115 - it closes it
            kept = self._tokenizers[key]
            self._tokenizers.move_to_end(key)
            while len(self._tokenizers) > _KEPT:
                self._tokenizers.popitem(last=False)
        return kept

    def _prepared(
        self,
        preparation: Preparation,
        task: Task,
        columns: Mapping[str, str],
        progress: Callable[[float], None],
    ) -> PreparedDataset:
        files = {role: self._tables.held_out(role, Path(path), name) for role, path, name in preparation.held_out}
        prepared = prepare(
            self.table(preparation),
            task,
            columns,
            cleaning=preparation.cleaning,
            relabel=dict(preparation.relabel),
            split_seed=preparation.split_seed,
            held_out=files,
            progress=progress,
        )
        return replace(prepared, key=rows_key(preparation, task, columns))

    def _recall(self, key: DatasetKey) -> PreparedDataset | None:
        with self._guard:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: DatasetKey, prepared: PreparedDataset) -> PreparedDataset:
        with self._guard:
            self._kept[key] = prepared
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return prepared


def key_of(preparation: Preparation, task: Task, columns: Mapping[str, str]) -> DatasetKey:
    """Return what tells one dataset from another, without reading a row; FileMissing for a file that is gone."""
    paths = [preparation.path, *(path for _, path, _ in preparation.held_out)]
    try:
        states = tuple((state.st_size, state.st_mtime_ns) for state in (Path(path).stat() for path in paths))
    except FileNotFoundError:
        raise FileMissing from None  # an upload that was swept away after a day
    return DatasetKey(states, task.id, tuple(sorted(columns.items())), preparation)


def rows_key(preparation: Preparation, task: Task, columns: Mapping[str, str]) -> DatasetKey:
    """Return `PreparedDataset.key`: what was computed on all usable rows holds with other files beside them too."""
    return key_of(replace(preparation, held_out=()), task, columns)
