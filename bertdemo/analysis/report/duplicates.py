"""Texts that come again: with the same label, with another one, and on both sides of the split."""

from __future__ import annotations

import numpy as np

from bertdemo.analysis.report.finding import Finding
from bertdemo.analysis.report.rows import Rows
from bertdemo.dataset.fingerprints import conflicting, repeated
from bertdemo.dataset.split import Split


def repeats(rows: Rows, *, labeled: bool = True) -> list[Finding]:
    """Count rows that say the same again, and texts to which different labels were given (where they are labels)."""
    if not len(rows):
        return []
    fingerprints = rows.fingerprints
    again = repeated(fingerprints.keys, fingerprints.labels)
    found = [Finding("pass", "no_duplicates", {})]
    if again.any():
        exact = repeated(fingerprints.exact, fingerprints.labels)
        values = {"count": int(again.sum()), "exact": int(exact.sum())}
        found = [Finding("warn", "duplicates", values, rows.numbers(again), rows.examples(again))]
    if not labeled:
        return found
    clash = conflicting(fingerprints.keys, fingerprints.labels)
    if not clash.any():
        return [*found, Finding("pass", "no_conflicts", {})]
    values = {"texts": len(np.unique(fingerprints.keys[clash])), "rows": int(clash.sum())}
    return [*found, Finding("warn", "conflicting_labels", values, rows.numbers(clash), rows.examples(clash))]


def kept_together(rows: Rows, parts: Split) -> list[Finding]:
    """Say how many rows are copies, which are kept in one part of the split."""
    if not parts.copies:
        return []
    flags = np.zeros(len(rows), dtype=np.bool_)
    flags[list(parts.copy_rows)] = True
    return [Finding("pass", "copies_together", {"count": parts.copies}, rows.numbers(flags), rows.examples(flags))]
