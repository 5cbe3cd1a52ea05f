"""A run that is killed, stopped or out of disk is resumed, and ends as one that was never interrupted."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from bertdemo import processes
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry
from bertdemo.runs.resume import checkpoints
from bertdemo.runs.resume.requeue import requeue
from bertdemo.runs.status import status_of
from bertdemo.runs.worker.resume import resuming
from bertdemo.settings import Settings
from tests import sweep
from tests.runs.conftest import Work
from tests.runs.resuming import BATCHES, Outcome, Resumed, killing, twelve_steps
from tests.runs.support import events_of

pytestmark = pytest.mark.slow

STEPS = 12
_UNBROKEN: dict[str, Outcome] = {}
# Steps at which each task is killed in `make test`: within an epoch, at its end, and in the last one.
_SLICE = {"classification": (2, 6, 10), "fill_mask": (5,), "token_classification": (7,), "similarity": (4,),
          "text_to_text": (8,)}  # fmt: skip
CASES = [
    (task, step) for task in BATCHES for step in range(1, STEPS + 1) if sweep.WHOLE or step in _SLICE.get(task, ())
]


@pytest.fixture
def runs(work: Work, registry: Registry, own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Resumed:
    """Attempts in this process: every step is an event, and a kill is an exception."""
    from bertdemo.runs.worker import training

    monkeypatch.setattr(training, "STEP_EVENT_SECONDS", 0.0)
    killing(monkeypatch)
    return Resumed(registry, own_settings, monkeypatch)


def every(patch: pytest.MonkeyPatch, steps: int) -> None:
    """Save a checkpoint within an epoch after every so many steps."""
    from bertdemo.runs.worker.training_checkpoints import Saving

    patch.setattr(Saving, "due", lambda self, step: step % steps == 0)


def unbroken(runs: Resumed, task: str) -> Outcome:
    """Return what the run comes to that is never interrupted."""
    if task not in _UNBROKEN:
        _UNBROKEN[task] = runs.outcome(runs.started(twelve_steps(task)))
        assert [step for step, _ in _UNBROKEN[task].steps][:STEPS] == list(range(1, STEPS + 1))
    return _UNBROKEN[task]


def resumed_from(folder: Path) -> list[int]:
    return [event.resumed_from for event in events_of(folder, ev.Started)]


def warnings(folder: Path) -> list[str]:
    """Return what was said of resuming; a tiny random model gives the watchers something to say too."""
    return [event.message for event in events_of(folder, ev.Warned) if event.message.startswith("warning.resume")]


def newest_before(step: int) -> int:
    """Return the step of the newest checkpoint of a run that was killed at a step.

    There is one after each second step, and one after each epoch of three once it has been evaluated.
    """
    within = [at for at in range(2, step + 1, 2) if at % 3]
    return max([0, *within, *range(3, step, 3)])


@pytest.mark.parametrize(("task", "step"), CASES)
def test_a_run_killed_at_any_step_ends_with_the_same_weights_and_metrics(
    task: str, step: int, runs: Resumed, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = unbroken(runs, task)
    every(monkeypatch, 2)
    folder = runs.started(twelve_steps(task), f"step:{step}:kill")
    assert runs.registry.read(folder.name, "").state == "interrupted"
    runs.again(folder)
    assert runs.outcome(folder) == expected
    assert resumed_from(folder)[-1] == newest_before(step)
    assert not (folder / "resume").exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"precision": "bfloat16"},
        {"lora_rank": 4, "embeddings": "train"},
        {"accumulation": 2, "class_weights": "balanced"},
    ],
    ids=["bfloat16", "LoRA", "parts"],
)
def test_whatever_trains_is_resumed_exactly(
    settings: dict[str, Any], runs: Resumed, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = twelve_steps("classification", **settings)
    expected = runs.outcome(runs.started(request))
    every(monkeypatch, 2)
    folder = runs.started(request, "step:8:kill")
    runs.again(folder)
    assert resumed_from(folder)[-1] == 8
    assert runs.outcome(folder) == expected


@pytest.mark.parametrize("when", ["step 4", "step 6", "evaluating", "saved"])
def test_a_run_that_is_stopped_twice_ends_as_one_that_never_was(
    when: str, runs: Resumed, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = unbroken(runs, "classification")
    folder = runs.registry.folder(runs.registry.create(twelve_steps("classification"), ""))
    for attempt in (1, 2):
        with stop_pressed(when if attempt == 1 else "step 8", monkeypatch):
            runs.attempt(folder)
        assert events_of(folder)[-1].kind == "cancelled"
        step = runs.registry.read(folder.name, "").resume_step
        assert step is not None and step >= {"step 4": 4, "step 6": 6}.get(when, 3)
        requeue(runs.registry, folder.name, "")
    runs.attempt(folder)
    assert runs.outcome(folder) == expected
    assert not warnings(folder)


@contextlib.contextmanager
def stop_pressed(when: str, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Press Stop once, at the first event that `when` describes."""
    from bertdemo.runs.worker import job

    emit, pressed = job.Job.emit, []

    def spy(self: Any, kind: str, **fields: Any) -> None:
        emit(self, kind, **fields)
        words = {"Step": f"step {fields.get('step')}", "Phase": str(fields.get("name")), "Saved": "saved"}
        if words.get(kind) == when and not pressed:
            pressed.append(True)
            (self._folder / "cancel").touch()

    with patch.context() as inner:
        inner.setattr(job.Job, "emit", spy)
        yield


FILES = ("model.safetensors", "state.safetensors", "state.json", "trainer_state.json", "best.safetensors",
         "manifest.json")  # fmt: skip


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()  # another name of the same file is not spoiled with it
    path.write_bytes(content)


@pytest.fixture
def killed(runs: Resumed, tmp_path: Path) -> Callable[[], Path]:
    """Make the folder of a run that was killed in its third epoch, with two checkpoints."""
    folder = runs.started(twelve_steps("classification"), "step:8:kill")
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole)

    def restored() -> Path:
        shutil.rmtree(folder)
        shutil.copytree(whole, folder)
        return folder

    return restored


def test_a_checkpoint_with_a_damaged_file_is_skipped_and_named(killed: Callable[[], Path]) -> None:
    damages: dict[str, Callable[[Path], None]] = {"delete": Path.unlink, "truncate": truncated, "flip": flipped}
    for name in FILES:
        for damage in damages.values():
            folder = killed()
            newest, older = checkpoints.folders(folder)
            damage(newest / name)
            said: list[tuple[str, Any]] = []
            start = resuming._newest_whole(folder, lambda kind, said=said, **fields: said.append((kind, fields)))
            assert start is not None and start.folder == older
            # A flipped bit of the manifest may leave it readable, with the hash of another file.
            ((kind, fields),) = said
            assert (kind, fields["message"]) == ("Warned", "warning.resume_checkpoint_torn")
            assert fields["values"]["step"] == 6
            assert fields["values"]["file"] in ({name} if name != "manifest.json" else set(FILES))
            assert not newest.exists()


def test_a_run_goes_on_from_the_older_checkpoint_or_from_the_start(runs: Resumed, killed: Callable[[], Path]) -> None:
    expected = unbroken(runs, "classification")
    folder = killed()
    assert [checkpoints.step_of(path) for path in checkpoints.folders(folder)] == [6, 3]
    (folder / "resume" / "step-00000006" / "state.json").unlink()
    runs.again(folder)
    assert runs.outcome(folder) == expected
    assert (resumed_from(folder), warnings(folder)) == ([0, 3], ["warning.resume_checkpoint_torn"])
    folder = killed()
    shutil.rmtree(folder / "resume")
    runs.again(folder)
    assert runs.outcome(folder) == expected
    assert (resumed_from(folder), warnings(folder)) == ([0, 0], ["warning.resumed_from_start"])


def test_other_conditions_are_refused_by_name_and_can_be_accepted(
    runs: Resumed, killed: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = killed()
    path = folder / "resume" / "step-00000006" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["conditions"].update(torch="1.0.0", threads="64")
    path.write_text(json.dumps(manifest))
    runs.again(folder)
    failed = events_of(folder, ev.Failed)[-1]
    now = version("torch")
    assert failed.message == "error.resume_differs"
    assert failed.values == {"differences": f"torch 1.0.0 → {now}, threads 64 → 1"}
    status = status_of(runs.registry.read(folder.name, ""))
    assert (status.differs, status.resumable, status.resume_step, status.step) == (True, True, 6, 8)
    runs.again(folder, not_exact=True)
    assert warnings(folder) == ["warning.resumed_not_exactly"]
    assert resumed_from(folder) == [0, 6]
    assert runs.registry.read(folder.name, "").state == "finished"


def test_changed_data_are_other_conditions(runs: Resumed, killed: Callable[[], Path]) -> None:
    path = killed() / "data" / "train.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("the", "a", 1), encoding="utf-8")
    runs.again(path.parents[1])
    failed = events_of(path.parents[1], ev.Failed)[-1]
    assert failed.message == "error.resume_differs"
    assert str(failed.values["differences"]).startswith("data ")


@pytest.mark.parametrize("point", ["save", "weights"])
def test_a_full_disk_while_saving_leaves_the_last_checkpoint_and_the_run_can_go_on(point: str, runs: Resumed) -> None:
    expected = unbroken(runs, "classification")
    folder = runs.started(twelve_steps("classification"), f"{point}:9:full")
    assert events_of(folder, ev.Failed)[-1].message == "error.disk_full"
    assert [path.name for path in sorted((folder / "resume").iterdir())] == ["step-00000003", "step-00000006"]
    assert checkpoints.verify(folder / "resume" / "step-00000006").manifest.step == 6
    runs.again(folder)
    assert runs.outcome(folder) == expected


def worker(folder: Path, settings: Settings, tiny: Path, fault: str = "") -> subprocess.Popen[bytes]:
    """Start a real worker on a run folder, with as many threads as the attempts in this process have."""
    root = Path(__file__).resolve().parents[2]
    env = {
        **settings.worker_env(), "PYTHONPATH": str(root), "BERTDEMO_CHECKPOINTS": str(tiny), "OMP_NUM_THREADS": "1",
        "PYTEST_CURRENT_TEST": "resume", "BERTDEMO_FAULT": fault,
    }  # fmt: skip
    return processes.spawn(
        "bertdemo.runs.worker", [str(folder)], env=env, cwd=folder, log=folder / "worker.log", piped=False
    )


def test_real_workers_are_killed_twice_and_of_two_the_lock_chooses_one(
    runs: Resumed, own_settings: Settings, tiny: Path
) -> None:
    expected = unbroken(runs, "classification")
    folder = runs.registry.folder(runs.registry.create(twelve_steps("classification"), ""))
    for fault in ("step:5:kill", "weights:6:kill"):
        assert worker(folder, own_settings, tiny, fault).wait(120) == -signal.SIGKILL
        assert runs.registry.read(folder.name, "").state == "interrupted"
        requeue(runs.registry, folder.name, "")
    assert [path.name[:5] for path in (folder / "resume").iterdir() if path.name.startswith(".")] == [".tmp-"]
    pair = [worker(folder, own_settings, tiny) for _ in range(2)]
    assert 0 in [one.wait(120) for one in pair]
    assert resumed_from(folder) == [0, 3, 3]
    outcome = runs.outcome(folder)
    assert (outcome.weights, outcome.evaluations) == (expected.weights, expected.evaluations)
    assert set(outcome.steps) <= set(expected.steps)
    assert not (folder / "resume").exists()


_ON_A_SMALL_DISK = """
import sys
from pathlib import Path
from bertdemo.runs.registry import Registry
from bertdemo.runs.resume import checkpoints
from bertdemo.runs.resume.requeue import requeue
from bertdemo.runs.worker.__main__ import main
from bertdemo.settings import Settings
folder = Path(sys.argv[1])
main([str(folder)])
assert [checkpoints.verify(path).manifest.step for path in checkpoints.folders(folder)] == [6, 3]
assert not [path for path in (folder / "resume").iterdir() if path.name.startswith(".")]
import subprocess
subprocess.run(["mount", "-o", "remount,size=16m", str(folder / "resume")], check=True)
requeue(Registry(Settings.from_env()), folder.name, "")
main([str(folder)])
"""


def small_disks() -> bool:
    """Return whether a process may mount a disk of its own here."""
    probe = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return (
        shutil.which("unshare") is not None and subprocess.run(probe, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not sweep.WHOLE or not small_disks(), reason="make sweep, where a process may mount a disk")
def test_a_disk_that_is_really_full_leaves_two_whole_checkpoints(
    runs: Resumed, own_settings: Settings, tiny: Path
) -> None:
    expected = unbroken(runs, "classification")
    folder = runs.registry.folder(runs.registry.create(twelve_steps("classification"), ""))
    (folder / "resume").mkdir()
    root = Path(__file__).resolve().parents[2]
    env = {**own_settings.worker_env(), "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1",
           "BERTDEMO_CHECKPOINTS": str(tiny)}  # fmt: skip
    script = f'mount -t tmpfs -o size=1200k tmpfs "{folder}/resume" && exec "$0" -c "$1" "{folder}"'
    command = ["unshare", "-rm", "sh", "-c", script, sys.executable, _ON_A_SMALL_DISK]
    done = subprocess.run(command, env=env, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert events_of(folder, ev.Failed)[-1].message == "error.disk_full"
    assert resumed_from(folder) == [0, 6]
    outcome = runs.outcome(folder)
    assert (outcome.weights, outcome.evaluations) == (expected.weights, expected.evaluations)
