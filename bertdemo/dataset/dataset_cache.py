"""Datasets that were prepared recently, so that the run trains on the very dataset that the page shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile

from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.dataset.kept_tokens import KeptTokenizer
from bertdemo.dataset.prepared import PreparedDataset, prepare
from bertdemo.dataset.split import SEED
from bertdemo.errors import FileMissing
from bertdemo.tables.once_cache import OnceCache
from bertdemo.tables.parse_options import DECIDE, ParseOptions
from bertdemo.tables.table import Table
from bertdemo.tables.table_cache import TableCache
from bertdemo.tasks.base import Task

# A dataset of a million rows takes about 60 MB of numbers, beside its table.
_MOST_DATASETS = 4


@dataclass(frozen=True)
class Preparation:
    """Everything that decides which rows of a file become a dataset; equal preparations give the same rows."""

    path: str
    name: str
    """As uploaded."""
    options: ParseOptions = DECIDE
    cleaning: tuple[str, ...] = ()
    relabel: tuple[tuple[str, str], ...] = ()
    """(row number in the file, its new label or "" to leave the row out), sorted."""
    split_seed: int = SEED
    held_out: tuple[tuple[str, str, str], ...] = ()
    """(role, path, name) of a validation and a test file."""


@dataclass(frozen=True)
class DatasetKey:
    """Which dataset a value was computed for: the state of its files, the task, the columns and the preparation."""

    files: tuple[tuple[int, int], ...]
    """(size in bytes, modification time in ns) of each file."""
    task: str
    columns: tuple[tuple[str, str], ...]
    preparation: Preparation


class DatasetCache:
    """Safe to use from many threads; two that ask for the same dataset wait for one preparation of it."""

    def __init__(self, tables: TableCache) -> None:
        self._tables = tables
        self._datasets: OnceCache[DatasetKey, PreparedDataset] = OnceCache(_MOST_DATASETS)
        self._tokenizers: OnceCache[tuple[object, ...], KeptTokenizer] = OnceCache(_MOST_DATASETS)

    def table(self, preparation: Preparation) -> Table:
        """Return the table of the file before cleaning; raises what `TableCache.table` raises."""
        return self._tables.table(Path(preparation.path), preparation.name, preparation.options)

    def get(
        self,
        preparation: Preparation,
        task: Task,
        columns: Mapping[str, str],
        progress: Callable[[float], None] = lambda share: None,
    ) -> PreparedDataset:
        """Return the dataset; raises what reading its files raises, and KeyError for a missing column."""
        key = key_of(preparation, task, columns)
        return self._datasets.get(key, lambda: self._prepared(preparation, task, columns, progress))

    def tokenizer(self, prepared: PreparedDataset, tokenizer: SharedTokenizer) -> SharedTokenizer:
        """Return `tokenizer` wrapped so that each text of the dataset's file is tokenized once, whoever asks."""
        if not isinstance(prepared.key, DatasetKey):  # not made by this cache
            return tokenizer
        key = (prepared.key.preparation.path, prepared.key.files[:1], tokenizer.digest)
        return self._tokenizers.get(key, lambda: KeptTokenizer(tokenizer, TemporaryFile(buffering=0)))

    def _prepared(
        self,
        preparation: Preparation,
        task: Task,
        columns: Mapping[str, str],
        progress: Callable[[float], None],
    ) -> PreparedDataset:
        # Read first, so that a damaged held-out file is reported before the training file is prepared.
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


def key_of(preparation: Preparation, task: Task, columns: Mapping[str, str]) -> DatasetKey:
    """Return what identifies a dataset, without reading a row; FileMissing for a file that is gone."""
    paths = [preparation.path, *(path for _, path, _ in preparation.held_out)]
    try:
        states = tuple((state.st_size, state.st_mtime_ns) for state in (Path(path).stat() for path in paths))
    except FileNotFoundError:
        raise FileMissing from None  # an upload that was swept away after a day
    return DatasetKey(states, task.id, tuple(sorted(columns.items())), preparation)


def rows_key(preparation: Preparation, task: Task, columns: Mapping[str, str]) -> DatasetKey:
    """Return `PreparedDataset.key`, without the held-out files: values for all usable rows do not depend on them."""
    return key_of(replace(preparation, held_out=()), task, columns)
