"""Target leakage: columns that predict the label, texts that contain their own label; and columns of row ids.

A column leaks the label where each of its values goes with one label. This is a leave-one-out test: is the most
frequent label among the other rows with the same value the row's own? A value that occurs once predicts nothing, so a
row number does not leak. The score is corrected for the majority-class baseline, like Cohen's kappa.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bertdemo.analysis.report.finding import Finding, Values, listed
from bertdemo.analysis.report.rows import Rows
from bertdemo.dataset.fingerprints import Flags, Numbers, hashed
from bertdemo.tables.column_profiles import identifiers

# With fewer rows almost any column determines almost any other by chance.
ENOUGH_ROWS = 20
# Corrected share of predicted rows from which a column leaks the label; not 1, because real files have odd cells.
LEAKS = 0.9
# With fewer rows a label goes with the value of some column by chance.
_ROWS_OF_LABEL = 8
# Share of the rows whose text must contain its own label, and twice as many as contain another one.
CONTAINS_LABEL = 0.5
# Share of distinct values from which a column of codes numbers the rows: a few may be repeated by mistake.
_ALL_DISTINCT = 0.98
_VALUES_NAMED = 3


def findings(rows: Rows, progress: Callable[[float], None] = lambda share: None) -> list[Finding]:
    """Check the text, and every column without a role, over all usable rows."""
    id_like = identifiers(rows.table)
    findings, numbered = [], []
    if rows.columns["text"] in id_like:
        every_row = np.ones(len(rows), dtype=np.bool_)
        values: Values = {"column": rows.columns["text"], "count": len(rows)}
        examples = rows.examples(every_row, copies=False)
        findings.append(Finding("warn", "text_is_id", values, rows.numbers(every_row)[: len(examples)], examples))
    others = [name for name in rows.table.columns if name not in rows.columns.values()]
    for done, name in enumerate(others, 1):
        cells = hashed(rows.table.columns[name])
        filled = cells[cells != 0]
        if name in id_like and len(np.unique(filled)) >= _ALL_DISTINCT * len(filled):
            numbered.append(name)
        else:
            findings += _leaking_column(rows, name, cells[rows.index])
        progress(done / len(others))
    if numbered:
        findings.append(Finding("pass", "id_columns", {"count": len(numbered), "columns": listed(numbered)}))
    findings += _label_in_text(rows)
    if len(rows) >= ENOUGH_ROWS and not any(finding.level == "warn" for finding in findings):
        findings.append(Finding("pass", "no_giveaway", {}))
    return findings


def _leaking_column(rows: Rows, name: str, cells: Numbers) -> list[Finding]:
    labels = rows.fingerprints.labels
    counts = np.bincount(labels)
    if len(rows) < ENOUGH_ROWS or (counts > 0).sum() < 2:
        return []
    predicted, distinct = determined(cells, labels)
    majority = counts.max() / len(rows)
    if (predicted.mean() - majority) / (1 - majority) < LEAKS:
        return _leaking_label(rows, name, cells)
    code = "label_copied" if distinct == (counts > 0).sum() else "label_given_away"
    values: Values = {
        "column": name,
        "count": int(predicted.sum()),
        "share": float(predicted.mean()),
        "values": _pairs(rows, name, cells, predicted),
    }
    return [Finding("warn", code, values, rows.numbers(predicted))]


def _leaking_label(rows: Rows, name: str, cells: Numbers) -> list[Finding]:
    """Find a label that a column gives away although it says nothing of the others: the reason for a complaint, say.

    Either its values stand in the rows of that label and no others, or it is filled in them alone.
    """
    labels = rows.fingerprints.labels
    for code, count in enumerate(np.bincount(labels).tolist()):
        own = (labels == code).astype(np.int64)
        base = max(own.mean(), 1 - own.mean())
        for groups in (cells, (cells != 0).astype(np.int64)) if count >= _ROWS_OF_LABEL and base < 1 else ():
            predicted, _ = determined(groups, own)
            if (predicted.mean() - base) / (1 - base) >= LEAKS:
                values: Values = {"column": name, "label": rows.fingerprints.names[code], "count": count}
                return [Finding("warn", "label_partly_given_away", values, rows.numbers(own > 0))]
    return []


def determined(cells: Numbers, labels: Numbers) -> tuple[Flags, int]:
    """Return which rows are predicted by the other rows with the same cell, (rows,), and the number of distinct cells.

    A row is predicted if, without it, its label is the most frequent one among the rows with its cell, without a tie.
    """
    import pandas as pd  # inside: only a report needs it

    groups, distinct = pd.factorize(cells)
    base = int(labels.max(initial=0)) + 1
    pair_of_row, pairs = pd.factorize(groups * base + labels)
    rows = np.bincount(pair_of_row, minlength=len(pairs))  # (pairs,)
    group = pairs // base
    order = np.lexsort((-rows, group))  # the largest pair of each group comes first
    first = np.diff(group[order], prepend=-1) != 0
    following = np.append(rows[order][1:] * ~first[1:], 0)[: len(order)]  # the next pair of the same group, or 0
    rival = np.empty_like(rows)  # (pairs,), the largest other pair of the group
    rival[order] = np.where(first, following, rows[order][first][np.cumsum(first) - 1])
    predicted: Flags = (rows - 1 > rival)[pair_of_row]
    return predicted, len(distinct)


def _pairs(rows: Rows, name: str, cells: Numbers, predicted: Flags) -> str:
    """Return the most frequent values with their labels: `5 → good, 1 → bad`."""
    values, first, counts = np.unique(cells[predicted], return_index=True, return_counts=True)
    positions = np.flatnonzero(predicted)[first]  # (values,), the first row of each
    pairs = []
    for position in positions[np.lexsort((first, -counts))][:_VALUES_NAMED].tolist():
        cell = rows.table.columns[name][int(rows.index[position])]
        label = rows.fingerprints.names[rows.fingerprints.labels[position]]
        pairs.append(f"{_short((cell or '').strip() or '–')} → {_short(label)}")
    return ", ".join(pairs) + (" …" if len(values) > _VALUES_NAMED else "")


def _short(text: str) -> str:
    return text if len(text) <= 24 else text[:23] + "…"


def _label_in_text(rows: Rows) -> list[Finding]:
    """Find texts that contain their own label as a word, where most do and far more than contain another one."""
    if len(rows) < ENOUGH_ROWS or len(rows.counts()) < 2:
        return []
    named, named_other = rows.fingerprints.named, rows.fingerprints.named_other
    if named.mean() < CONTAINS_LABEL or named.sum() < 2 * named_other.sum():
        return []
    values: Values = {"count": int(named.sum()), "share": float(named.mean())}
    return [Finding("warn", "label_in_text", values, rows.numbers(named), rows.examples(named, copies=False))]
