"""Runs whose folders are written in place of training: any number of labels, texts and scores of our choosing."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry
from tests.runs.support import request_for, started, step

# Beginnings of labels as a help desk has them; the number tells them apart, and all are of 60 characters.
_TOPICS = ("card payment was declined at", "transfer has not arrived from", "change of address asked in")


def long_labels(count: int) -> tuple[str, ...]:
    """Return labels of 60 characters."""
    return tuple(
        f"{i:03d} {_TOPICS[i % 3]} branch office number {i} and so on ".ljust(60, "x")[:60] for i in range(count)
    )


def confused_rows(labels: Sequence[str], count: int, every: int = 4) -> list[dict[str, object]]:
    """Return evaluated rows, of which every `every`th is predicted as a label nearby."""
    rows = []
    for i in range(count):
        label = labels[i % len(labels)]
        wrong = i % every == 0
        predicted = labels[(i % len(labels) + 1 + i % 3) % len(labels)] if wrong else label
        text = f"{i}: I have been waiting since Monday, nobody has called me back, and the app shows an error. " * 2
        rows.append(
            {"row": i + 2, "text": text, "label": label, "predicted": predicted, "confidence": 0.5 + i % 50 / 100}
        )
    return rows


def store(
    registry: Registry,
    data: Path,
    rows: Sequence[Mapping[str, object]],
    labels: Sequence[str],
    *,
    value: float = 0.75,
    config: Mapping[str, Any] | None = None,
    task: str = "classification",
    baselines: Mapping[str, float] | None = None,
    **more: Any,
) -> str:
    """Write a finished run and return its id."""
    known = {kind: {"metric": "accuracy", "value": score} for kind, score in (baselines or {}).items()}
    request = replace(request_for(data, checkpoint="bundled", config=config, baselines=known, **more), task=task)
    run = registry.create(request, "")
    lines = [json.dumps(row) for row in rows]
    (registry.folder(run) / "evaluation.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    metrics = {
        "accuracy": {"value": value, "low": value - 0.04, "high": value + 0.04},
        "macro_f1": {"value": value - 0.02, "low": value - 0.06, "high": value + 0.02},
    }
    evaluated = [
        ev.Evaluated(
            seq=4 + i, attempt=1, at=2.0, step=i, epoch=float(i), loss=1.0 / i, metrics={"accuracy": y}, best=i == 2
        )
        for i, y in ((1, value - 0.1), (2, value))
    ]
    used = request.config.used()
    registry.append(run, started(seq=2, labels=tuple(labels), majority=1 / len(labels), config=used))
    registry.append(run, step(seq=3))
    for event in evaluated:
        registry.append(run, event)
    registry.append(run, ev.Finished(
        seq=9, attempt=1, at=time.time(), checkpoint="", metrics=metrics, evaluated_on="test", rows=len(rows),
        seconds=84,
    ))  # fmt: skip
    return run
