"""Duplicate texts: with the same label, with conflicting labels, and kept in one part of the split."""

from __future__ import annotations

import numpy as np

from bertdemo.analysis.report.finding import Finding
from bertdemo.analysis.report.rows import Rows
from bertdemo.dataset.fingerprints import conflicting, repeated
from bertdemo.dataset.split import Split


def repeats(rows: Rows, *, labeled: bool = True) -> list[Finding]:
    """Count rows that repeat a text and its label, and with `labeled` texts that have several labels."""
    if not len(rows):
        return []
    fingerprints = rows.fingerprints
    duplicate = repeated(fingerprints.keys, fingerprints.labels)
    finding = Finding("pass", "no_duplicates", {})
    if duplicate.any():
        exact = repeated(fingerprints.exact, fingerprints.labels)
        values = {"count": int(duplicate.sum()), "exact": int(exact.sum())}
        finding = Finding("warn", "duplicates", values, rows.numbers(duplicate), rows.examples(duplicate))
    if not labeled:
        return [finding]
    conflict = conflicting(fingerprints.keys, fingerprints.labels)
    if not conflict.any():
        return [finding, Finding("pass", "no_conflicts", {})]
    values = {"texts": len(np.unique(fingerprints.keys[conflict])), "rows": int(conflict.sum())}
    return [finding, Finding("warn", "conflicting_labels", values, rows.numbers(conflict), rows.examples(conflict))]


def kept_together(rows: Rows, parts: Split) -> list[Finding]:
    """Return a finding with the number of rows that share their text, which are in one part of the split."""
    if not parts.copies:
        return []
    flags = np.zeros(len(rows), dtype=np.bool_)
    flags[list(parts.copy_rows)] = True
    return [Finding("pass", "copies_together", {"count": parts.copies}, rows.numbers(flags), rows.examples(flags))]
