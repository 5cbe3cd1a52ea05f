"""All tasks, by id."""

from __future__ import annotations

from bertdemo.errors import TaskUnknown
from bertdemo.tasks.base import Task
from bertdemo.tasks.classification import Classification

TASKS: dict[str, Task] = {
    "classification": Classification(),
}


def find(task: str) -> Task:
    """Return the task of that id; "" means classification."""
    try:
        return TASKS[task or "classification"]
    except KeyError:
        raise TaskUnknown(task=task, tasks=", ".join(TASKS)) from None
