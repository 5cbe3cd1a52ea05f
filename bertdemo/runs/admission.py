"""What a request must stand before a run is made of it: all that would end the run anyway is raised here."""

from __future__ import annotations

from bertdemo import tasks
from bertdemo.dataset.dataset_cache import DatasetCache, Preparation
from bertdemo.dataset.prepared import PreparedDataset
from bertdemo.runs.request import RunRequest
from bertdemo.settings import Limits
from bertdemo.tables.parse_options import ParseOptions


def checked(request: RunRequest, datasets: DatasetCache, limits: Limits) -> PreparedDataset:
    """Return the dataset that the run trains on; raise the DataError or TableError that would end it."""
    preparation = preparation_of(request)
    table = datasets.table(preparation)
    task = tasks.find(request.task) if request.task else tasks.guess(table)
    columns = request.columns or task.columns(table)
    task.check_columns(table, columns)
    if request.cleaning or request.relabel:
        task.check(table, columns, label_limit=table.rows)
    prepared = datasets.get(preparation, task, columns)
    prepared.check(limits.labels)
    return prepared


def preparation_of(request: RunRequest) -> Preparation:
    """Return what decides how the rows of a request become a dataset."""
    files = (
        ("validation", request.validation, request.validation_name),
        ("test", request.test, request.test_name),
    )
    return Preparation(
        path=request.data,
        name=request.data_name,
        options=ParseOptions.from_fields(request.parse),
        cleaning=request.cleaning,
        relabel=tuple(sorted(request.relabel.items())),
        split_seed=request.split_seed,
        held_out=tuple((role, path, name or path) for role, path, name in files if path),
    )
