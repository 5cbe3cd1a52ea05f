"""What a run was trained with: its files, columns, split and settings."""

from __future__ import annotations

from bertdemo.i18n.translation import has, thousands, translate
from bertdemo.runs.events import Started
from bertdemo.runs.request import RunRequest
from bertdemo.runs.status import RunStatus
from bertdemo.ui.html.label_issues import relabel_words
from bertdemo.ui.html.primitives import definitions, heading, join, root
from bertdemo.ui.runs.html.recipe import setting_value

Named = list[tuple[str, str]]


def render_request(request: RunRequest, status: RunStatus, lang: str) -> str:
    """Draw the training inputs of a run: files, columns, the sizes of the split, the settings as they were used."""
    parts = [heading(translate(lang, "runs.given.title")), definitions(data_of(request, lang))]
    if status.started:
        parts += [heading(translate(lang, "runs.given.rows")), definitions(split_of(status.started, lang))]
        parts += [heading(translate(lang, "runs.given.settings")), definitions(settings_of(status.started, lang))]
    if status.tracked:
        tracked = translate(lang, "runs.given.tracked", project=status.tracked.project, run=status.tracked.run)
        parts.append(definitions([("trackio", tracked)]))
    return root(join(parts), "bd-given")


def data_of(request: RunRequest, lang: str) -> Named:
    """Return the files, columns and fixes of a run, and the model that it began with."""
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
    return files


def split_of(started: Started, lang: str) -> Named:
    """Return how many examples each part of the split has."""
    parts = {"train": started.train_rows, "validation": started.validation_rows, "test": started.test_rows}
    return [(translate(lang, f"runs.given.{name}"), thousands(rows)) for name, rows in parts.items() if rows]


def settings_of(started: Started, lang: str) -> Named:
    """Return the settings as they were used."""
    return [
        (translate(lang, f"config.{name}"), setting_value(name, value, lang)) for name, value in started.config.items()
    ]
