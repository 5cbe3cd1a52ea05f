"""Checks of what the labels are: cells that mean "no value", numbers in two spellings, quantities."""

from __future__ import annotations

import numpy as np

from bertdemo.analysis.report.finding import Finding, Values, listed
from bertdemo.analysis.report.rows import Rows
from bertdemo.dataset.label_cells import LabelCells
from bertdemo.tables.column_profiles import profiles
from bertdemo.tasks.reading import names
from bertdemo.tasks.reading.quantities import is_quantity


def findings(rows: Rows, cells: LabelCells) -> list[Finding]:
    """Say which cells are no labels, which are although they look like none, and where the labels are a quantity."""
    column = rows.columns["label"]
    return [
        *_no_value(rows, cells, column),
        *_respelled(cells),
        *_quantity(rows, column),
        *_other_quantities(rows, column),
    ]


def _no_value(rows: Rows, cells: LabelCells, column: str) -> list[Finding]:
    findings = []
    for code, words in (("no_value_left_out", cells.missing), ("no_value_kept", cells.doubtful)):
        if words:
            values: Values = {"count": sum(words.values()), "column": column, "words": _quoted(list(words))}
            numbers = cells.numbers if code == "no_value_left_out" else _rows_with(rows, list(words))
            findings.append(Finding("warn", code, values, numbers))
    return findings


def _respelled(cells: LabelCells) -> list[Finding]:
    pairs = [f"{cell} → {label}" for cell, label in sorted(cells.respelled.items())]
    return [Finding("pass", "label_numbers", {"labels": listed(pairs)})] if pairs else []


def _quantity(rows: Rows, column: str) -> list[Finding]:
    labels = [label for label, _ in rows.counts()]
    if not is_quantity(labels):
        return []
    return [Finding("fail", "label_is_number", {"column": column, "labels": len(labels), "examples": listed(labels)})]


def _other_quantities(rows: Rows, column: str) -> list[Finding]:
    """Name columns of scores that a person may have meant: they are called as labels are, more than the label is."""
    weight = names.label_weight(column)
    others = [
        profile.name
        for profile in profiles(rows.table)
        if names.label_weight(profile.name) >= max(weight, names.POSSIBLE) and profile.name not in rows.columns.values()
        and is_quantity(profile.values)
    ]  # fmt: skip
    return [Finding("warn", "number_columns", {"columns": listed(others), "column": column})] if others else []


def _quoted(words: list[str]) -> str:
    return listed([f"“{word[:20]}”" for word in words])


def _rows_with(rows: Rows, labels: list[str]) -> tuple[int, ...]:
    codes = [code for code, name in enumerate(rows.fingerprints.names) if name in labels]
    return rows.numbers(np.isin(rows.fingerprints.labels, codes))
