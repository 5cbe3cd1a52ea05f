"""What a validation or test file has in common with the training data, and what it asks that was never learned."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bertdemo.analysis.report.finding import Finding, Values, listed
from bertdemo.analysis.report.rows import Rows
from bertdemo.dataset.fingerprints import Flags
from bertdemo.dataset.prepared import HeldOutFile
from bertdemo.tables.held_out_files import called


def look(rows: Rows, files: Mapping[str, HeldOutFile], shared: Flags, *, labeled: bool = True) -> list[Finding]:
    """Compare the training rows with each file; `shared` are the positions whose text stands in one of them.

    Whether a label is new is asked where it is one out of a few.
    """
    found: list[Finding] = []
    for file in files.values():
        table = file.table
        if file.fingerprints is None:
            values: Values = {"file": called(table), "column": file.missing, "columns": listed(list(table.columns))}
            found.append(Finding("fail", "held_out_column", values))
            continue
        own = Rows.of(table, rows.columns, file.fingerprints)
        if not len(own):
            found.append(Finding("fail", "held_out_empty", {"file": called(table)}))
            continue
        flags: Flags = np.isin(rows.fingerprints.keys, own.fingerprints.keys)
        found += [*(_unknown(rows, own) if labeled else []), _shared(rows, own, flags)]
    if files and len(rows) and shared.all():
        names = ", ".join(called(file.table) for file in files.values())
        found = [finding for finding in found if finding.code != "held_out_shared"]
        found.append(Finding("fail", "held_out_all", {"rows": len(rows), "file": names}))
    return found


def _shared(rows: Rows, own: Rows, flags: Flags) -> Finding:
    """Name the training rows whose text is asked too, and where it is asked."""
    if not flags.any():
        return Finding("pass", "held_out_apart", {"file": called(own.table), "rows": len(own)})
    places = own.numbers(np.isin(own.fingerprints.keys, rows.fingerprints.keys))
    values: Values = {"file": called(own.table), "count": int(flags.sum()), "places": listed([str(n) for n in places])}
    return Finding("warn", "held_out_shared", values, rows.numbers(flags), rows.examples(flags))


def _unknown(rows: Rows, own: Rows) -> list[Finding]:
    """Name the rows of the file whose label no training row has."""
    known = {label for label, _ in rows.counts()}
    new = [code for code, name in enumerate(own.fingerprints.names) if name not in known]
    flags: Flags = np.isin(own.fingerprints.labels, new)
    if not flags.any():
        return []
    names = [own.fingerprints.names[code] for code in np.unique(own.fingerprints.labels[flags]).tolist()]
    values: Values = {
        "file": called(own.table), "count": len(names), "labels": listed(names),
        "places": listed([str(number) for number in own.numbers(flags)]),
    }  # fmt: skip
    return [Finding("fail", "held_out_unknown", values)]
