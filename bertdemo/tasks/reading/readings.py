"""The readings of a table: the task and the columns that fit it, and those that fit it as well.

A reading is as good as the best one where only a person knows which target is meant: two columns of few values with
names that say equally much, say. To train on the wrong one would go unnoticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bertdemo.errors import ColumnsNotFound, RoleNotRead
from bertdemo.tables.column_profiles import profiles_kept
from bertdemo.tasks.reading import names
from bertdemo.tasks.roles import LABEL, TEXT, detect, rivals

if TYPE_CHECKING:
    from bertdemo.tables.table import Table
    from bertdemo.tasks.base import Task

# Share of the best confidence from which another reading is as good. Between two label columns such a difference comes
# from the length and the number of their values, which say nothing of what a person wants; a usual name gives a third.
_AS_GOOD = 0.9
_SAMPLED_ROWS = 5000
# More buttons than this are a list of columns, which the page has.
_MOST = 3


@dataclass(frozen=True)
class Reading:
    """One way to understand a table."""

    task: str
    columns: Mapping[str, str]
    """Role to column."""
    confidence: float
    """How much the table looks like it, 0 to 1; comparable among the readings of one table only."""


def readings(table: Table, tasks: Mapping[str, Task]) -> tuple[Reading, ...]:
    """Return the best reading and those that are as good, at most three, the best first; () where no column fits.

    Where none is likely but several tasks are possible, these are returned with a confidence of 0.
    """
    with profiles_kept():
        return _readings(table, tasks)


def _readings(table: Table, tasks: Mapping[str, Task]) -> tuple[Reading, ...]:
    best = max(tasks.values(), key=lambda task: task.fits(table))
    first = _reading(best, table)
    if first is None:
        return _without_label(table, tasks)
    others = [reading for task in tasks.values() if task is not best and (reading := _reading(task, table))]
    several = sorted([*_by_label(first, best, table), *others], key=lambda reading: -reading.confidence)
    return (first, *(reading for reading in several if reading.confidence >= _AS_GOOD * first.confidence))[:_MOST]


def _without_label(table: Table, tasks: Mapping[str, Task]) -> tuple[Reading, ...]:
    """Return the readings of two texts without a label, among which only a person can choose; () where one is left.

    Beside a column that is called a text, the label is what is missing: there the page asks for it.
    """
    if any(TEXT.is_about(column) for column in table.columns):
        return ()
    possible = [Reading(task.id, columns, 0.0) for task in tasks.values() if (columns := task.possible_columns(table))]
    return tuple(possible[:_MOST]) if len(possible) > 1 else ()


def complete(task: Task, table: Table, columns: Mapping[str, str]) -> dict[str, str]:
    """Return role -> column: those that a person chose, and the best of the others for the roles that are left.

    Raises RoleNotRead for a role that the task lacks, ColumnsNotFound where no column is left that fits one.
    """
    roles = {role.name: role for role in task.roles}
    if unread := next((role for role in columns if role not in roles), None):
        raise RoleNotRead(argument=unread, task=task.id, roles=", ".join(roles))
    missing = {name for name, role in roles.items() if role.required} - columns.keys()
    if not missing:
        return dict(columns)
    guessed = _guessed(task, table)
    free = {role: guessed[role] for role in guessed.keys() - columns.keys() if guessed[role] not in columns.values()}
    left = [roles[name] for name in roles if name in missing and name not in free]
    if left:
        taken = {*columns.values(), *free.values()}
        others = {name: cells for name, cells in table.columns.items() if name not in taken}
        free |= detect(replace(table, columns=others), left)
    return {name: {**free, **columns}[name] for name in roles if name in free or name in columns}


def for_columns(table: Table, columns: Mapping[str, str], tasks: Mapping[str, Task]) -> Task:
    """Return the task that fits a table best among those that have the roles of `columns`; of all where none has."""
    able = [task for task in tasks.values() if columns.keys() <= {role.name for role in task.roles}]
    with profiles_kept():
        return max(able or tasks.values(), key=lambda task: task.fits(table))


def _guessed(task: Task, table: Table) -> dict[str, str]:
    try:
        return task.columns(table)
    except ColumnsNotFound:
        return {}


def _reading(task: Task, table: Table) -> Reading | None:
    columns, fit = _guessed(task, table), task.fits(table)
    return Reading(task.id, columns, fit) if columns and fit else None


def _by_label(best: Reading, task: Task, table: Table) -> list[Reading]:
    """Return the best reading with each of the other label columns; none where its name is certain."""
    label = best.columns.get(LABEL.name)
    if LABEL not in task.roles or not task.categories or label is None:
        return []
    if names.label_weight(label) == names.CERTAIN:
        return []
    texts = {role: column for role, column in best.columns.items() if role != LABEL.name}
    scores = rivals(table, LABEL, set(texts.values()))
    own = scores.get(label, 0.0)
    return [
        Reading(best.task, {**texts, LABEL.name: column}, best.confidence * score / own)
        for column, score in scores.items()
        if own and column != label and not _same_labels(table, column, label)
    ]


def _same_labels(table: Table, one: str, other: str) -> bool:
    """Return whether two columns are one label in two forms: `label_id` and `label_name`."""
    cells = table.columns[one][:_SAMPLED_ROWS], table.columns[other][:_SAMPLED_ROWS]
    return len(set(zip(*cells, strict=True))) == len(set(cells[0])) == len(set(cells[1]))
