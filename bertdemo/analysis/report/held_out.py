"""What a validation or test file has in common with the training data, and what it asks that was never learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bertdemo.analysis.report.finding import Finding, Values, listed
from bertdemo.analysis.report.rows import Rows
from bertdemo.dataset.fingerprints import Flags
from bertdemo.tables.held_out_files import called
from bertdemo.tables.table import Table


@dataclass(frozen=True)
class HeldOut:
    """What was found in all files together."""

    findings: tuple[Finding, ...]
    rows: Mapping[str, int]
    """Role -> usable rows of its file."""
    shared: Flags
    """Positions of the rows whose text stands in one of the files; they are not learnt."""


def look(rows: Rows, files: Mapping[str, Table], *, labelled: bool = True) -> HeldOut:
    """Compare the training rows with each file, whose rows are those of the same columns.

    Whether a label is new is asked where it is one out of a few.
    """
    found: list[Finding] = []
    sizes: dict[str, int] = {}
    shared = np.zeros(len(rows), dtype=np.bool_)
    for role, table in files.items():
        missing = [column for column in rows.columns.values() if column not in table.columns]
        if missing:
            values: Values = {"file": called(table), "column": missing[0], "columns": listed(list(table.columns))}
            found.append(Finding("fail", "held_out_column", values))
            continue
        own = Rows.of(table, rows.columns)
        sizes[role] = len(own)
        if not len(own):
            found.append(Finding("fail", "held_out_empty", {"file": called(table)}))
            continue
        flags: Flags = np.isin(rows.marks.keys, own.marks.keys)
        shared |= flags
        found += [*(_unknown(rows, own) if labelled else []), _shared(rows, own, flags)]
    if len(rows) and shared.all():
        names = ", ".join(map(called, files.values()))
        found = [one for one in found if one.code != "held_out_shared"]
        found.append(Finding("fail", "held_out_all", {"rows": len(rows), "file": names}))
    return HeldOut(tuple(found), sizes, shared)


def _shared(rows: Rows, own: Rows, flags: Flags) -> Finding:
    """Name the training rows whose text is asked too, and where it is asked."""
    if not flags.any():
        return Finding("pass", "held_out_apart", {"file": called(own.table), "rows": len(own)})
    places = own.numbers(np.isin(own.marks.keys, rows.marks.keys))
    values: Values = {"file": called(own.table), "count": int(flags.sum()), "places": listed([str(n) for n in places])}
    return Finding("warn", "held_out_shared", values, rows.numbers(flags), rows.examples(flags))


def _unknown(rows: Rows, own: Rows) -> list[Finding]:
    """Name the rows of the file whose label no training row has."""
    known = {label for label, _ in rows.counts()}
    new = [code for code, name in enumerate(own.marks.names) if name not in known]
    flags: Flags = np.isin(own.marks.labels, new)
    if not flags.any():
        return []
    names = [own.marks.names[code] for code in np.unique(own.marks.labels[flags]).tolist()]
    values: Values = {
        "file": called(own.table), "count": len(names), "labels": listed(names),
        "places": listed([str(number) for number in own.numbers(flags)]),
    }  # fmt: skip
    return [Finding("fail", "held_out_unknown", values)]
