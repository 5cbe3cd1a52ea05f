"""Columns that number the rows, columns that give the label away, and texts that name their own label.

A column gives the label away where each of its values goes with one label. Every row is asked in turn: knowing the
other rows, would the most frequent label among those with its value be right? A value that stands alone says
nothing, so that a running number is none. What guessing the most frequent label reaches is taken off first.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bertdemo.analysis.report.finding import Finding, Values, listed
from bertdemo.analysis.report.rows import Rows
from bertdemo.dataset.fingerprints import Flags, Numbers, groups, hashed
from bertdemo.tables.column_profiles import identifiers

ENOUGH_ROWS = 20
"""With fewer rows almost any column determines almost any other by chance."""
GIVES_AWAY = 0.9
NAMES_ITSELF = 0.5
"""Share of the rows whose text must hold its own label, and twice as many as hold another one."""
_ALL_DIFFERENT = 0.98
_VALUES_NAMED = 3


def findings(rows: Rows, progress: Callable[[float], None] = lambda share: None) -> list[Finding]:
    """Look at every column that plays no role, over all usable rows."""
    looks = identifiers(rows.table)
    found, numbered = [], []
    if rows.columns["text"] in looks:
        some = np.ones(len(rows), dtype=np.bool_)
        values: Values = {"column": rows.columns["text"], "count": len(rows)}
        examples = rows.examples(some, copies=False)
        found.append(Finding("warn", "text_is_id", values, rows.numbers(some)[: len(examples)], examples))
    others = [name for name in rows.table.columns if name not in rows.columns.values()]
    for done, name in enumerate(others, 1):
        cells = hashed(rows.table.columns[name])
        filled = cells[cells != 0]
        if name in looks and len(np.unique(filled)) >= _ALL_DIFFERENT * len(filled):
            numbered.append(name)
        else:
            found += _giveaway(rows, name, cells[rows.index])
        progress(done / len(others))
    if numbered:
        found.append(Finding("pass", "id_columns", {"count": len(numbered), "columns": listed(numbered)}))
    found += _named(rows)
    if len(rows) >= ENOUGH_ROWS and not any(finding.level == "warn" for finding in found):
        found.append(Finding("pass", "no_giveaway", {}))
    return found


def _giveaway(rows: Rows, name: str, cells: Numbers) -> list[Finding]:
    labels = rows.fingerprints.labels
    counts = np.bincount(labels)
    if len(rows) < ENOUGH_ROWS or (counts > 0).sum() < 2:
        return []
    told, distinct = determined(cells, labels)
    guess = counts.max() / len(rows)
    if (told.mean() - guess) / (1 - guess) < GIVES_AWAY:
        return []
    code = "label_copied" if distinct == (counts > 0).sum() else "label_given_away"
    values: Values = {
        "column": name, "count": int(told.sum()), "share": float(told.mean()),
        "values": _pairs(rows, name, cells, told),
    }  # fmt: skip
    return [Finding("warn", code, values, rows.numbers(told))]


def determined(cells: Numbers, labels: Numbers) -> tuple[Flags, int]:
    """Return for which rows the other rows with the same cell tell the label, and how many different cells there are.

    A row is told where, without it, its label is the most frequent one among them, and no other is as frequent.
    """
    group, count = groups(cells)
    wide = int(labels.max(initial=0)) + 1
    pairs, inverse, rows = np.unique(group * wide + labels, return_inverse=True, return_counts=True)
    of = pairs // wide
    by_size = np.lexsort((-rows, of))  # the largest pair of each group comes first
    starts = np.flatnonzero(np.r_[True, of[by_size][1:] != of[by_size][:-1]]) if len(by_size) else by_size
    largest = np.zeros(count, dtype=np.int64)
    second = np.zeros(count, dtype=np.int64)
    largest[of[by_size[starts]]] = rows[by_size[starts]]
    after = starts + 1
    after = after[(after < len(by_size))]
    after = after[~np.isin(after, starts)]
    second[of[by_size[after]]] = rows[by_size[after]]
    # A pair is the largest of its group, or tied with it: then the other one is as large.
    rival = np.where(rows == largest[of], second[of], largest[of])
    told: Flags = (rows - 1 > rival)[inverse.reshape(-1)]
    return told, count


def _pairs(rows: Rows, name: str, cells: Numbers, told: Flags) -> str:
    """Return the most frequent values with their labels: `5 → good, 1 → bad`."""
    values, first, counts = np.unique(cells[told], return_index=True, return_counts=True)
    places = np.flatnonzero(told)
    often = sorted(range(len(values)), key=lambda i: (-counts[i], first[i]))
    shown = []
    for i in often[:_VALUES_NAMED]:
        place = int(places[first[i]])
        cell = rows.table.columns[name][int(rows.index[place])]
        label = rows.fingerprints.names[rows.fingerprints.labels[place]]
        shown.append(f"{_short((cell or '').strip() or '–')} → {_short(label)}")
    return ", ".join(shown) + (" …" if len(values) > _VALUES_NAMED else "")


def _short(text: str) -> str:
    return text if len(text) <= 24 else text[:23] + "…"


def _named(rows: Rows) -> list[Finding]:
    """Find texts that hold their own label as a word, where most do and far more than hold another one."""
    if len(rows) < ENOUGH_ROWS or len(rows.counts()) < 2:
        return []
    own, other = rows.fingerprints.named, rows.fingerprints.named_other
    if own.mean() < NAMES_ITSELF or own.sum() < 2 * other.sum():
        return []
    values: Values = {"count": int(own.sum()), "share": float(own.mean())}
    return [Finding("warn", "label_in_text", values, rows.numbers(own), rows.examples(own, copies=False))]
