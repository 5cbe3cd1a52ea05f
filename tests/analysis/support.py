"""Short ways to prepare a table or a file in a test, and to examine it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

from bertdemo.analysis import report
from bertdemo.analysis.report import Report
from bertdemo.dataset.dataset_cache import DatasetCache, Preparation, rows_key
from bertdemo.dataset.prepared import PreparedDataset, prepare
from bertdemo.settings import Settings
from bertdemo.tables.table import Table
from bertdemo.tables.table_cache import TableCache
from bertdemo.tasks.base import Task


def examine(
    table: Table,
    columns: Mapping[str, str],
    *,
    task: Task,
    held_out: Mapping[str, Table] | None = None,
    **options: Any,
) -> Report:
    return report.examine(prepare(table, task, columns, held_out=held_out or {}), **options)


def prepared_file(
    settings: Settings, path: Path, task: Task, columns: Mapping[str, str], **preparation: Any
) -> PreparedDataset:
    cache = DatasetCache(TableCache(settings, trusted=path.resolve().parent))
    return cache.get(Preparation(str(path), path.name, **preparation), task, columns)


def key_of_file(path: Path, task: Task, columns: Mapping[str, str]) -> Hashable:
    return rows_key(Preparation(str(path), path.name), task, columns)
