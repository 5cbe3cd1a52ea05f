"""Checks of the labels: enough rows in all and per label, balance, other spellings, order in the file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from statistics import median

import numpy as np

from bertdemo.analysis.report.finding import ROWS_NAMED, Finding, Values, listed
from bertdemo.analysis.report.rows import Rows
from bertdemo.dataset import cleaning, label_variants
from bertdemo.dataset.fingerprints import Flags
from bertdemo.tables.arrow_columns import cells_at

# With fewer usable rows nothing can be both trained and evaluated.
MINIMUM_ROWS = 4
# With fewer rows the report warns: at most ten of them, a fifth, evaluate the model.
WANTED_ROWS = 50
WANTED_ROWS_PER_LABEL = cleaning.FEW_ROWS
# Median rows per label below which a linear probe on frozen embeddings usually beats fine-tuning.
FEW_ROWS_PER_LABEL = 16
# Share of one label from which the majority-class baseline looks like a good accuracy.
IMBALANCE_SHARE = 0.8


def missing(rows: Rows) -> list[Finding]:
    """Count rows in which a text or a label is missing: no cell, or white space only."""
    findings = []
    for slot, name in rows.columns.items():
        empty = np.flatnonzero(~rows.everything.filled[slot])
        if len(empty):
            code = "label_missing" if slot == "label" else "text_missing"
            numbers = cells_at(rows.table.row_numbers, empty[:ROWS_NAMED].tolist())
            findings.append(Finding("warn", code, {"count": len(empty), "column": name}, tuple(numbers)))
    return findings or [Finding("pass", "no_missing", {"rows": rows.table.rows})]


def variants(rows: Rows, counts: Sequence[tuple[str, int]]) -> list[Finding]:
    """Name labels that seem to be other spellings of a label, and labels that are lists of several."""
    spellings = label_variants.find(dict(counts))
    if not spellings:
        return _lists(rows)
    values: Values = {
        "count": len(spellings),
        "rows": sum(variant.rows for variant in spellings),
        "labels": listed([f"{variant.written} → {variant.label}" for variant in spellings]),
    }
    numbers = rows.numbers(_with(rows, [variant.written for variant in spellings]))
    return [Finding("warn", "label_variants", values, numbers), *_lists(rows)]


def _lists(rows: Rows) -> list[Finding]:
    """Name rows whose label is a list of several labels."""
    lists = [name for name in rows.fingerprints.names if name.startswith("[") and _items(name) > 1]
    flags = _with(rows, lists)
    values: Values = {"count": int(flags.sum()), "column": rows.columns["label"]}
    return [Finding("warn", "label_lists", values, rows.numbers(flags), rows.examples(flags))] if flags.any() else []


def _items(name: str) -> int:
    try:
        value = json.loads(name)
    except (ValueError, RecursionError):
        return 0
    return len(value) if isinstance(value, list) else 0


def order(rows: Rows) -> list[Finding]:
    """Return a finding where the file is sorted by label, which matters when training in the file's order."""
    labels = rows.fingerprints.labels
    changes = int((labels[1:] != labels[:-1]).sum())
    grouped = len(labels) >= WANTED_ROWS and 0 < changes == len(np.unique(labels)) - 1
    return [Finding("pass", "grouped_by_label", {"labels": changes + 1})] if grouped else []


def enough(rows: Rows, labels: Sequence[tuple[str, int]], label_limit: int) -> list[Finding]:
    """Return findings on the number of rows, of labels, and of rows per label."""
    findings: list[Finding] = []
    if len(rows) < MINIMUM_ROWS:
        findings.append(Finding("fail", "too_few_rows", {"rows": len(rows), "minimum": MINIMUM_ROWS}))
    elif len(rows) < WANTED_ROWS:
        findings.append(Finding("warn", "few_rows", {"rows": len(rows), "wanted": WANTED_ROWS}))
    else:
        findings.append(Finding("pass", "enough_rows", {"rows": len(rows)}))
    if len(labels) == 1:
        findings.append(Finding("fail", "one_class", {"label": labels[0][0]}))
    if len(labels) > label_limit:
        values: Values = {"labels": len(labels), "limit": label_limit}
        first_rows = np.sort(np.unique(rows.fingerprints.labels, return_index=True)[1])  # (labels,)
        findings.append(Finding("fail", "too_many_labels", values, rows.numbers(first_rows[label_limit:].tolist())))
    return findings + (_balance(rows, labels) if len(labels) > 1 else [])


def _balance(rows: Rows, labels: Sequence[tuple[str, int]]) -> list[Finding]:
    findings: list[Finding] = []
    rare = [(label, count) for label, count in labels if count < WANTED_ROWS_PER_LABEL]
    if rare:
        names = listed([f"{label} ({count})" for label, count in reversed(rare)])
        values: Values = {"count": len(rare), "wanted": WANTED_ROWS_PER_LABEL, "labels": names}
        findings.append(Finding("warn", "rare_labels", values, rows.numbers(_with(rows, [name for name, _ in rare]))))
    middle = median(count for _, count in labels)
    if middle < FEW_ROWS_PER_LABEL:
        findings.append(Finding("warn", "few_rows_a_label", {"median": middle, "wanted": FEW_ROWS_PER_LABEL}))
    label, count = labels[0]
    uneven = count / len(rows) >= IMBALANCE_SHARE
    values = {"label": label, "share": count / len(rows)}
    return [*findings, Finding("warn" if uneven else "pass", "imbalance" if uneven else "balanced", values)]


def _with(rows: Rows, labels: Sequence[str]) -> Flags:
    """Return which rows have one of these labels."""
    code = {name: index for index, name in enumerate(rows.fingerprints.names)}
    flags: Flags = np.isin(rows.fingerprints.labels, [code[label] for label in labels])
    return flags
