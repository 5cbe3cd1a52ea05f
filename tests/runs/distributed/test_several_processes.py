"""Runs in two real processes: as one process does, stopped, with a process killed, and with one that never comes."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bertdemo.checkpoints import Catalogue
from bertdemo.launching import Launching
from bertdemo.processes import is_held
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry
from bertdemo.runs.request import RunRequest
from bertdemo.runs.resume.requeue import requeue
from bertdemo.runs.status import status_of
from bertdemo.settings import Settings
from tests import sweep
from tests.runs.conftest import Work
from tests.runs.distributed import torchrun
from tests.runs.support import events_of, eventually, request_for, rows_of, settings_with, sharpened, write_csv
from tests.tiny import build_tiny_checkpoint

pytestmark = pytest.mark.slow

TWO = Launching("torchrun", processes=2, restarts=2)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT without dropout: two processes draw other dropout masks than one."""
    none = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return sharpened(build_tiny_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny", **none))


@pytest.fixture
def own_settings(home: Path, tiny: Path) -> Settings:
    return settings_with(home, tiny)


def request_with(tmp_path: Path, rows: int, **config: Any) -> RunRequest:
    """Return a request of 4/5 of the rows in batches of 16, the last one with another number of rows."""
    data = write_csv(tmp_path / f"rows{rows}.csv", rows_of(rows))
    return request_for(data, config={"batch_size": 16, "epochs": 4, "learning_rate": 3e-4, **config})


def evaluations(folder: Path) -> list[tuple[int, float, dict[str, float]]]:
    return [(event.step, event.loss, dict(event.metrics)) for event in events_of(folder, ev.Evaluated)]


def predictions(folder: Path) -> list[tuple[int, str, str]]:
    """Return (row, label, predicted) of each evaluated row, in the order of the file."""
    lines = (folder / "evaluation.jsonl").read_text(encoding="utf-8").splitlines()
    return [(row["row"], row["label"], row["predicted"]) for row in map(json.loads, lines)]


def weights_of(settings: Settings, folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(Catalogue(settings).folder(folder.name, "") / "model.safetensors")


@pytest.fixture
def alone(work: Work, monkeypatch: pytest.MonkeyPatch) -> Callable[[RunRequest], Path]:
    """Run a request in this process, every step of it reported."""
    from bertdemo.runs.worker import training

    monkeypatch.setattr(training, "STEP_EVENT_SECONDS", 0.0)
    return work


SETTINGS = [
    {},
    {"accumulation": 3, "class_weights": "balanced"},
    {"batch_size": 1, "epochs": 1},
    {"head_init": "probe"},
    {"lora_rank": 4, "embeddings": "train"},
]


@pytest.mark.parametrize("config", SETTINGS if sweep.WHOLE else SETTINGS[:1], ids=str)
def test_two_processes_train_and_evaluate_as_one(
    config: dict[str, Any],
    alone: Callable[[RunRequest], Path],
    registry: Registry,
    own_settings: Settings,
    tmp_path: Path,
) -> None:
    # 107 rows train: six batches of 16 and one of 11, of which one process has six rows and the other five.
    request = request_with(tmp_path, 134, **config)
    one = alone(request)
    two = registry.folder(registry.create(request, ""))
    assert torchrun.ended(torchrun.launched(registry, own_settings, two.name, TWO), two) == 0
    assert registry.read(two.name, "").state == "finished", (two / "worker.log").read_text(encoding="utf-8")

    expected, found = torchrun.losses(one), torchrun.losses(two)
    assert [step for step, _ in found] == [step for step, _ in expected]
    assert len(found) >= 20
    assert max(abs(a - b) for (_, a), (_, b) in zip(expected[:20], found[:20], strict=True)) < 1e-3
    for (step, loss, metrics), (step_of_two, loss_of_two, metrics_of_two) in zip(
        evaluations(one), evaluations(two), strict=True
    ):
        assert (step, metrics) == (step_of_two, metrics_of_two)
        assert loss_of_two == pytest.approx(loss, abs=1e-4)
    assert predictions(two) == predictions(one)
    assert events_of(two, ev.Finished)[0].metrics == events_of(one, ev.Finished)[0].metrics
    started = events_of(two, ev.Started)[0]
    assert started.device_name == "CPU × 2"
    assert [event.seq for event in events_of(two)] == list(range(1, len(events_of(two)) + 1))
    assert events_of(two, ev.Step)[-1].progress > 0.8


def test_a_run_goes_on_from_its_checkpoint_after_one_process_was_killed(
    registry: Registry, own_settings: Settings, tmp_path: Path
) -> None:
    epochs = 24  # six were over before a busy machine came to the kill
    run = registry.create(request_with(tmp_path, 100, batch_size=4, epochs=epochs), "")
    folder = registry.folder(run)
    agent = torchrun.launched(registry, own_settings, run, TWO)
    other = eventually(lambda: torchrun.rank(folder, 1))
    eventually(lambda: torchrun.last_step(folder) > 21)  # an epoch has 20 steps, so one has ended
    other.kill()
    eventually(lambda: len(torchrun.attempts_of(folder)) == 2)
    assert is_held(folder / "lock")
    assert torchrun.ended(agent, folder) == 0

    view = registry.read(run, "")
    assert view.state == "finished", (folder / "worker.log").read_text(encoding="utf-8")
    (_, start), (attempt, step) = torchrun.attempts_of(folder)
    assert (start, attempt) == (0, 2)
    assert step >= 20
    assert endings(folder) == [ev.Finished]
    assert {warning.message for warning in events_of(folder, ev.Warned)} <= _LEARNING
    assert status_of(view).step == 20 * epochs
    assert not torchrun.processes_of(folder)
    assert not (folder / "resume").exists()
    if sweep.WHOLE:
        unbroken = registry.folder(registry.create(request_with(tmp_path, 100, batch_size=4, epochs=epochs), ""))
        assert torchrun.ended(torchrun.launched(registry, own_settings, unbroken.name, TWO), unbroken) == 0
        for name, tensor in weights_of(own_settings, unbroken).items():
            assert tensor.equal(weights_of(own_settings, folder)[name]), name


@pytest.mark.skipif(not sweep.WHOLE, reason="make sweep")
def test_a_run_in_two_processes_is_stopped_and_resumed_at_that_step(
    registry: Registry, own_settings: Settings, tmp_path: Path
) -> None:
    run = registry.create(request_with(tmp_path, 100, batch_size=4, epochs=6), "")
    folder = registry.folder(run)
    agent = torchrun.launched(registry, own_settings, run, TWO)
    eventually(lambda: torchrun.last_step(folder) > 5)
    assert registry.read(run, "").state == "running"
    agent.send_signal(signal.SIGTERM)  # stops a run as the flag does
    assert torchrun.ended(agent, folder) == 0
    assert registry.read(run, "").state == "cancelled"
    stopped_at = events_of(folder, ev.Step)[-1].step

    requeue(registry, run, "")
    assert torchrun.ended(torchrun.launched(registry, own_settings, run, TWO), folder) == 0
    assert registry.read(run, "").state == "finished"
    assert torchrun.attempts_of(folder) == [(1, 0), (2, stopped_at)]
    assert endings(folder) == [ev.Cancelled, ev.Finished]


def endings(folder: Path) -> list[type[ev.RunEvent]]:
    """Return the kinds of all endings."""
    return [type(event) for event in events_of(folder) if isinstance(event, ev.Finished | ev.Cancelled | ev.Failed)]


# What the watchers may say of a random model.
_LEARNING = {"warning.one_class", "warning.loss_of_chance", "warning.loss_rises"}


def test_a_process_that_never_joins_ends_the_run_with_how_many_did(
    registry: Registry, own_settings: Settings, tmp_path: Path
) -> None:
    run = registry.create(request_with(tmp_path, 60), "")
    folder = registry.folder(run)
    more = {"RANK": "0", "WORLD_SIZE": "3", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(torchrun.free_port()),
            "BERTDEMO_JOIN_SECONDS": "1"}  # fmt: skip
    process = torchrun.started(
        ["bertdemo.runs.worker", str(folder)], folder, torchrun.environment(own_settings, **more)
    )
    assert torchrun.ended(process, folder) == 0
    message = status_of(registry.read(run, "")).message
    assert message is not None
    assert message.key == "error.ranks_missing"
    assert dict(message.values) == {
        "joined": 1, "expected": 3, "address": f"127.0.0.1:{more['MASTER_PORT']}", "seconds": 1,
    }  # fmt: skip


def test_a_host_that_never_joins_ends_the_run_with_how_many_did(
    registry: Registry, own_settings: Settings, tmp_path: Path
) -> None:
    run = registry.create(request_with(tmp_path, 60), "")
    folder = registry.folder(run)
    endpoint = f"127.0.0.1:{torchrun.free_port()}"
    several = Launching("torchrun", processes=1, hosts=3, rendezvous=endpoint, join_seconds=4, restarts=0)
    agent = torchrun.launched(registry, own_settings, run, several, BERTDEMO_JOIN_SECONDS="4")
    second = torchrun.by_hand(folder, own_settings, several, "localhost")
    assert torchrun.ended(agent, folder) == 1
    second.kill()
    second.wait()
    message = status_of(registry.read(run, "")).message
    assert message is not None
    assert message.key == "error.hosts_missing"
    assert dict(message.values) == {"joined": 2, "expected": 3, "address": endpoint, "seconds": 4}
    assert not is_held(folder / "lock")
