"""A table before training as three tiles: its labels, what is wrong with it and how to fix that, its first rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bertdemo.analysis.report import Example, Finding, Report
from bertdemo.dataset.cleaning import FEW_ROWS, CleaningStep, StepResult
from bertdemo.errors import ColumnsNotFound
from bertdemo.i18n.translation import percent, plural, thousands, translate
from bertdemo.tables.table import Table
from bertdemo.tables.table_files import Note
from bertdemo.tasks.roles import Role, explain
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.lengths import render_lengths
from bertdemo.ui.html.primitives import bar, caption, empty_state, join, root, row_numbers, short, table

# How much is written out: characters of a cell or a label, of a quoted example, row numbers.
_CELL_CHARS = 90
_LABEL_CHARS = 40
_EXAMPLE_CHARS = 200
_ROWS = 8
# From this many labels on a search field stands above them: fewer are seen at a glance.
_SEARCH_FROM = 9
# What is fixed by which cleaning steps: code of a finding -> steps.
_FIXES: Mapping[str, Sequence[CleaningStep]] = {
    "text_missing": ("drop_missing",),
    "label_missing": ("drop_missing",),
    "duplicates": ("drop_duplicates",),
    "conflicting_labels": ("drop_conflicts",),
    "label_variants": ("merge_labels", "merge_slips"),
    "rare_labels": ("drop_rare", "drop_few"),
    "few_rows_a_label": ("drop_few",),
}


@dataclass(frozen=True)
class OfferedStep:
    """A cleaning step that would change something, or that was chosen already."""

    step: CleaningStep
    rows: int
    chosen: bool


def render_labels(report: Report, lang: str) -> str:
    """Draw the labels as bars, the most frequent one full; "" for a task without labels.

    `data-label` is what a click tells the page's script.
    """
    if not report.labels:
        return ""  # the number of rows is in the line of the file
    most = max(count for _, count in report.labels) or 1
    rows = join(_label(label, count, most, lang) for label, count in report.labels)
    search = ""
    if len(report.labels) >= _SEARCH_FROM:
        words = esc(translate(lang, "fine_tune.tile.search"))
        search = f'<input class="bd-search" type="search" placeholder="{words}" aria-label="{words}">'
    title = plural(lang, "data.labels", len(report.labels))
    return _tile("labels", title, f'{search}<div class="bd-label-list">{rows}</div>')


def render_checks(
    report: Report, notes: Sequence[Note], offered: Sequence[OfferedStep], done: Sequence[StepResult], lang: str
) -> str:
    """Draw what needs attention, each line with what fixes it (`data-step`), then the checks that passed, folded."""
    waiting = {step.step: step for step in offered if not step.chosen}
    lines = [_line("warn", translate(lang, f"table.{item.code}", **note_values(item))) for item in notes]
    for item in report.findings:
        if item.level != "pass":
            fixes = [waiting.pop(step) for step in _FIXES.get(item.code, ()) if step in waiting]
            lines.append(
                _line(item.level, _sentence(item, lang), _where(item, lang), join(_fix(it, lang) for it in fixes))
            )
    lines += [_line("warn", _offer(step, lang), "", _fix(step, lang)) for step in waiting.values()]
    lines += [_done(step, done, lang) for step in offered if step.chosen]
    passed = [item for item in report.findings if item.level == "pass"]
    body = join(f"<li>{esc(_sentence(item, lang))}{_where(item, lang)}</li>" for item in passed)
    words = esc(plural(lang, "fine_tune.tile.passed", len(passed)))
    folded = f'<details class="bd-passed"><summary>✓ {words}</summary><ul>{body}</ul></details>' if passed else ""
    trouble = sum(item.level != "pass" for item in report.findings) + len(notes)
    title = plural(lang, "fine_tune.tile.look", trouble) if trouble else translate(lang, "fine_tune.tile.fine")
    return _tile("checks", title, f'<div class="bd-checks">{join(lines)}{folded}</div>')


def render_preview(data: Table, limit: int, report: Report | None, roles: Sequence[str], lang: str) -> str:
    """Draw the first rows of the columns that are used, and the lengths of the texts as a strip below them."""
    columns = [name for name in roles if name in data.columns] or list(data.columns)
    rows = [
        [thousands(data.row_numbers[i]), *(short(data.columns[name][i] or "", _CELL_CHARS) for name in columns)]
        for i in range(min(limit, data.rows))
    ]
    drawn = table(["#", *columns], rows, numeric=(0,))
    strip = f'<div class="bd-lengths">{render_lengths(report.lengths, lang)}</div>' if report else ""
    title = translate(lang, "fine_tune.tile.rows")
    return _tile("rows", title, f'<div class="bd-first-rows" tabindex="0">{drawn}</div>{strip}')


def render_label_rows(label: str, rows: Sequence[tuple[int, str]], count: int, lang: str) -> str:
    """Draw the first rows of one label, (row number, text), in place of the first rows of the file."""
    listed = join(
        f"<li><small>{thousands(number)}</small> <q>{esc(short(text, _EXAMPLE_CHARS))}</q></li>"
        for number, text in rows
    )
    words = esc(translate(lang, "fine_tune.tile.all_rows"))
    back = f'<button type="button" class="bd-link" data-all-rows>{words}</button>'
    more = caption(translate(lang, "common.more", n=thousands(count - len(rows)))) if count > len(rows) else ""
    title = f"{short(label, _LABEL_CHARS)} · {plural(lang, 'data.rows', count)}"
    return _tile("rows", title, f'<ul class="bd-label-rows" tabindex="0">{listed}{more}</ul>{back}')


def no_rows(lang: str) -> str:
    """Draw the place of the first rows where the file could not be read."""
    return root(empty_state(translate(lang, "fine_tune.tile.nothing")), "bd-tile-empty")


def _tile(name: str, title: str, body_html: str) -> str:
    """Draw a tile; on a phone it is a line that opens."""
    return root(
        f'<details class="bd-tile" data-tile="{esc(name)}" open><summary>{esc(title)}</summary>'
        f'<div class="bd-tile-body">{body_html}</div></details>'
    )


def _label(label: str, count: int, most: int, lang: str) -> str:
    title = translate(lang, "fine_tune.tile.show_rows", label=label)
    return (
        f'<button type="button" class="bd-label-row" data-label="{esc(label)}" title="{esc(title)}">'
        f'<span class="name">{esc(short(label, _LABEL_CHARS))}</span>{bar(count / most, label=label)}'
        f'<span class="n">{thousands(count)}</span></button>'
    )


def _line(level: str, text: str, more_html: str = "", fix_html: str = "") -> str:
    sign = {"warn": "▲", "fail": "✗", "pass": "✓"}[level]
    return (
        f'<div class="bd-check-line {esc(level)}"><span aria-hidden="true">{sign}</span>'
        f"<span>{esc(text)}{more_html}</span><span>{fix_html}</span></div>"
    )


def _offer(step: OfferedStep, lang: str) -> str:
    return plural(lang, f"cleaning.{step.step}", step.rows, few=FEW_ROWS)


def _fix(step: OfferedStep, lang: str) -> str:
    words = esc(translate(lang, f"fine_tune.fix.{step.step}"))
    title = esc(_offer(step, lang))
    return f'<button type="button" class="bd-fix" data-step="{esc(step.step)}" title="{title}">{words}</button>'


def _done(step: OfferedStep, done: Sequence[StepResult], lang: str) -> str:
    """Draw what a chosen step did and in which rows of the file, and the button that undoes it."""
    result = next((item for item in done if item.step == step.step and item.rows), None)
    words = plural(lang, f"cleaning.done.{step.step}", result.rows if result else 0)
    if result:
        rows = row_numbers(result.numbers, result.rows, len(result.numbers))
        words = translate(lang, "cleaning.did", what=words, rows=rows)
    undo = esc(translate(lang, "fine_tune.fix.undo"))
    button = f'<button type="button" class="bd-fix" data-step="{esc(step.step)}" aria-pressed="true">{undo}</button>'
    return _line("pass", words, "", button)


def _sentence(item: Finding, lang: str) -> str:
    return translate(lang, f"finding.{item.code}", **finding_values(item))


def reasons(data: Table, roles: Sequence[Role], columns: Mapping[str, str], lang: str) -> dict[str, str]:
    """Return role -> why its column was guessed, without the roles whose column a person corrected."""
    try:
        guessed = explain(data, [role for role in roles if role.name in columns])
    except ColumnsNotFound:
        return {}
    # A reason is only true while the column is still the one that was guessed.
    return {
        choice.role: translate(
            lang, f"reason.{choice.reason}", **{name: _written(name, value) for name, value in choice.values.items()}
        )
        for choice in guessed
        if columns.get(choice.role) == choice.column
    }


def finding_values(item: Finding) -> dict[str, str]:
    """Return the parameters of a finding as they are written: a share in percent, a long text shortened."""
    return {name: _written(name, value) for name, value in item.values.items()}


def note_values(item: Note) -> dict[str, str]:
    """Return the parameters of a note as they are written."""
    return {name: _shown(value) for name, value in item.values.items()}


def _written(name: str, value: str | int | float) -> str:
    return percent(value) if name.endswith("share") and isinstance(value, float) else _shown(value)


def _where(item: Finding, lang: str) -> str:
    """Draw the row numbers; the first texts open on a click."""
    if not item.rows:
        return ""
    key = "data.row_named" if len(item.rows) == 1 else "data.rows_named"
    words = translate(lang, key, rows=_row_numbers(item.rows))
    if not item.examples:
        return f'<small class="bd-where">{esc(words)}</small>'
    quoted = join(
        f"<li><span>{esc(_about(example, lang))}</span> <q>{esc(short(example.text or '', _EXAMPLE_CHARS))}</q></li>"
        for example in item.examples
    )
    return f'<details class="bd-where"><summary>{esc(words)}</summary><ul>{quoted}</ul></details>'


def _about(example: Example, lang: str) -> str:
    labels = " / ".join(short(label or "", _CELL_CHARS) for label in example.labels)
    return plural(lang, "data.example", len(example.rows), rows=_row_numbers(example.rows), labels=labels)


def _row_numbers(rows: Sequence[int]) -> str:
    return row_numbers(rows, len(rows), _ROWS)


def _shown(value: str | int | float) -> str:
    if isinstance(value, str):
        return short(value, _CELL_CHARS)
    return thousands(value) if isinstance(value, int) else f"{value:.3g}"
