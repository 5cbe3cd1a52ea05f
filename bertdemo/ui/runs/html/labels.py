"""Precision, recall and F1 of each label: the ten worst first, the others on a press, sorted and filtered in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bertdemo.i18n.translation import plural, thousands, translate
from bertdemo.runs.evaluation import Evaluation, LabelFigures
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import join

# Labels that are shown until all are asked for.
SHOWN = 10
_NAMES = ("label", "precision", "recall", "f1", "rows")


def draw_labels(evaluation: Evaluation, lang: str) -> str:
    """Draw the table; the script of the page (assets/runs.js) sorts, filters and unfolds it."""
    figures = _worst_first(evaluation.per_label)
    body = join(_row(item, hidden=i >= SHOWN) for i, item in enumerate(figures))
    head = sortable_head(_NAMES, "result.column", lang, {"f1": "ascending"}, ("label",))
    table = f"<table data-sortable><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    controls = ""
    if len(figures) > SHOWN:
        words = esc(translate(lang, "result.filter_labels"))
        controls = (
            f'<p class="bd-table-tools"><input type="search" data-filter aria-label="{words}" placeholder="{words}">'
            f'<button type="button" class="bd-link" data-all-rows-of="{SHOWN}" aria-pressed="false">'
            f"{esc(plural(lang, 'result.all_labels', len(figures)))}</button></p>"
        )
    return f'<div class="bd-sortable" data-shown="{SHOWN}">{controls}<div class="bd-labels">{table}</div></div>'


def sortable_head(names: Sequence[str], prefix: str, lang: str, order: Mapping[str, str], texts: Sequence[str]) -> str:
    """Draw header cells that sort their column; `order` says how the rows are sorted now, `texts` hold no numbers."""

    def cell(name: str) -> str:
        kind = "" if name in texts else ' class="n"'
        button = f'<button type="button" data-sort>{esc(translate(lang, f"{prefix}.{name}"))}</button>'
        return f'<th scope="col"{kind} aria-sort="{order.get(name, "none")}">{button}</th>'

    return join(map(cell, names))


def label_cells(evaluation: Evaluation, lang: str) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of all labels as a file, with unrounded figures."""
    header = [translate(lang, f"result.column.{name}").lower() for name in _NAMES]
    rows = [
        [it.label, f"{it.precision:.6f}", f"{it.recall:.6f}", f"{it.f1:.6f}", str(it.rows)]
        for it in _worst_first(evaluation.per_label)
    ]
    return header, rows


def _worst_first(figures: Sequence[LabelFigures]) -> list[LabelFigures]:
    return sorted(figures, key=lambda item: item.f1)


def _row(item: LabelFigures, *, hidden: bool) -> str:
    cells = join(
        f'<td class="n" data-v="{value:.6f}">{value:.2f}</td>' for value in (item.precision, item.recall, item.f1)
    )
    rows = f'<td class="n" data-v="{item.rows}">{thousands(item.rows)}</td>'
    return f'<tr{" hidden" if hidden else ""}><td title="{esc(item.label)}">{esc(item.label)}</td>{cells}{rows}</tr>'
