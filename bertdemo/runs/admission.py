"""What a request must stand before a run is made of it: all that would end the run anyway is raised here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bertdemo import tasks
from bertdemo.dataset import cleaning, held_out
from bertdemo.run_config import RunRequest
from bertdemo.settings import Limits
from bertdemo.tables.parse_options import ReadOptions
from bertdemo.tables.table import Table
from bertdemo.tables.table_cache import Shelf
from bertdemo.tasks.base import Task


def checked(request: RunRequest, shelf: Shelf, limits: Limits) -> tuple[Mapping[str, str], dict[str, Table], Task]:
    """Return the columns, the tables by role as they stand in the files, and the task; raise what would end it."""
    options = ReadOptions.from_fields(request.reading)
    table = shelf.table(Path(request.data), request.data_name, options)
    read, files = {"data": table}, dict[str, Table]()
    task = tasks.find(request.task) if request.task else tasks.guess(table)
    columns = request.columns or task.columns(table)
    placed = task.placed(columns)
    if request.mends or request.relabels:
        task.check(table, columns, label_limit=table.rows)
    merged = cleaning.merger(table, placed, request.mends, request.relabels)
    table, _ = cleaning.apply(table, placed, request.mends, request.relabels)
    task.check(table, columns, label_limit=limits.labels)
    labels = task.labels(table, columns)
    for role, path, name in (
        ("validation", request.validation, request.validation_name), ("test", request.test, request.test_name)
    ):  # fmt: skip
        if path:
            read[role] = shelf.held_out(role, Path(path), name or path)
            files[role] = merged(read[role])
            task.check_held_out(files[role], columns, labels)
    held_out.check_left(table, placed, files)
    return columns, read, task
