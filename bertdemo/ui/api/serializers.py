"""The answers of the endpoints as JSON: runs, findings and lengths under the API's names, sentences in English."""

from __future__ import annotations

import re
from dataclasses import asdict

from bertdemo.analysis import report
from bertdemo.anatomy.layers import HeadTrace, LayerTrace
from bertdemo.i18n.translation import DEFAULT, translate
from bertdemo.runs.queue.line import Place
from bertdemo.runs.registry import RunView
from bertdemo.runs.status import status_of
from bertdemo.serving.predictor import POOLINGS
from bertdemo.tables.table_files import Note
from bertdemo.ui.html.dataset import finding_values, note_values
from bertdemo.ui.html.runs import message_words

Json = dict[str, object]


def status_fields(view: RunView, place: Place) -> Json:
    """Return the answer of /run_status."""
    status = status_of(view)
    queued = status.state == "queued"
    majority = status.started.majority if status.started else None
    # The majority class is known again from the split of the run itself.
    linear = {kind: baseline.value for kind, baseline in status.baselines.items() if kind != "majority"}
    return {
        "state": status.state,
        "progress": status.progress,
        "seconds_left": status.seconds_left,
        "ahead": place.ahead if queued else None,
        "wait_seconds": place.seconds if queued else None,
        "step": status.step,
        "steps": status.steps,
        "metrics": {name: dict(score) for name, score in status.metrics.items()},
        "baseline": ({"majority": majority} if majority is not None else {}) | linear or None,
        "checkpoint": status.checkpoint or None,
        "message": message_words(status.message, DEFAULT) if status.message else None,
    }


def summary_fields(view: RunView) -> Json:
    """Return a run in the answer of /runs."""
    status = status_of(view)
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
    """Return a finding in the answer of /check_data."""
    message = translate(DEFAULT, f"finding.{item.code}", **finding_values(item))
    return {"level": item.level, "code": item.code, "message": message, "rows": list(item.rows)}


def note_fields(item: Note) -> Json:
    """Return what was noted while the file was parsed, as a finding; its rows are the lines that it names."""
    message = translate(DEFAULT, f"table.{item.code}", **note_values(item))
    rows = [int(number) for number in re.findall(r"\d+", str(item.values.get("lines", "")))]
    return {"level": "warn", "code": item.code, "message": message, "rows": rows}


def length_fields(lengths: report.LengthSummary) -> Json:
    """Return the text lengths in the answer of /check_data."""
    return {**asdict(lengths), "cut": [{"length": length, "share": share} for length, share in lengths.cut]}


def inspection_fields(inspection: LayerTrace, attention: HeadTrace) -> Json:
    """Return the answer of /inspect."""
    return {
        "tokens": [token.piece for token in inspection.trace.tokens],
        "attention": attention.weights.tolist(),
        "scores": attention.scores.tolist(),
        "pooled": {name: inspection.pooled[name].tolist() for name in POOLINGS},
        "checks": {**inspection.checks, "attention": attention.difference, "layer": attention.layer_difference},
    }
