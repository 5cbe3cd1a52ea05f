"""What tasks share whose rows have no label out of a few: a row counts where it has something to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bertdemo.errors import TooFewRows
from bertdemo.tasks.base import Task
from bertdemo.tasks.roles import detect

if TYPE_CHECKING:
    from bertdemo.tables.table import Table

MINIMUM_ROWS = 4


class TaskWithoutLabels(Task):
    """See the module. A subclass says what the target of a row is, and None where it has none."""

    categories = False

    def columns(self, table: Table) -> dict[str, str]:
        """Guess the columns from their content."""
        return detect(table, [role for role in self.roles if role.required])

    def check(self, table: Table, columns: Mapping[str, str], *, label_limit: int) -> None:
        """Raise where a column is missing, or too few rows can be used."""
        self.check_columns(table, columns)
        self.enough(table, columns, MINIMUM_ROWS)

    def check_held_out(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> None:
        """Raise where a column is missing, or no row can be used."""
        self.check_columns(table, columns)
        self.enough(table, columns, 1)

    def enough(self, table: Table, columns: Mapping[str, str], minimum: int) -> None:
        """Raise where fewer rows can be used."""
        targets = self.targets(table, columns, self.labels(table, columns))
        usable = sum(target is not None for target in targets)
        if usable < minimum:
            raise TooFewRows(rows=usable, minimum=minimum)

    def labels(self, table: Table, columns: Mapping[str, str]) -> tuple[str, ...]:
        """There are none."""
        return ()
