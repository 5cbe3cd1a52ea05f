"""The arguments of the endpoints, checked here because Gradio checks no types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bertdemo import tasks
from bertdemo.dataset import cleaning
from bertdemo.dataset.split import SEED
from bertdemo.errors import ArgumentWrong, FieldUnknown, FileMissing
from bertdemo.run_config import RunConfig
from bertdemo.runs.request import RowNumber, RunRequest
from bertdemo.tables.parse_options import ParseOptions
from bertdemo.ui.api.serializers import Json

# Fields of the argument `preparation`, and the example that an error shows.
_PREPARATION_FIELDS = ("cleaning", "relabel", "parse", "split_seed")
_PREPARATION = '{"cleaning": ["drop_duplicates"], "relabel": {"12": "positive"}, "parse": {"delimiter": ";"}}'


def request_of(file: str, task: str, columns: Json | None, preparation: Json | None) -> RunRequest:
    """Return the request for a file, for the bundled checkpoint with the default settings.

    Raises FileMissing, or ArgumentWrong or FieldUnknown naming the argument.
    """
    path, prepare = uploaded(file), {} if preparation is None else preparation
    check("preparation", prepare, dict, _PREPARATION)
    if unknown := set(prepare) - set(_PREPARATION_FIELDS):
        raise FieldUnknown(field=str(min(unknown, key=str))[:40], fields=", ".join(_PREPARATION_FIELDS))
    steps, relabel, parse = prepare.get("cleaning", []), prepare.get("relabel", {}), prepare.get("parse", {})
    if not isinstance(steps, list | tuple) or not all(step in cleaning.CLEANING_STEPS for step in steps):
        raise ArgumentWrong(name="preparation.cleaning", expected=", ".join(cleaning.CLEANING_STEPS))
    if not isinstance(parse, dict):
        raise ArgumentWrong(name="preparation.parse", expected=_PREPARATION)
    seed = prepare.get("split_seed", SEED)
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ArgumentWrong(name="preparation.split_seed", expected="integer ≥ 0")
    ParseOptions.from_fields(parse)
    request = RunRequest(task_id(task), columns_by_role(columns), "bundled", RunConfig(), str(path), path.name)
    return replace(request, parse=parse, cleaning=tuple(steps), relabel=_relabel(relabel), split_seed=seed)


def _relabel(value: object) -> dict[str, str]:
    check("preparation.relabel", value, dict, _PREPARATION)
    try:
        return TypeAdapter(dict[RowNumber, str]).validate_python(value)
    except ValidationError:
        raise ArgumentWrong(name="preparation.relabel", expected='{"12": "positive", "15": ""}') from None


def check(name: str, value: object, kind: type, expected: str) -> None:
    """Raise ArgumentWrong where an argument is not of this type; a bool does not count as a number."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ArgumentWrong(name=name, expected=expected)


def check_texts(text: object, pair: object) -> None:
    """Raise ArgumentWrong where a text or its pair is not a string."""
    for name, value in (("text", text), ("pair", pair)):
        check(name, value, str, "string")


def check_list(name: str, value: object) -> None:
    """Raise ArgumentWrong where an argument is not a list of strings."""
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ArgumentWrong(name=name, expected='["string", …]')


def identifier(value: object, name: str = "checkpoint") -> str:
    """Return the id of a checkpoint or a run."""
    if not isinstance(value, str) or not value:
        raise ArgumentWrong(name=name, expected="string")
    return value


def task_id(value: object) -> str:
    """Return the id of a task, "" where it will be guessed from the table."""
    check("task", "" if value is None else value, str, ", ".join(tasks.TASKS))
    return str(value or "")[:80]  # the error repeats an unknown ID


def columns_by_role(value: object) -> dict[str, str]:
    """Return role to column name; roles that no task has are rejected here, columns that do not exist later."""
    roles = {role.name for task in tasks.TASKS.values() for role in task.roles}
    columns = {} if value is None else value
    if not isinstance(columns, Mapping) or not all(k in roles and isinstance(v, str) for k, v in columns.items()):
        raise ArgumentWrong(name="columns", expected='{"text": …, "label": …}')
    return dict(columns)


def uploaded(value: object) -> Path:
    """Return the path of a file that was uploaded; FileMissing where none was."""
    if not isinstance(value, str) or not value:
        raise FileMissing
    return Path(value)
