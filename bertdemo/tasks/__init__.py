"""All tasks, by id, and the task of a checkpoint or a table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from bertdemo.errors import TaskUnknown
from bertdemo.tasks.base import Task
from bertdemo.tasks.classification import Classification
from bertdemo.tasks.fill_mask import FillMask
from bertdemo.tasks.multi_label.task import MultiLabel
from bertdemo.tasks.pair import Pair
from bertdemo.tasks.question_answering.task import QuestionAnswering
from bertdemo.tasks.reading.readings import Reading, complete, for_columns
from bertdemo.tasks.reading.readings import readings as all_readings
from bertdemo.tasks.search import Search
from bertdemo.tasks.similarity import SimilarityTask
from bertdemo.tasks.text_to_text import TextToText
from bertdemo.tasks.token_classification.task import TokenClassification

if TYPE_CHECKING:
    from bertdemo.checkpoints import CheckpointInfo
    from bertdemo.tables.table import Table

__all__ = ["TASKS", "Reading", "complete", "find", "for_checkpoint", "guess", "readings"]

TASKS: dict[str, Task] = {
    "classification": Classification(),
    "multi_label": MultiLabel(),
    "pair": Pair(),
    "similarity": SimilarityTask(),
    "token_classification": TokenClassification(),
    "question_answering": QuestionAnswering(),
    "fill_mask": FillMask(),
    "search": Search(),
    "text_to_text": TextToText(),
}


def find(task: str) -> Task:
    """Return the task of that id; TaskUnknown where there is none."""
    try:
        return TASKS[task]
    except KeyError:
        raise TaskUnknown(task=task, tasks=", ".join(TASKS)) from None


def for_checkpoint(info: CheckpointInfo) -> Task | None:
    """Return the task of a checkpoint: the one it was trained for here, else the one that can use its head.

    None where it has no head over labels.
    """
    if info.task:
        return find(info.task)
    usable = (task for task in TASKS.values() if task.problem_type == info.problem)
    return next(usable, None) if info.labels else None


def guess(table: Table, columns: Mapping[str, str] = MappingProxyType({})) -> Task:
    """Return the task that fits a table best, among those with the roles of the columns that a person chose."""
    return for_columns(table, columns, TASKS)


def readings(table: Table) -> tuple[Reading, ...]:
    """Return the best reading of a table and those that are as good, see `reading.readings`."""
    return all_readings(table, TASKS)
