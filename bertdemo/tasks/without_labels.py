"""What tasks share whose rows do not have one label out of a few: a row counts where it has a target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bertdemo.tasks.base import MINIMUM_ROWS, Task
from bertdemo.tasks.roles import detect

if TYPE_CHECKING:
    from bertdemo.tables.table import Table


class TaskWithoutLabels(Task):
    """See the module. A subclass returns the target of each row, None where it has none."""

    categories = False

    def columns(self, table: Table) -> dict[str, str]:
        """Guess the columns of the required roles; where no name says which text is which, as the file orders them."""
        roles = [role for role in self.roles if role.required]
        columns = detect(table, roles)
        if any(role.is_about(columns[role.name]) for role in roles):
            return columns
        return {**columns, **self.possible_columns(table)}

    def check(self, table: Table, columns: Mapping[str, str], *, label_limit: int) -> None:
        """Raise where a column is missing, or too few rows can be used."""
        self.check_columns(table, columns)
        self.check_usable(table, columns, self.labels(table, columns), MINIMUM_ROWS)

    def labels(self, table: Table, columns: Mapping[str, str]) -> tuple[str, ...]:
        """Return (): there are no labels."""
        return ()
