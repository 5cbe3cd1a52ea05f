"""All runs of a visitor as a table that the script of the page sorts and filters, and the notice of a deletion."""

from __future__ import annotations

from collections.abc import Sequence

from bertdemo.i18n.translation import has, score, seconds, translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import empty_state, join, root, short
from bertdemo.ui.html.runs import metric_word, state_words, undo_notice, when
from bertdemo.ui.runs.html.labels import sortable_head
from bertdemo.ui.runs.html.recipe import ListedRun

_NAMES = ("name", "model", "recipe", "metric", "state", "time", "when")
# Characters of a note below the name; the open run has all of it.
_NOTE_CHARS = 120


def render_list(runs: Sequence[ListedRun], lang: str) -> str:
    """Draw the table, the newest run first; each name is a button that opens the run (`data-open` holds its id)."""
    if not runs:
        return root(empty_state(translate(lang, "runs.empty")), "bd-runs")
    head = sortable_head(_NAMES, "runs.column", lang, {"when": "descending"}, _NAMES)
    body = join(_row(run, lang) for run in runs)
    table = f"<table data-sortable><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return root(f'<div class="bd-sortable bd-run-table">{table}</div>', "bd-runs")


def render_filter(lang: str) -> str:
    """Draw the field that filters the list; it is no part of the list, which is drawn anew while a run trains."""
    words = esc(translate(lang, "runs.filter"))
    field = f'<input type="search" data-filter="#runs-list" aria-label="{words}" placeholder="{words}">'
    return root(f'<p class="bd-table-tools">{field}</p>')


def render_deleted(run: str, name: str, lang: str) -> str:
    """Say that a run was deleted, with the button that restores it."""
    return undo_notice(translate(lang, "runs.deleted", name=name), run, lang)


def _row(run: ListedRun, lang: str) -> str:
    status = run.status
    metric = status.metrics.get(status.headline)
    value = metric["value"] if metric else None
    took = seconds(lang, status.seconds) if status.seconds else "–"
    state = f'<span class="bd-state-word {esc(status.state)}">{esc(state_words(status, lang, run.place))}</span>'
    cells = [
        ("name", _name(run, lang), status.name.lower()),
        ("model", esc(run.model), run.model.lower()),
        ("recipe", esc(run.recipe), run.recipe.lower()),
        ("metric", esc(_score(run, lang)), "" if value is None else f"{value:.6f}"),
        ("state", state, status.state),
        ("time", esc(took), f"{status.seconds or 0:.1f}"),
        ("when", esc(when(status.created)), f"{status.created:.3f}"),
    ]
    body = join(
        f'<td class="{name}" data-name="{esc(translate(lang, f"runs.column.{name}"))}" data-v="{esc(key)}">{html}</td>'
        for name, html, key in cells
    )
    return f'<tr data-run="{esc(status.run_id)}" data-state="{esc(status.state)}">{body}</tr>'


def _name(run: ListedRun, lang: str) -> str:
    """Draw the button that opens the run, its task, and the beginning of its note."""
    status = run.status
    # `data-open` is what the script of ui/runs/layout.py sends when the name is pressed.
    button = f'<button type="button" class="bd-link" data-open="{esc(status.run_id)}">{esc(status.name)}</button>'
    task = translate(lang, f"task.{status.task}") if has(f"task.{status.task}") else status.task
    note = f'<small class="note">{esc(short(status.note, _NOTE_CHARS))}</small>' if status.note else ""
    shipped = f" · {esc(translate(lang, 'runs.shipped'))}" if status.shipped else ""
    return f"{button}<small>{esc(task)}{shipped}{_study(status.study, lang)}</small>{note}"


def _study(study: str, lang: str) -> str:
    """Draw the link to the study of a run; "" for a run of its own."""
    words, address = translate(lang, "study.member"), f"?tab=train&study={study}&lang={lang}"
    return f' · <a href="{esc(address)}">{esc(words)}</a>' if study else ""


def _score(run: ListedRun, lang: str) -> str:
    status = run.status
    metric = status.metrics.get(status.headline)
    if not metric:
        return "–"
    words = score(lang, metric["value"], metric["low"], metric["high"])
    # A number without a name is read as the accuracy, so that one needs no name.
    return words if status.headline == "accuracy" else f"{metric_word(status.headline, lang)} {words}"
