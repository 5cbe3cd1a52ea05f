"""Checks of a validation or test file: texts that are in the training data too, and labels that are not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bertdemo.analysis.report.finding import Finding, Values, listed
from bertdemo.analysis.report.rows import Rows
from bertdemo.dataset.fingerprints import Flags
from bertdemo.dataset.prepared import HeldOutFile
from bertdemo.tables.held_out_files import display_name


def overlap(rows: Rows, files: Mapping[str, HeldOutFile], shared: Flags, *, labeled: bool = True) -> list[Finding]:
    """Compare the training rows with each file; `shared` (usable rows,) says whose text is in one of the files.

    With `labeled`, labels that no training row has are a failure.
    """
    findings: list[Finding] = []
    for file in files.values():
        table = file.table
        if file.fingerprints is None:
            values: Values = {
                "file": display_name(table),
                "column": file.missing,
                "columns": listed(list(table.columns)),
            }
            findings.append(Finding("fail", "held_out_column", values))
            continue
        held_out = Rows.of(table, rows.columns, file.fingerprints)
        if not len(held_out):
            findings.append(Finding("fail", "held_out_empty", {"file": display_name(table)}))
            continue
        findings += [*(_unknown_labels(rows, held_out) if labeled else []), _shared_texts(rows, held_out)]
    if files and len(rows) and shared.all():
        names = ", ".join(display_name(file.table) for file in files.values())
        findings = [finding for finding in findings if finding.code != "held_out_shared"]
        findings.append(Finding("fail", "held_out_all", {"rows": len(rows), "file": names}))
    return findings


def _shared_texts(rows: Rows, held_out: Rows) -> Finding:
    """Name the training rows whose text is in the held-out file too, and its rows there."""
    file = display_name(held_out.table)
    flags: Flags = np.isin(rows.fingerprints.keys, held_out.fingerprints.keys)
    if not flags.any():
        return Finding("pass", "held_out_apart", {"file": file, "rows": len(held_out)})
    places = held_out.numbers(np.isin(held_out.fingerprints.keys, rows.fingerprints.keys))
    values: Values = {"file": file, "count": int(flags.sum()), "places": listed(list(map(str, places)))}
    return Finding("warn", "held_out_shared", values, rows.numbers(flags), rows.examples(flags))


def _unknown_labels(rows: Rows, held_out: Rows) -> list[Finding]:
    """Name the rows of the held-out file whose label no training row has."""
    known = {label for label, _ in rows.counts()}
    labels, names = held_out.fingerprints.labels, held_out.fingerprints.names
    flags: Flags = np.isin(labels, [code for code, name in enumerate(names) if name not in known])
    if not flags.any():
        return []
    unknown = [names[code] for code in np.unique(labels[flags]).tolist()]
    values: Values = {
        "file": display_name(held_out.table),
        "count": len(unknown),
        "labels": listed(unknown),
        "places": listed(list(map(str, held_out.numbers(flags)))),
    }
    return [Finding("fail", "held_out_unknown", values)]
