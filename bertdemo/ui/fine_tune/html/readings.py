"""The readings of a table that are as good, as buttons: task, columns, and the first rows as each takes them."""

from __future__ import annotations

from collections.abc import Sequence

from bertdemo.i18n.translation import translate
from bertdemo.tables.table import Table
from bertdemo.tasks import Reading
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import join, root, short

# Rows of each reading, and characters of a cell, so that two readings are seen at once.
_ROWS = 3
_CELL_CHARS = 60
_LABEL_CHARS = 24


def render_readings(readings: Sequence[Reading], table: Table, lang: str) -> str:
    """Ask which reading is meant; `data-reading` is its place in the list."""
    # Without a likely reading there is no label: these are the tasks that need none.
    likely = any(reading.confidence for reading in readings)
    title = esc(translate(lang, "fine_tune.reading_which" if likely else "fine_tune.reading_without_label"))
    cards = join(_card(number, reading, table, lang) for number, reading in enumerate(readings))
    cards = f'<div class="bd-samples bd-readings">{cards}</div>'
    return root(f'<h3 class="bd-stage-title" role="status">{title}</h3>{cards}')


def _card(number: int, reading: Reading, table: Table, lang: str) -> str:
    columns = [(role, column) for role, column in reading.columns.items() if column in table.columns]
    names = esc(" → ".join(short(column, _CELL_CHARS) for _, column in columns))
    rows = join(_row([table.columns[column][row] or "" for _, column in columns]) for row in range(_rows(table)))
    return (
        f'<button type="button" class="bd-sample" data-reading="{number}">'
        f"<b>{esc(translate(lang, f'task.{reading.task}'))}</b><small>{names}</small>{rows}</button>"
    )


def _rows(table: Table) -> int:
    return min(_ROWS, table.rows)


def _row(cells: Sequence[str]) -> str:
    """The inputs of a row, and at its end the target."""
    inputs, target = " · ".join(short(cell, _CELL_CHARS) for cell in cells[:-1]), short(cells[-1], _LABEL_CHARS)
    return f'<span class="bd-sample-row"><q>{esc(inputs)}</q><i>{esc(target)}</i></span>'
