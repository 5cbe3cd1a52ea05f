"""All runs of a visitor as a table, and the training inputs of one: RunStatus and RunRequest in, HTML out."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bertdemo.i18n.translation import has, score, seconds, thousands, translate
from bertdemo.runs.request import RunRequest
from bertdemo.runs.status import RunStatus
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.label_issues import relabel_words
from bertdemo.ui.html.primitives import definitions, empty_state, heading, join, root
from bertdemo.ui.html.runs import metric_word, state_words


def when(moment: float) -> str:
    """Return a time in seconds since the epoch in the server's time zone, as `2026-03-01 16:35`."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def render_list(runs: Sequence[RunStatus], ahead: dict[str, int], opened: str, lang: str) -> str:
    """Draw the table; each name is a button that opens the run (`data-open` holds its id)."""
    if not runs:
        return root(empty_state(translate(lang, "runs.empty")), "bd-runs")
    names = ("name", "state", "metric", "task", "time", "when")
    head = join(f'<th scope="col">{esc(translate(lang, f"runs.column.{name}"))}</th>' for name in names)
    body = join(_row(run, ahead.get(run.run_id, 0), run.run_id == opened, lang) for run in runs)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return root(f'<div class="bd-scroll" tabindex="0">{table}</div>', "bd-runs")


def render_request(request: RunRequest, status: RunStatus, lang: str) -> str:
    """Draw the training inputs of a run: files, columns, the sizes of the split, the settings as they were used."""
    started = status.started
    files = [(translate(lang, "runs.given.data"), request.data_name)]
    if request.origin:
        files.append((translate(lang, "runs.given.origin"), request.origin))
    files += [
        (translate(lang, f"train.{role}"), name)
        for role, name in (("validation", request.validation_name), ("test", request.test_name))
        if name
    ]
    files += [(translate(lang, f"role.{role}"), column) for role, column in request.columns.items()]
    if request.cleaning:
        named = (translate(lang, f"cleaning.name.{step}") for step in request.cleaning if has(f"cleaning.name.{step}"))
        files.append((translate(lang, "runs.given.cleaned"), translate(lang, "checkpoint.separator").join(named)))
    if request.relabel:
        files.append((translate(lang, "runs.given.relabeled"), relabel_words(request.relabel, lang)))
    files.append((translate(lang, "train.checkpoint"), request.checkpoint))
    parts = [heading(translate(lang, "runs.given.title")), definitions(files)]
    if started:
        split = [
            (translate(lang, f"runs.given.{name}"), thousands(rows))
            for name, rows in (
                ("train", started.train_rows),
                ("validation", started.validation_rows),
                ("test", started.test_rows),
            )
            if rows
        ]
        used = [
            (translate(lang, f"config.{name}"), _setting(name, value, lang)) for name, value in started.config.items()
        ]
        parts += [heading(translate(lang, "runs.given.rows")), definitions(split)]
        parts += [heading(translate(lang, "runs.given.settings")), definitions(used)]
    return root(join(parts), "bd-given")


def _row(run: RunStatus, ahead: int, opened: bool, lang: str) -> str:
    metric = run.metrics.get(run.headline)
    result = score(lang, metric["value"], metric["low"], metric["high"]) if metric else "–"
    # A number without a name is read as the accuracy, so that one needs no name.
    if metric and run.headline != "accuracy":
        result = f"{metric_word(run.headline, lang)} {result}"
    took = seconds(lang, run.seconds) if run.seconds else "–"
    cells = [
        f'<span class="bd-state-word {esc(run.state)}">{esc(state_words(run, lang, ahead))}</span>',
        f'<span class="n">{esc(result)}</span>',
        esc(translate(lang, f"task.{run.task}") if has(f"task.{run.task}") else run.task),
        f'<span class="n">{esc(took)}</span>',
        f'<span class="n">{esc(when(run.created))}</span>',
    ]
    # `data-open` is what the script of ui/runs/layout.py sends when the name is pressed.
    chosen = ' class="chosen" aria-current="true"' if opened else ""
    name = f'<button type="button" class="bd-link" data-open="{esc(run.run_id)}">{esc(run.name)}</button>'
    row = f'<tr{chosen} data-run="{esc(run.run_id)}" data-state="{esc(run.state)}"><td>{name}</td>'
    return row + join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _setting(name: str, value: object, lang: str) -> str:
    if name == "method":
        return translate(lang, f"config.choice.{value}")
    if isinstance(value, bool):
        return translate(lang, "common.yes" if value else "common.no")
    return f"{value:g}" if isinstance(value, float) else str(value)
