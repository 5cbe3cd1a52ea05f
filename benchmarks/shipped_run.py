"""`make shipped-run`: train the run that ships with the app, and write it into bertdemo/runs/shipped/files.

All layers but the last one are frozen, so that the tensors that change fit in 4 MB. They are rounded to bfloat16, and
the rounded model is evaluated: what the run shows is what its checkpoint gives.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.accuracy import train_to_end
from bertdemo import samples, tasks
from bertdemo.checkpoints import Catalogue, bundled
from bertdemo.checkpoints.info import CARD_FILE, PUBLIC
from bertdemo.checkpoints.loading import HEAD_FILE, open_model, tensors_of
from bertdemo.run_config import RunConfig
from bertdemo.runs import shipped
from bertdemo.runs.request import RunRequest
from bertdemo.runs.worker.preparing import prepare
from bertdemo.runs.worker.result import Result, measure, publish
from bertdemo.services import Services
from bertdemo.settings import Settings

SAMPLE, RUN_ID = "reviews_en", "example-reviews-en"
# Of the bundled model's six layers the highest one trains.
FROZEN_LAYERS = 5
_COPIED = (
    "run.json",
    "config.json",
    "events.jsonl",
    "evaluation.jsonl",
    "dataset.json",
    "split.json",
    "class_map.json",
    HEAD_FILE,
)


def main() -> int:
    """Train, round, evaluate and write."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings.from_env({**os.environ, "BERTDEMO_HOME": home, "BERTDEMO_SHIPPED_RUN": "0"})
        settings.apply()
        services = Services.create(settings)
        services.begin().result()
        run = train_to_end(services, _request()).run_id
        services.close()
        result, changed = _rounded(settings, run)
        _write(settings, run, result, changed)
    return 0


def _request() -> RunRequest:
    sample = samples.find(SAMPLE)
    return RunRequest(
        task=sample.task,
        columns={},
        checkpoint=bundled.ID,
        config=RunConfig(frozen_layers=FROZEN_LAYERS, device="cpu"),
        data=str(sample.path),
        data_name=sample.file,
    )


def _rounded(settings: Settings, run: str) -> tuple[Result, dict[str, Any]]:
    """Round what training changed to bfloat16, and publish the run again with that model."""
    import torch

    from bertdemo.runs.worker.training import Best

    folder = settings.runs / run
    stored = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    request = RunRequest.from_json(json.dumps(stored["request"]))
    prepared = prepare(folder, request, settings, lambda *_, **__: None, lambda: None)
    trained = Catalogue(settings).folder(run, "")
    model: Any = open_model(trained, tasks.find(request.task).architecture).model
    before = tensors_of(tasks.find(request.task).model(prepared.base, prepared.head_options).model)
    changed = {
        name: tensor.to(torch.bfloat16)
        for name, tensor in tensors_of(model).items()
        if not torch.equal(tensor, before[name])
    }
    model.load_state_dict({name: tensor.float() for name, tensor in changed.items()}, strict=False)
    result = measure(prepared, Best(), model, lambda: None, lambda _: None)
    publish(run, str(stored["owner"]), prepared, model, result, folder)
    return result, changed


def _write(settings: Settings, run: str, result: Result, changed: dict[str, Any]) -> None:
    from safetensors.torch import save_file

    folder, files = settings.runs / run, shipped.FILES
    shutil.rmtree(files, ignore_errors=True)
    (files / "data").mkdir(parents=True)
    for name in _COPIED:
        shutil.copyfile(folder / name, files / name)
    shutil.copyfile(folder / "data" / "train.table", files / "data" / "train.table")
    shutil.copyfile(settings.trained / run / CARD_FILE, files / CARD_FILE)
    save_file(changed, files / shipped.WEIGHTS)
    metrics = {name: asdict(score) for name, score in result.scores.items()}
    _edit(files / "run.json", id=RUN_ID, owner=PUBLIC)
    _edit(files / CARD_FILE, id=RUN_ID, run=RUN_ID, owner=PUBLIC, metrics=metrics)
    _renamed(files / "events.jsonl", run, metrics)
    print(f"{sum(path.stat().st_size for path in files.rglob('*'))} bytes, {metrics}")  # noqa: T201


def _edit(path: Path, **fields: object) -> None:
    """Replace fields of a JSON file."""
    path.write_text(
        json.dumps({**json.loads(path.read_text(encoding="utf-8")), **fields}, ensure_ascii=False), encoding="utf-8"
    )


def _renamed(path: Path, run: str, metrics: dict[str, Any]) -> None:
    """Give the last event the id of the shipped run and the metrics of the rounded model."""
    *lines, last = path.read_text(encoding="utf-8").replace(run, RUN_ID).splitlines()
    finished = {**json.loads(last), "metrics": metrics}
    path.write_text("\n".join([*lines, json.dumps(finished, ensure_ascii=False)]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
