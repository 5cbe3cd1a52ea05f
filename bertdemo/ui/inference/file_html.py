"""What a file of predictions holds, in the page: the first rows, counts per label, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence

from bertdemo.i18n.translation import has, percent, plural, thousands, translate
from bertdemo.serving.files import FilePredictions
from bertdemo.ui.html.answers.parts import breakable
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import bar, caption, error_state, heading, join, note, root, short

# Characters of a cell in the table: three lines at the width of a phone.
_CELL_CHARS = 140
# Labels whose counts are drawn: as many as there are rows beside them.
_COUNTED = 8
# Name of a new column -> how a person reads its cell; any other cell is shown as it is in the file.
_SHARE, _FLAG = "confidence", "truncated"
_NOTHING = "–"


def render_file(result: FilePredictions, lang: str) -> str:
    """Draw the first rows with their predictions, and the counts per label beside them."""
    if not result.predicted:
        columns = ", ".join(f"“{name}”" for name in result.columns)
        return root(error_state(translate(lang, "predict.file_all_empty", columns=columns)))
    facts = [plural(lang, "predict.file_done", result.predicted)]
    if empty := result.rows - result.predicted:
        facts.append(plural(lang, "predict.file_empty", empty))
    if result.truncated:
        facts.append(plural(lang, "predict.file_cut", result.truncated))
    more = result.predicted > len(result.preview)
    first = note(plural(lang, "predict.file_first", len(result.preview))) if more else ""
    return root(
        f'<p class="bd-file-said">{esc(" ".join(facts))}</p>'
        f'<div class="bd-file-parts"><div>{_table(result, lang)}{first}</div>{_counts(result, lang)}</div>'
    )


def _counts(result: FilePredictions, lang: str) -> str:
    if not result.counts:
        return ""
    most = result.counts[0][1]
    rows = join(
        f'<div class="row"><span class="name">{breakable(label)}</span><span class="n">{thousands(count)}</span>'
        f"{bar(count / result.predicted, label=label, full=most / result.predicted)}</div>"
        for label, count in result.counts[:_COUNTED]
    )
    left = len(result.counts) - _COUNTED
    more = caption(plural(lang, "predict.more_labels", left)) if left > 0 else ""
    title = heading(translate(lang, "predict.file_counts"))
    return f'<div class="bd-file-counts">{title}<div class="bd-bars stacked">{rows}</div>{more}</div>'


def _table(result: FilePredictions, lang: str) -> str:
    """Draw the rows as a table that becomes a list of cards on a phone."""
    headers = [translate(lang, "predict.column.row"), *result.columns, *(_column(name, lang) for name in result.added)]
    head = join(f'<th scope="col">{esc(name)}</th>' for name in headers)
    body = join(_row(headers, number, read, new, result.added, lang) for number, read, new in result.preview)
    return f'<table class="bd-file-rows"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _row(
    headers: Sequence[str], number: int, read: Sequence[str], new: Sequence[str], added: Sequence[str], lang: str
) -> str:
    cells = [
        (thousands(number), "n"),
        *((short(cell, _CELL_CHARS), "text") for cell in read),
        *((_cell(name, cell, lang), "new") for name, cell in zip(added, new, strict=True)),
    ]
    drawn = join(
        f'<td class="{kind}{"" if cell != _NOTHING else " none"}" data-column="{esc(header)}">{breakable(cell)}</td>'
        for header, (cell, kind) in zip(headers, cells, strict=True)
    )
    return f"<tr>{drawn}</tr>"


def _column(name: str, lang: str) -> str:
    key = f"predict.column.{name}"
    return translate(lang, key) if has(key) else name


def _cell(name: str, cell: str, lang: str) -> str:
    if name == _SHARE and cell:
        return percent(float(cell))
    if name == _FLAG:
        return translate(lang, "predict.column.yes") if cell else _NOTHING
    return short(cell, _CELL_CHARS) or _NOTHING
