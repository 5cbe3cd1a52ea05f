"""The arguments of the endpoints, checked: neither way into an endpoint checks types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from bertdemo import tasks
from bertdemo.dataset import cleaning
from bertdemo.dataset.split import SEED
from bertdemo.errors import ArgumentWrong, ColumnMissing, ColumnTwice, FieldUnknown, FileMissing
from bertdemo.run_config import RunConfig
from bertdemo.runs.request import RunRequest
from bertdemo.tables.parse_options import ParseOptions
from bertdemo.tables.table import Table
from bertdemo.ui.api.serializers import Json

_PREPARATION = '{"cleaning": ["drop_duplicates"], "relabel": {"12": "positive"}, "parse": {"delimiter": ";"}}'


def request_of(file: str, task: str, columns: Json | None, preparation: Json | None) -> RunRequest:
    """Return what is asked of a file. Raises FileMissing, or ArgumentWrong or FieldUnknown naming the argument."""
    path, given = uploaded(file), {} if preparation is None else preparation
    check("preparation", given, dict, _PREPARATION)
    if wrong := given.keys() - {"cleaning", "relabel", "parse", "split_seed"}:
        raise FieldUnknown(field=str(min(wrong, key=str))[:40], fields="cleaning, relabel, parse, split_seed")
    steps, relabel, parse = given.get("cleaning", []), given.get("relabel", {}), given.get("parse", {})
    if not isinstance(steps, list | tuple) or not all(step in cleaning.CLEANING_STEPS for step in steps):
        raise ArgumentWrong(name="preparation.cleaning", expected=", ".join(cleaning.CLEANING_STEPS))
    for name, value in (("relabel", relabel), ("parse", parse)):
        check(f"preparation.{name}", value, dict, _PREPARATION)
    seed = given.get("split_seed", SEED)
    check("preparation.split_seed", seed, int, "a whole number from 0")
    if seed < 0:
        raise ArgumentWrong(name="preparation.split_seed", expected="a whole number from 0")
    ParseOptions.from_fields(parse)
    try:
        return RunRequest(
            task_id(task), columns_by_role(columns), "bundled", RunConfig(), str(path), path.name, parse=parse,
            cleaning=tuple(steps), relabel=relabel, split_seed=seed,
        )  # fmt: skip
    except ValueError:
        raise ArgumentWrong(name="preparation.relabel", expected='{"12": "positive", "15": ""}') from None


def check(name: str, value: object, kind: type, expected: str) -> None:
    """Raise ArgumentWrong where an argument is not of this type; a flag is no number."""
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ArgumentWrong(name=name, expected=expected)


def identifier(value: object, name: str = "checkpoint") -> str:
    """Return the id of a checkpoint or a run."""
    if not isinstance(value, str) or not value:
        raise ArgumentWrong(name=name, expected="an id")
    return value


def task_id(value: object) -> str:
    """Return the id of a task, "" where it is to be guessed from the table."""
    check("task", "" if value is None else value, str, ", ".join(tasks.TASKS))
    return str(value or "")[:80]  # it stands in the answer where there is no such task


def columns_by_role(value: object) -> dict[str, str]:
    """Return role to column name; roles that no task has are refused here, columns that are not there later."""
    known = {role.name for task in tasks.TASKS.values() for role in task.roles}
    given = {} if value is None else value
    if not isinstance(given, Mapping) or not all(k in known and isinstance(v, str) for k, v in given.items()):
        raise ArgumentWrong(name="columns", expected='{"text": …, "label": …}')
    return dict(given)


def check_roles(columns: Mapping[str, str], required: Sequence[str], table: Table) -> None:
    """Raise ColumnMissing for a role without a column of the table, ColumnTwice where two roles share one."""
    for role in {*required, *columns}:
        if columns.get(role) not in table.columns:
            raise ColumnMissing(column=columns.get(role, role)[:80], columns=", ".join(table.columns))
    twice = [column for column, count in Counter(columns.values()).items() if count > 1]
    if twice:
        raise ColumnTwice(column=twice[0][:80])


def uploaded(value: object) -> Path:
    """Return the path of a file that was uploaded; FileMissing where none was."""
    if not isinstance(value, str) or not value:
        raise FileMissing
    return Path(value)
