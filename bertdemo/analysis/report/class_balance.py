"""Whether there is enough to learn from, in all and of each label, and how the labels are written and ordered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from statistics import median

import numpy as np

from bertdemo.analysis.report.finding import Finding, Values, listed
from bertdemo.analysis.report.rows import Rows
from bertdemo.dataset import cleaning, label_variants
from bertdemo.dataset.fingerprints import Flags
from bertdemo.tables.arrow_columns import taken

MINIMUM_ROWS = 4
"""Below this many usable rows nothing can be learned and measured."""
WANTED_ROWS = 50
WANTED_ROWS_PER_LABEL = cleaning.FEW_ROWS
FEW_ROWS_PER_LABEL = 16
"""Rows of the middle label below which fine-tuning loses to a regression on frozen embeddings as a rule."""
IMBALANCE_SHARE = 0.8


def missing(rows: Rows) -> list[Finding]:
    """Count rows in which a text or a label is missing: no cell, or white space only."""
    found = []
    for role, name in rows.columns.items():
        empty = np.flatnonzero(~rows.everything.filled[role])
        if len(empty):
            code = "label_missing" if role == "label" else "text_missing"
            numbers = taken(rows.table.row_numbers, empty[:20].tolist())
            found.append(Finding("warn", code, {"count": len(empty), "column": name}, tuple(numbers)))
    return found or [Finding("pass", "no_missing", {"rows": rows.table.rows})]


def ways_of_writing(rows: Rows, counts: Sequence[tuple[str, int]]) -> list[Finding]:
    """Name labels that seem to be one label written in several ways, and lists of several labels."""
    found = label_variants.find(dict(counts))
    if not found:
        return _several(rows)
    values: Values = {
        "count": len(found), "rows": sum(one.rows for one in found),
        "labels": listed([f"{one.written} → {one.label}" for one in found]),
    }  # fmt: skip
    written = rows.numbers(_with(rows, [one.written for one in found]))
    return [Finding("warn", "label_variants", values, written), *_several(rows)]


def _several(rows: Rows) -> list[Finding]:
    """Name rows whose label is a list of several."""
    lists = [name for name in rows.fingerprints.names if name.startswith("[") and _items(name) > 1]
    flags = _with(rows, lists)
    values: Values = {"count": int(flags.sum()), "column": rows.columns["label"]}
    return [Finding("warn", "label_lists", values, rows.numbers(flags), rows.examples(flags))] if flags.any() else []


def _items(name: str) -> int:
    try:
        found = json.loads(name)
    except (ValueError, RecursionError):
        return 0
    return len(found) if isinstance(found, list) else 0


def order(rows: Rows) -> list[Finding]:
    """Say where the file is grouped by label, which matters to whoever trains on it in its own order."""
    labels = rows.fingerprints.labels
    changes = int((labels[1:] != labels[:-1]).sum())
    grouped = len(labels) >= WANTED_ROWS and 0 < changes == len(np.unique(labels)) - 1
    return [Finding("pass", "grouped_by_label", {"labels": changes + 1})] if grouped else []


def enough(rows: Rows, labels: Sequence[tuple[str, int]], label_limit: int) -> list[Finding]:
    """Say whether there are enough rows, labels, and rows of each label."""
    found: list[Finding] = []
    if len(rows) < MINIMUM_ROWS:
        found.append(Finding("fail", "too_few_rows", {"rows": len(rows), "minimum": MINIMUM_ROWS}))
    elif len(rows) < WANTED_ROWS:
        found.append(Finding("warn", "few_rows", {"rows": len(rows), "wanted": WANTED_ROWS}))
    else:
        found.append(Finding("pass", "enough_rows", {"rows": len(rows)}))
    if len(labels) == 1:
        found.append(Finding("fail", "one_class", {"label": labels[0][0]}))
    if len(labels) > label_limit:
        values: Values = {"labels": len(labels), "limit": label_limit}
        new = np.sort(np.unique(rows.fingerprints.labels, return_index=True)[1])  # where each label comes first
        found.append(Finding("fail", "too_many_labels", values, rows.numbers(new[label_limit:].tolist())))
    return found + (_balance(rows, labels) if len(labels) > 1 else [])


def _balance(rows: Rows, labels: Sequence[tuple[str, int]]) -> list[Finding]:
    found: list[Finding] = []
    rare = [(label, count) for label, count in labels if count < WANTED_ROWS_PER_LABEL]
    if rare:
        shown = listed([f"{label} ({count})" for label, count in reversed(rare)])
        values: Values = {"count": len(rare), "wanted": WANTED_ROWS_PER_LABEL, "labels": shown}
        found.append(Finding("warn", "rare_labels", values, rows.numbers(_with(rows, [label for label, _ in rare]))))
    middle = median(count for _, count in labels)
    if middle < FEW_ROWS_PER_LABEL:
        values = {"median": middle, "wanted": FEW_ROWS_PER_LABEL}
        found.append(Finding("warn", "few_rows_a_label", values))
    share = labels[0][1] / len(rows)
    uneven = share >= IMBALANCE_SHARE
    values = {"label": labels[0][0], "share": share}
    return [*found, Finding("warn" if uneven else "pass", "imbalance" if uneven else "balanced", values)]


def _with(rows: Rows, labels: Sequence[str]) -> Flags:
    """Return which rows have one of these labels."""
    code = {name: index for index, name in enumerate(rows.fingerprints.names)}
    flags: Flags = np.isin(rows.fingerprints.labels, [code[label] for label in labels])
    return flags
