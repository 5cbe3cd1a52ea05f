"""What the endpoints answer, as JSON: runs, findings and lengths in the API's names, sentences in English."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from bertdemo.analysis import report
from bertdemo.i18n.translation import DEFAULT, translate
from bertdemo.runs.status import RunStatus
from bertdemo.tables.table_files import Note
from bertdemo.ui.html.dataset import finding_values, note_values
from bertdemo.ui.html.runs import said

Json = dict[str, Any]


def status_fields(status: RunStatus) -> Json:
    """Return the answer of /run_status."""
    majority = status.started.majority if status.started else None
    linear = {kind: baseline.value for kind, baseline in status.baselines.items() if kind != "majority"}
    return {
        "state": status.state,
        "progress": status.progress,
        "seconds_left": status.seconds_left,
        "step": status.step,
        "steps": status.steps,
        "metrics": {name: dict(found) for name, found in status.metrics.items()},
        "baseline": ({"majority": majority} if majority is not None else {}) | linear or None,
        "checkpoint": status.checkpoint or None,
        "message": said(status.message, DEFAULT) if status.message else None,
    }


def summary_fields(status: RunStatus) -> Json:
    """Return a run in the answer of /runs."""
    first = next(iter(status.metrics.values()), {})
    return {
        "run_id": status.run_id,
        "name": status.name,
        "task": status.task,
        "state": status.state,
        "metric": first.get("value"),
        "low": first.get("low"),
        "high": first.get("high"),
        "seconds": status.seconds,
    }


def finding_fields(item: report.Finding) -> Json:
    """Return a finding of /check_data."""
    told = translate(DEFAULT, f"finding.{item.code}", **finding_values(item))
    return {"level": item.level, "code": item.code, "message": told, "rows": list(item.rows)}


def note_fields(item: Note) -> Json:
    """Return what was noted while the file was read, as a finding; its rows are the lines that are named."""
    told = translate(DEFAULT, f"table.{item.code}", **note_values(item))
    rows = [int(number) for number in re.findall(r"\d+", str(item.values.get("lines", "")))]
    return {"level": "warn", "code": item.code, "message": told, "rows": rows}


def length_fields(found: report.LengthSummary) -> Json:
    """Return the lengths of /check_data."""
    return {**asdict(found), "cut": [{"length": length, "share": share} for length, share in found.cut]}
