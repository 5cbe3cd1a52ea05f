"""An uploaded table before training: what it is, what is wrong with it, its first rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bertdemo.analysis.report import Example, Finding, Report
from bertdemo.dataset.cleaning import StepResult
from bertdemo.dataset.split import SEED
from bertdemo.errors import ColumnsNotFound
from bertdemo.i18n.translation import percent, plural, thousands, translate
from bertdemo.run_config import RunConfig
from bertdemo.tables.table import Table
from bertdemo.tables.table_files import Note
from bertdemo.tasks.roles import Role, explain
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.lengths import render_lengths
from bertdemo.ui.html.primitives import (
    bars,
    caption,
    definitions,
    empty_state,
    finding,
    join,
    root,
    row_numbers,
    short,
    table,
)

# How much is written out: characters of a cell or a label, of a quoted example, labels, row numbers.
_CELL_CHARS = 90
_EXAMPLE_CHARS = 200
_LABELS = 8
_ROWS = 8


def render_data(name: str, report: Report | None, notes: tuple[Note, ...], lang: str) -> str:
    """Draw the file's name, its rows and labels, and the findings."""
    if report is None:
        return root(empty_state(translate(lang, "data.empty")), "bd-data")
    head = f'<p class="bd-file"><b>{esc(name)}</b> <span>{esc(_summary(report, lang))}</span></p>'
    lines = [_note(item, lang) for item in notes] + [_finding(item, lang) for item in report.findings]
    findings = f'<div class="bd-findings">{join(lines)}</div>'
    lengths = f'<div class="bd-lengths">{render_lengths(report.lengths, lang)}</div>'
    return root(head + _label_bars(report, lang) + findings + lengths, "bd-data")


def render_cleaned(done: Sequence[StepResult], lang: str) -> str:
    """Draw what each cleaning step did, and in which rows of the file; "" where none changed a row."""
    lines = []
    for step in done:
        if step.rows:
            what = plural(lang, f"cleaning.done.{step.step}", step.rows)
            rows = row_numbers(step.numbers, step.rows, len(step.numbers))
            lines.append(caption(translate(lang, "cleaning.did", what=what, rows=rows)))
    return root(join(lines)) if lines else ""


def render_preview(data: Table, limit: int, lang: str) -> str:
    """Draw the first rows as they were parsed."""
    headers = ["#", *data.columns]
    rows = [
        [thousands(data.row_numbers[i]), *(short(values[i] or "", _CELL_CHARS) for values in data.columns.values())]
        for i in range(min(limit, data.rows))
    ]
    return root(
        caption(translate(lang, "data.preview", n=len(rows))) + table(headers, rows, numeric=(0,)), "bd-preview"
    )


def render_chosen(config: RunConfig, split: Mapping[str, int], lang: str, split_seed: int = SEED) -> str:
    """Draw the settings with their defaults resolved for this data, the split, and its seed where one was chosen."""
    values = {
        "epochs": translate(lang, "config.chosen.epochs", n=config.epochs),
        "max_length": translate(lang, "config.chosen.max_length", n=config.max_length),
        "batch_size": str(config.batch_size),
        "learning_rate": f"{config.learning_rate:g}",
    }
    used = config.used()
    rows = [(translate(lang, f"config.{name}"), value) for name, value in values.items() if name in used]
    if split_seed != SEED:
        rows.append((translate(lang, "config.split_seed"), str(split_seed)))
    return root(definitions(rows) + caption(split_words(split, lang, frozen=config.frozen)))


def split_words(split: Mapping[str, int], lang: str, *, frozen: bool = False) -> str:
    """Return the sizes of the split (part -> rows) in words, and what is evaluated on which part.

    A linear probe (`frozen`) chooses no epoch, so it needs one part less.
    """
    parts = {name: thousands(split.get(name, 0)) for name in ("train", "validation", "test")}
    if frozen:
        held_out = parts["test"] if split.get("test") else parts["validation"]
        return translate(lang, "data.split_frozen", train=parts["train"], held_out=held_out)
    code = "data.split_three" if split.get("test") else "data.split_two"
    return translate(lang, code, **parts)


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


def _summary(report: Report, lang: str) -> str:
    columns = " → ".join(report.columns.values())
    labels = [plural(lang, "data.labels", len(report.labels))] if report.labels else []
    return " · ".join([plural(lang, "data.rows", report.rows), columns, *labels])


def _label_bars(report: Report, lang: str) -> str:
    if not report.labels:
        return ""
    # Shares of the label assignments: a multi-label row counts once per label. 1 where there are none.
    total = sum(count for _, count in report.labels) or 1
    rows = [(label, count / total, thousands(count)) for label, count in report.labels[:_LABELS]]
    more = len(report.labels) - len(rows)
    return bars(rows) + (caption(translate(lang, "common.more", n=more)) if more > 0 else "")


def finding_values(item: Finding) -> dict[str, str]:
    """Return the parameters of a finding as they are written: a share in percent, a long text shortened."""
    return {name: _written(name, value) for name, value in item.values.items()}


def note_values(item: Note) -> dict[str, str]:
    """Return the parameters of a note as they are written."""
    return {name: _shown(value) for name, value in item.values.items()}


def _written(name: str, value: str | int | float) -> str:
    return percent(value) if name.endswith("share") and isinstance(value, float) else _shown(value)


def _finding(item: Finding, lang: str) -> str:
    sentence = translate(lang, f"finding.{item.code}", **finding_values(item))
    return finding(item.level, translate(lang, f"level.{item.level}"), sentence, more_html=_where(item, lang))


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


def _note(item: Note, lang: str) -> str:
    return finding("warn", translate(lang, "level.warn"), translate(lang, f"table.{item.code}", **note_values(item)))


def _shown(value: str | int | float) -> str:
    if isinstance(value, str):
        return short(value, _CELL_CHARS)
    return thousands(value) if isinstance(value, int) else f"{value:.3g}"
