"""A run is logged to trackio where the operator wants that, and no run depends on it.

A stand-in with the two calls of trackio that are used takes its place, so that these tests need no trackio; the last
one runs a worker with the real one where that is installed.
"""

from __future__ import annotations

import importlib.util
import json
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bertdemo.i18n.translation import translate
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry
from bertdemo.runs.status import status_of
from bertdemo.runs.tracking.trackio_log import PROJECT, VERSION, TrackioLog
from bertdemo.settings import Settings
from bertdemo.ui.runs.html.inputs import render_request
from tests.runs.conftest import Work
from tests.runs.support import events_of, request_for, settings_with

_STAND_IN = """
import json, os, pathlib

def _file():
    return pathlib.Path(os.environ["TRACKIO_DIR"]) / "lines.jsonl"

class Run:
    def __init__(self, about):
        self.about, self.finished = about, False
    def log(self, metrics, step=None):
        with _file().open("a") as file:
            file.write(json.dumps({"run": self.about["name"], "metrics": metrics, "step": step}) + "\\n")
    def finish(self):
        self.finished = True
        with (_file().parent / "finished").open("a") as file:
            file.write(self.about["name"] + "\\n")

def init(project, name=None, group=None, config=None, resume="never", embed=True, auto_log_gpu=None, auto_log_cpu=None):
    (_file().parent / "init.json").write_text(json.dumps(
        {"project": project, "name": name, "group": group, "config": config, "resume": resume}))
    return Run({"project": project, "name": name})
"""
_STORAGE = """
import json
from trackio import _file

class SQLiteStorage:
    @staticmethod
    def get_logs(project, run):
        lines = _file().read_text().splitlines() if _file().exists() else []
        entries = [json.loads(line) for line in lines]
        return [{**it["metrics"], "timestamp": "", "step": it["step"]} for it in entries if it["run"] == run]
"""


@pytest.fixture
def switched_on(environment: Any, own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a server whose runs are logged to trackio."""
    monkeypatch.setenv("BERTDEMO_TRACKIO", "1")
    monkeypatch.setenv("TRACKIO_DIR", str(own_settings.tracked))
    return replace(own_settings, trackio=True)


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """Make `import trackio` find this source."""
    package = folder / "trackio"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(source)
    (package / "sqlite_storage.py").write_text(_STORAGE)
    forget_trackio()
    monkeypatch.syspath_prepend(folder)


def forget_trackio() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "trackio"]:
        del sys.modules[name]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    install(tmp_path / "site", monkeypatch, _STAND_IN)
    yield
    forget_trackio()


def logged(settings: Settings) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (settings.tracked / "lines.jsonl").read_text().splitlines()]


def by_prefix(lines: list[dict[str, Any]], prefix: str) -> dict[int, dict[str, float]]:
    """Return step -> figures of the lines of one kind."""
    of_kind = [line for line in lines if all(name.startswith(prefix) for name in line["metrics"])]
    return {line["step"]: line["metrics"] for line in of_kind}


def test_it_is_off_unless_it_is_switched_on(tmp_path: Path) -> None:
    home = {"BERTDEMO_HOME": str(tmp_path)}
    assert not Settings.from_env(home).trackio
    assert not Settings.from_env({**home, "BERTDEMO_TRACKIO": "0"}).trackio
    server = Settings.from_env({**home, "BERTDEMO_TRACKIO": "1", "TRACKIO_SPACE_ID": "a/b", "TRACKIO_SERVER_URL": "x"})
    child = server.worker_env()
    assert Settings.from_env(child).trackio
    trackio = {name: value for name, value in child.items() if name.startswith("TRACKIO_")}
    assert trackio == {"TRACKIO_DIR": str(server.home / "trackio")}  # nothing that makes trackio send anything


@pytest.mark.slow
def test_a_run_that_is_not_to_be_logged_imports_no_trackio(
    work: Work, data: Path, own_settings: Settings, stand_in: None
) -> None:
    folder = work(request_for(data))
    assert events_of(folder, ev.Finished)
    assert "trackio" not in sys.modules
    assert not own_settings.tracked.exists()


@pytest.mark.slow
def test_every_step_and_evaluation_the_settings_and_the_result_are_logged(
    work: Work, data: Path, switched_on: Settings, registry: Registry, stand_in: None
) -> None:
    folder = work(request_for(data))
    lines = logged(switched_on)
    steps = {event.step: event for event in events_of(folder, ev.Step)}
    trained = by_prefix(lines, "train/")
    assert trained.keys() == steps.keys()
    for number, figures in trained.items():
        assert figures["train/loss"] == steps[number].loss
        assert figures["train/learning_rate"] == steps[number].learning_rate
    evaluations = {event.step: event for event in events_of(folder, ev.Evaluated)}
    evaluated = by_prefix(lines, "validation/")
    assert evaluated.keys() == evaluations.keys()
    for number, figures in evaluated.items():
        event = evaluations[number]
        own = {name.removeprefix("validation/"): value for name, value in figures.items()}
        assert own == {"epoch": event.epoch, "loss": event.loss, **event.metrics}
    finished = events_of(folder, ev.Finished)[0]
    final = by_prefix(lines, f"final_{finished.evaluated_on}/")
    accuracy = finished.metrics["accuracy"]
    assert list(final) == [max(steps)]
    assert final[max(steps)][f"final_{finished.evaluated_on}/accuracy"] == accuracy["value"]
    assert final[max(steps)][f"final_{finished.evaluated_on}/accuracy_low"] == accuracy["low"]
    opened = json.loads((switched_on.tracked / "init.json").read_text())
    started = events_of(folder, ev.Started)[0]
    assert (opened["project"], opened["name"], opened["group"]) == (PROJECT, folder.name, "reviews.csv")
    assert started.config.items() <= opened["config"].items()
    assert opened["config"]["train_rows"] == started.train_rows
    assert (switched_on.tracked / "finished").read_text().split() == [folder.name]
    assert stat.S_IMODE(switched_on.tracked.stat().st_mode) == 0o700


@pytest.mark.slow
def test_the_page_says_under_which_names_a_run_is_logged(
    work: Work, data: Path, switched_on: Settings, registry: Registry, stand_in: None
) -> None:
    view = registry.read(work(request_for(data)).name, "")
    status = status_of(view)
    assert status.tracked is not None
    assert (status.tracked.project, status.tracked.run) == (PROJECT, view.run_id)
    assert not [warning for warning in status.warnings if "trackio" in warning.key]
    assert f"project {PROJECT}, run {view.run_id}" in render_request(view.request, status, "en")
    assert "trackio" not in render_request(view.request, replace(status, tracked=None), "en")


@pytest.mark.slow
def test_a_linear_probe_is_logged_with_its_result(
    work: Work, data: Path, switched_on: Settings, stand_in: None
) -> None:
    folder = work(request_for(data, config={"method": "regression", "epochs": None, "learning_rate": None}))
    finished = events_of(folder, ev.Finished)[0]
    (line,) = logged(switched_on)
    assert line["metrics"][f"final_{finished.evaluated_on}/accuracy"] == finished.metrics["accuracy"]["value"]


@pytest.mark.slow
def test_a_run_goes_on_without_trackio_and_says_what_to_install(
    work: Work, data: Path, switched_on: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_trackio()
    monkeypatch.setitem(sys.modules, "trackio", None)  # as where it is not installed
    folder = work(request_for(data))
    assert events_of(folder, ev.Finished)
    warning = the_warning(registry, folder)
    assert warning == (
        "This run is not logged to trackio, which is not installed on the server: pip install trackio==" + VERSION
    )
    assert not events_of(folder, ev.Tracked)


def the_warning(registry: Registry, folder: Path) -> str:
    warnings = status_of(registry.read(folder.name, "")).warnings
    (message,) = [warning for warning in warnings if "trackio" in warning.key]
    assert translate("zh", message.key, **message.values) != translate("en", message.key, **message.values)
    return translate("en", message.key, **message.values)


_BREAKS = {
    "import": ("raise SystemError('broken at import')\n", "SystemError"),
    "init": (_STAND_IN + "\ndef init(**_):\n    raise ZeroDivisionError\n", "ZeroDivisionError"),
    "another version": (_STAND_IN + "\ndef init(name):\n    pass\n", "TypeError"),
    "log": (_STAND_IN.replace("json.dumps({", "1 / 0 or json.dumps({"), "ZeroDivisionError"),
    "finish": (_STAND_IN.replace("self.finished = True", "raise OSError(28, 'no space')"), "OSError"),
}


@pytest.mark.slow
@pytest.mark.parametrize("where", _BREAKS)
def test_a_trackio_that_breaks_costs_one_warning_and_no_run(
    where: str, work: Work, data: Path, switched_on: Settings, registry: Registry, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    source, error = _BREAKS[where]
    install(tmp_path / "site", monkeypatch, source)
    folder = work(request_for(data))
    forget_trackio()
    assert events_of(folder)[-1].kind == "finished"
    assert f"raised {error}" in the_warning(registry, folder)


@pytest.mark.slow
def test_a_folder_that_cannot_be_made_costs_one_warning_and_no_run(
    work: Work, data: Path, switched_on: Settings, registry: Registry, stand_in: None
) -> None:
    switched_on.tracked.write_text("a file in its place")
    folder = work(request_for(data))
    assert events_of(folder)[-1].kind == "finished"
    assert "raised FileExistsError" in the_warning(registry, folder)


def attempt(log: TrackioLog, past: list[ev.RunEvent], kinds: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """Log events, and return the kinds of those that were emitted."""
    emitted: list[str] = []
    for kind, fields in kinds:
        log.log(kind, fields, lambda kind, **_: emitted.append(kind))
        if kind in ev.KINDS or hasattr(ev, kind):
            past.append(getattr(ev, kind)(seq=len(past) + 1, attempt=1, at=0.0, **fields))
    return emitted


def test_a_resumed_run_adds_what_is_missing_and_nothing_twice(
    switched_on: Settings, data: Path, stand_in: None
) -> None:
    request, past = request_for(data), list[ev.RunEvent]()
    first = TrackioLog(switched_on, "run-1", request, ())
    first_events = [("Started", _started(0)), *[("Step", _step(number)) for number in (1, 2, 3, 4)]]
    assert attempt(first, past, first_events) == ["Tracked"]
    lines = (switched_on.tracked / "lines.jsonl").read_text().splitlines(keepends=True)
    # Killed: trackio had written steps 1 and 4 only. The checkpoint to go on from is that of step 2.
    (switched_on.tracked / "lines.jsonl").write_text(lines[0] + lines[3])
    second = TrackioLog(switched_on, "run-1", request, tuple(past))
    again = [("Started", _started(2)), *[("Step", _step(number)) for number in (3, 4, 5)], ("Finished", _finished())]
    assert attempt(second, past, again) == ["Tracked"]
    counts = Counter(line["step"] for line in logged(switched_on) if "train/loss" in line["metrics"])
    assert counts == dict.fromkeys((1, 2, 3, 4, 5), 1)
    assert json.loads((switched_on.tracked / "init.json").read_text())["resume"] == "allow"


def _started(resumed_from: int) -> dict[str, Any]:
    return {
        "steps": 5, "epochs": 1, "train_rows": 8, "validation_rows": 2, "test_rows": 0, "labels": ("no", "yes"),
        "majority": 0.5, "device": "cpu", "device_name": "CPU", "precision": "float32", "config": {"epochs": 1},
        "resumed_from": resumed_from,
    }  # fmt: skip


def _step(number: int) -> dict[str, Any]:
    return {
        "step": number, "steps": 5, "epoch": number / 5, "loss": 1 / number, "learning_rate": 1e-4, "grad_norm": 1.0,
        "progress": number / 5, "seconds_left": 1.0, "rows_per_second": 9.0, "memory_bytes": 7,
    }  # fmt: skip


def _finished() -> dict[str, Any]:
    metrics = {"accuracy": {"value": 0.5, "low": 0.25, "high": 0.75}}
    return {"checkpoint": "run-1", "metrics": metrics, "evaluated_on": "test", "rows": 2, "seconds": 1.0}


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("trackio") is None, reason="trackio is not installed; it is optional")
def test_a_worker_logs_to_the_real_trackio_and_a_resumed_one_to_the_same_run(
    home: Path, tiny: Path, data: Path
) -> None:
    import os

    settings = settings_with(home, tiny, BERTDEMO_TRACKIO="1", PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    registry = Registry(settings)
    folder = registry.folder(registry.create(request_for(data), ""))
    _worker(folder, settings)
    steps = {event.step: event.loss for event in events_of(folder, ev.Step)}
    stored = _stored(settings, folder.name)
    losses = {line["step"]: line["train/loss"] for line in stored if "train/loss" in line}
    assert losses == pytest.approx(steps)
    accuracy = events_of(folder, ev.Finished)[0].metrics["accuracy"]
    assert [line["final_validation/accuracy"] for line in stored if "final_validation/accuracy" in line] == [
        accuracy["value"]
    ]
    # As if it had been killed before its end: all of it again, and nothing twice.
    text = (folder / "events.jsonl").read_text()
    (folder / "events.jsonl").write_text("".join(line for line in text.splitlines(True) if '"finished"' not in line))
    seq, _ = registry.next_event(folder.name)
    registry.append(folder.name, ev.Queued(seq=seq, attempt=2, at=0.0))
    _worker(folder, settings)
    assert events_of(folder, ev.Finished)[0].attempt == 2
    assert _stored(settings, folder.name) == stored
    assert {path.name for path in settings.tracked.iterdir()} >= {"bertdemo.db"}


def _worker(folder: Path, settings: Settings) -> None:
    command = [sys.executable, "-m", "bertdemo.runs.worker", str(folder)]
    subprocess.run(command, env=settings.worker_env(), check=True, capture_output=True, timeout=120)


def _stored(settings: Settings, run: str) -> list[dict[str, Any]]:
    """Return what the real trackio has of a run."""
    code = (
        "import json; from trackio.sqlite_storage import SQLiteStorage\n"
        f"print(json.dumps(SQLiteStorage.get_logs({PROJECT!r}, {run!r})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=settings.worker_env(), check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])
