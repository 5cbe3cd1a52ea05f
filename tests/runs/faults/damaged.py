"""A run folder that holds a file of every kind, and everything that a server reads of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from bertdemo import tasks
from bertdemo.dataset import stored
from bertdemo.dataset.dataset_cache import DatasetCache
from bertdemo.processes import Identity
from bertdemo.runs import events as ev
from bertdemo.runs.admission import checked
from bertdemo.runs.class_map import MapPoint, RunMap
from bertdemo.runs.evaluation import evaluate
from bertdemo.runs.liveness.heartbeat import FILE as HEARTBEAT
from bertdemo.runs.liveness.heartbeat import Beat
from bertdemo.runs.liveness.process_files import note_exit, note_process, process_of
from bertdemo.runs.notes import RunNotes
from bertdemo.runs.registry import Registry
from bertdemo.runs.resume import checkpoints
from bertdemo.runs.resume.checkpoints import Conditions, Torn
from bertdemo.runs.status import status_of
from bertdemo.runs.worker.record import Base, Record
from bertdemo.settings import Settings
from bertdemo.tables.table_cache import TableCache
from bertdemo.ui.fine_tune.html.bar import render_progress
from bertdemo.ui.fine_tune.html.training import render_training
from bertdemo.ui.html.runs import state_words
from tests.runs.support import COLUMNS, request_for, rows_of, started, step, write_csv

ROW = {"row": 2, "text": "好 film", "label": "no", "predicted": "yes", "confidence": 0.75, "right": False,
       "given": [{"label": "no", "start": 0, "end": 0}], "said": [{"label": "yes", "start": 0, "end": 0}]}  # fmt: skip
METRICS = {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6}}
CONDITIONS = Conditions("2.13.0", "5.23.0", "2", "CPU", "a processor", "abc", "def")


def written(settings: Settings, registry: Registry, tmp_path: Path) -> str:
    """Return a finished run with a file of every kind."""
    source = write_csv(tmp_path / "a.csv", rows_of(12))
    request = request_for(source, checkpoint="bundled", baselines={"majority": {"metric": "accuracy", "value": 0.5}})
    run = registry.create(request, "", checked(request, DatasetCache(TableCache(settings)), settings.limits))
    folder = registry.folder(run)
    metrics = {"accuracy": 0.75}
    for event in (
        ev.Launched(2, 1, time.time(), warm=True),
        started(seq=3),
        step(4),
        ev.Evaluated(5, 1, 2.0, step=1, epoch=1.0, loss=0.5, metrics=metrics, best=True),
        ev.Saved(6, 1, 2.0, step=1, path="best/model.safetensors"),
        ev.Warned(7, 1, 2.0, message="warning.time_limit", values={"minutes": 20}),
        ev.Finished(8, 1, 3.0, checkpoint="", metrics=METRICS, evaluated_on="test", rows=1, seconds=2.0),
    ):
        registry.append(run, event)
    (folder / "evaluation.jsonl").write_text(2 * (json.dumps(ROW, ensure_ascii=False) + "\n"), encoding="utf-8")
    note_exit(folder, 0)
    note_process(folder, Identity.of())
    (folder / "cancel").touch()
    (folder / "worker.log").write_text("12:00:00 finished", encoding="utf-8")
    (folder / HEARTBEAT).write_text(json.dumps(asdict(Beat(3, 1, "training", 5))), encoding="utf-8")
    RunNotes("a name", "a note").write(folder)
    RunMap((MapPoint(2, "good", "no", (0.0, 1.0), (1.0, 0.0)),), (0.5, 0.25)).write(folder)
    record().write(folder)
    checkpoints.publish(folder, 1, 1, CONDITIONS, _save, evaluated=True)
    return run


def _save(draft: Path) -> None:
    (draft / "model.safetensors").write_bytes(b"weights")


def record() -> Record:
    return Record(
        task="classification", labels=("no", "yes"), base=Base("bundled", "a", "bundled", "x", None), model="Bert",
        config={"epochs": 2}, device="cpu", device_name="CPU", precision="float32", threads=2, metric="accuracy",
        lower_is_better=False, rows={"train": 8}, evaluated_on="test", python="3", versions={"torch": "2"},
    )  # fmt: skip


def views(registry: Registry, run: str) -> None:
    """Read a run as the page and the API do, and draw it."""
    for owner in ("", None):
        if run not in registry.ids(owner):
            continue
        status_of(registry.summary(run, owner))
        status = status_of(registry.read(run, owner))
        for lang in ("en", "zh") if owner == "" else ():
            state_words(status, lang)
            render_progress(status, lang)
            render_training(status, (), lang)
    process_of(registry._settings.runs / run)


def evaluation(registry: Registry, run: str) -> None:
    """Read and sum up the evaluated rows."""
    evaluate(registry.evaluation(run, ""), ("no", "yes"))


def resume(registry: Registry, run: str) -> None:
    """Look for what the run would go on from, as server and worker do."""
    views(registry, run)
    for checkpoint in checkpoints.folders(registry.folder(run)):
        try:
            checkpoints.verify(checkpoint)
        except Torn:
            continue


def dataset(registry: Registry, run: str) -> None:
    """Read the dataset as the worker does, which goes back to the uploaded file where it is damaged."""
    prepared = stored.load(registry.folder(run), tasks.find("classification"), COLUMNS)
    if prepared is not None:
        [part.rows for part in prepared.parts.values()]


# The readers of the files whose names begin so; all others are read by `views`.
READERS: Mapping[str, Callable[[Registry, str], object]] = {
    "evaluation.jsonl": evaluation,
    "class_map.json": lambda registry, run: registry.class_map(run, ""),
    "config.json": lambda registry, run: Record.read(registry.folder(run)),
    "resume": resume,
    "dataset.json": dataset,
    "data": dataset,
}


def read(registry: Registry, run: str, file: str) -> None:
    """Do all that reads this file of a run folder."""
    registry._forget(run)
    READERS.get(file.split("/", maxsplit=1)[0], views)(registry, run)
