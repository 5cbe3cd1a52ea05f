"""How far the script of a run is from the run where it cannot repeat it: `python -m benchmarks.script_differences`.

A run of the bundled model on a sample is stopped after half of its epochs; its script takes all steps, and runs alone.
The figures of docs/benchmarks.md go into `bertdemo.sharing.script.measured`, which the scripts quote.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from bertdemo import samples
from bertdemo.checkpoints import bundled
from bertdemo.run_config import RunConfig
from bertdemo.runs import events as ev
from bertdemo.runs.request import RunRequest
from bertdemo.runs.status import status_of
from bertdemo.services import Services
from bertdemo.settings import Settings

SAMPLE = "support_en"


def main() -> int:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings.from_env({**os.environ, "BERTDEMO_HOME": home, "BERTDEMO_SHIPPED_RUN": "0"})
        settings.apply()
        services = Services.create(settings)
        services.begin().result()
        run, steps = _stopped(services)
        archive = services.script_zip_of(run, "")
        services.close()
        own = _rows(settings.runs / run / "evaluation.jsonl")
        repeated = _rows(_run_alone(archive, Path(home) / "script") / "predictions.jsonl")
    print(steps, compared(own, repeated))  # noqa: T201
    return 0


def compared(own: dict[int, dict[str, Any]], repeated: dict[int, dict[str, Any]]) -> str:
    """Return in words how many rows have another label, and how far the confidence of the others is apart."""
    other = [row for row in own if own[row]["predicted"] != repeated[row]["predicted"]]
    gaps = [abs(own[row]["confidence"] - repeated[row]["confidence"]) for row in own if row not in other]
    return (
        f"{len(other)} of {len(own)} rows with another label, and a confidence that differs by up to "
        f"{max(gaps):.3f} in the others"
    )


def _stopped(services: Services) -> tuple[str, str]:
    """Train until half of the epochs are evaluated, then stop; return the run, and how far it came."""
    sample = samples.find(SAMPLE)
    request = RunRequest(
        task=sample.task, columns={}, checkpoint=bundled.ID, config=RunConfig(device="cpu"), data=str(sample.path),
        data_name=sample.file,
    )  # fmt: skip
    run = services.admission.start(request, "")
    asked = False
    while not status_of(view := services.registry.read(run, "")).ended:
        epochs = next((event.epochs for event in view.events if isinstance(event, ev.Started)), 0)
        done = sum(isinstance(event, ev.Evaluated) for event in view.events)
        if epochs and done >= epochs // 2 and not asked:
            services.dispatcher.cancel(run, "")
            asked = True
        time.sleep(0.02)
    end = view.events[-1]
    if not isinstance(end, ev.Cancelled):
        raise RuntimeError(f"the run ended before it was stopped: {end}")
    return run, f"stopped after {done} of {epochs} epochs:"


def _run_alone(archive: Path, folder: Path) -> Path:
    """Unpack the zip of a script and run it where this project is not on the path of Python."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    subprocess.run([sys.executable, "-I", "train.py"], cwd=folder, check=True)
    return folder


def _rows(path: Path) -> dict[int, dict[str, Any]]:
    with path.open(encoding="utf-8", newline="\n") as file:
        return {row["row"]: row for row in map(json.loads, file)}


if __name__ == "__main__":
    sys.exit(main())
