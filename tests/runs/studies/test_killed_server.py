"""A search in real processes: its server is killed with signal 9 in the middle, and a new one brings it to its end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bertdemo.device import DeviceReport, cpu
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry
from bertdemo.runs.studies.study import Progress
from bertdemo.services import Services
from bertdemo.settings import Settings
from tests.runs.support import events_of, eventually, rows_of, settings_with, write_csv

pytestmark = pytest.mark.slow

_SERVER = """
import sys, time
from pathlib import Path
from bertdemo.device import DeviceReport, cpu
from bertdemo.services import Services
from bertdemo.settings import Settings
from tests.runs.support import request_for
settings = Settings.from_env()
settings.apply()
services = Services.create(settings)
services.admission.devices_found(DeviceReport((cpu(),)))
services.dispatcher.begin()
services.studies.driver.begin()
request = request_for(Path(sys.argv[1]), config={"epochs": 3})
print(services.studies.search(request, "", ["layers"], 10), flush=True)
time.sleep(600)
"""


@pytest.fixture
def settings(home: Path, tiny: Path) -> Settings:
    return settings_with(home, tiny)


@pytest.fixture
def killed(settings: Settings, tiny: Path, tmp_path: Path) -> Iterator[str]:
    """The id of a search whose server was killed while the second trial was under way."""
    data = write_csv(tmp_path / "reviews.csv", rows_of(80))
    env = {**settings.worker_env(), "BERTDEMO_CHECKPOINTS": str(tiny)}
    with subprocess.Popen([sys.executable, "-c", _SERVER, str(data)], stdout=subprocess.PIPE, text=True, env=env) as it:
        try:
            assert it.stdout
            study = it.stdout.readline().strip()
            eventually(lambda: [trial.state for trial in _progress(settings, study).trials] == ["finished", "running"])
        finally:
            it.kill()
    yield study


def _progress(settings: Settings, study: str) -> Progress:
    return Progress.from_json((settings.studies / study / "progress.json").read_text(encoding="utf-8"))


def test_a_search_goes_on_after_its_server_was_killed(killed: str, settings: Settings) -> None:
    before = _progress(settings, killed).trials
    services = Services.create(settings)
    services.admission.devices_found(DeviceReport((cpu(),)))
    services.dispatcher.begin()
    services.studies.driver.begin()
    try:
        eventually(lambda: _progress(settings, killed).ended, 120)
    finally:
        services.close()
    progress = _progress(settings, killed)
    assert [trial.run for trial in progress.trials[:2]] == [trial.run for trial in before]
    assert [trial.role for trial in progress.trials][:3] == ["trial", "trial", "defaults"]
    assert [trial.variant.settings for trial in progress.trials[:2]] == [{"layers": 2}, {"layers": 1}]
    assert all(trial.state == "finished" and trial.score for trial in progress.trials)
    _check_rows(Registry(settings), progress)


def _check_rows(registry: Registry, progress: Progress) -> None:
    """No trial has read a row on which the two last runs are evaluated; a trial keeps no checkpoint."""
    parts = json.loads((registry.folder(progress.trials[2].run) / "split.json").read_text(encoding="utf-8"))
    held_out = {*parts["validation"]["rows"], *parts["test"]["rows"]}
    assert held_out
    for trial in progress.trials:
        folder = registry.folder(trial.run)
        rows = {json.loads(line)["row"] for line in (folder / "evaluation.jsonl").read_text("utf-8").splitlines()}
        own = json.loads((folder / "split.json").read_text(encoding="utf-8"))
        is_trial = trial.role == "trial"
        assert rows.isdisjoint(held_out) if is_trial else rows == held_out
        assert is_trial == held_out.isdisjoint(own["train"]["rows"] + own["validation"]["rows"])
        assert bool(events_of(folder, ev.Finished)[-1].checkpoint) != is_trial
        assert not list((folder / "resume").glob("*"))
