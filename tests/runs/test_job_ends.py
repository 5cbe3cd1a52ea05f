"""How a run ends before its time: stopped at any moment, out of memory, out of disk, out of numbers, deleted."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bertdemo.checkpoints import Catalogue
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry
from bertdemo.runs.status import status_of
from bertdemo.runs.worker import job, preparing
from bertdemo.settings import Settings
from bertdemo.tasks.classification import Classification
from tests.runs.conftest import Work
from tests.runs.support import events_of, request_for

pytestmark = pytest.mark.slow

When = Callable[[ev.RunEvent, list[ev.RunEvent]], bool]


def on_event(monkeypatch: pytest.MonkeyPatch, when: When, act: Callable[[Path], object]) -> None:
    """Call `act` with the run folder right after the first event for which `when(event, all so far)` holds."""
    emit, seen, done = job.Job.emit, [], []

    def spy(self: job.Job, kind: str, **fields: Any) -> None:
        emit(self, kind, **fields)
        seen.append(events_of(self._folder)[-1])
        if not done and when(seen[-1], seen):
            done.append(True)
            act(self._folder)

    monkeypatch.setattr(job.Job, "emit", spy)


def press_stop(folder: Path) -> None:
    (folder / "cancel").touch()


def first_step(event: ev.RunEvent, _: list[ev.RunEvent]) -> bool:
    return isinstance(event, ev.Step)


def with_model(monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], None]) -> None:
    """Change the model that a run trains."""
    open_model = Classification.model

    def changed(self: Classification, folder: Path, options: Any) -> Any:
        opened = open_model(self, folder, options)
        change(opened.model)
        return opened

    monkeypatch.setattr(Classification, "model", changed)


def test_a_stop_before_the_first_evaluation_keeps_the_last_weights_and_says_so(
    work: Work, data: Path, registry: Registry, own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_event(monkeypatch, first_step, press_stop)
    folder = work(request_for(data))
    cancelled = events_of(folder, ev.Cancelled)[0]
    assert (cancelled.evaluated, cancelled.metrics, cancelled.checkpoint) == (False, {}, folder.name)
    assert cancelled.step == 1
    assert not events_of(folder, ev.Evaluated)
    assert status_of(registry.read(folder.name, "")).kept_unevaluated
    card = Catalogue(own_settings).card(folder.name, "")
    assert card is not None
    assert not card.evaluated
    assert registry.evaluation(folder.name, "") == []


def test_a_stop_after_an_evaluation_keeps_the_best_weights(
    work: Work, data: Path, registry: Registry, own_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def step_after_saved(event: ev.RunEvent, seen: list[ev.RunEvent]) -> bool:
        return isinstance(event, ev.Step) and any(isinstance(one, ev.Saved) for one in seen)

    def keep_and_stop(folder: Path) -> None:
        shutil.copyfile(folder / "best" / "model.safetensors", tmp_path / "best.safetensors")
        press_stop(folder)

    on_event(monkeypatch, step_after_saved, keep_and_stop)
    folder = work(request_for(data))
    cancelled = events_of(folder, ev.Cancelled)[0]
    assert (cancelled.evaluated, cancelled.step, cancelled.evaluated_on) == (True, 3, "validation")
    assert cancelled.metrics["accuracy"]["value"] == events_of(folder, ev.Evaluated)[0].metrics["accuracy"]
    assert len(registry.evaluation(folder.name, "")) == cancelled.rows == 12
    from safetensors.torch import load_file

    best = load_file(tmp_path / "best.safetensors")
    kept = load_file(Catalogue(own_settings).folder(folder.name, "") / "model.safetensors")
    assert all(kept[name].equal(best[name]) for name in kept)


def test_rows_of_a_stopped_run_carry_their_own_labels(
    work: Work, data: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_event(monkeypatch, lambda event, _: isinstance(event, ev.Saved), press_stop)
    folder = work(request_for(data))
    for row in registry.evaluation(folder.name, ""):
        good = str(row["text"]).split()[0] in {"good", "great", "nice", "love"}
        assert row["label"] == ("yes" if good else "no")
        assert f" film {int(str(row['row'])) - 2}" in str(row["text"])


def test_a_stop_before_the_worker_began_ends_at_once(
    work: Work, data: Path, own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare: Any = job.Job._run
    monkeypatch.setattr(job.Job, "_run", lambda self: (press_stop(self._folder), prepare(self))[1])
    folder = work(request_for(data))
    assert [event.kind for event in events_of(folder)] == ["queued", "cancelled"]
    assert events_of(folder, ev.Cancelled)[0].checkpoint == ""
    assert not Catalogue(own_settings).owns(folder.name, "")


def test_a_stop_during_encoding_ends_there(work: Work, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encode: Any = Classification.encode

    def slow(self: Classification, *arguments: Any) -> Any:
        press_stop(arguments[-1].stop.__self__._folder)
        return encode(self, *arguments)

    monkeypatch.setattr(Classification, "encode", slow)
    folder = work(request_for(data))
    assert [event.kind for event in events_of(folder)] == ["queued", "cancelled"]
    assert not list((folder / "encoded").glob("*"))


def test_a_stop_during_the_last_measurement_reports_the_best_epoch(
    work: Work, data: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def testing(event: ev.RunEvent, _: list[ev.RunEvent]) -> bool:
        return isinstance(event, ev.Phase) and event.name == "testing"

    on_event(monkeypatch, testing, press_stop)
    folder = work(request_for(data))
    cancelled = events_of(folder, ev.Cancelled)[0]
    assert cancelled.evaluated
    assert cancelled.metrics["accuracy"]["value"] == max(
        event.metrics["accuracy"] for event in events_of(folder, ev.Evaluated)
    )
    assert registry.read(folder.name, "").state == "cancelled"


def test_a_terminate_signal_stops_like_the_button(work: Work, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_event(monkeypatch, lambda event, _: isinstance(event, ev.Saved), lambda _: os.kill(os.getpid(), signal.SIGTERM))
    folder = work(request_for(data))
    cancelled = events_of(folder, ev.Cancelled)[0]
    assert (cancelled.evaluated, cancelled.checkpoint) == (True, folder.name)


def test_the_time_limit_of_a_public_server_keeps_the_best_weights(
    work: Work, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPACE_ID", "someone/space")
    late: list[bool] = []
    on_event(monkeypatch, lambda event, _: isinstance(event, ev.Saved), lambda _: late.append(True))
    monkeypatch.setattr(job.Job, "_seconds", lambda self: 1e6 if late else 1.0)
    folder = work(request_for(data))
    warned = [event for event in events_of(folder, ev.Warned) if event.message == "warning.time_limit"]
    assert [event.values for event in warned] == [{"minutes": 20}]
    assert events_of(folder, ev.Cancelled)[0].evaluated


def test_a_loss_that_is_not_a_number_fails_the_run_with_its_step(
    work: Work, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_model(monkeypatch, lambda model: model.classifier.weight.data.fill_(float("nan")))
    folder = work(request_for(data))
    failed = events_of(folder, ev.Failed)[0]
    assert (failed.message, failed.values) == ("error.loss_not_finite", {"step": 1, "learning_rate": "0.001"})
    assert not events_of(folder, ev.Step)


def test_a_loss_that_stops_being_a_number_after_an_evaluation_keeps_the_best_epoch(
    work: Work, data: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> None:
    trained: list[Any] = []
    with_model(monkeypatch, trained.append)

    def break_model(_: Path) -> None:
        trained[0].classifier.weight.data.fill_(float("nan"))

    on_event(monkeypatch, lambda event, _: isinstance(event, ev.Saved), break_model)
    status = status_of(registry.read(work(request_for(data)).name, ""))
    assert (status.state, len(status.evaluations)) == ("finished", 1)
    assert "warning.loss_not_finite" in [warning.key for warning in status.warnings]
    assert status.checkpoint and status.metrics["accuracy"]["value"] is not None


def test_training_ends_where_so_many_epochs_have_brought_nothing(work: Work, data: Path, registry: Registry) -> None:
    # At this learning rate nothing changes, so that the first epoch stays the best.
    frozen = {"epochs": 9, "learning_rate": 1e-7, "early_stopping": 2, "head_learning_rate_factor": 1.0}
    status = status_of(registry.read(work(request_for(data, config=frozen)).name, ""))
    best = max(range(len(status.evaluations)), key=lambda at: status.evaluations[at].best * (at + 1))
    assert (status.state, len(status.evaluations)) == ("finished", best + 3)
    assert [warning.values for warning in status.warnings if warning.key == "warning.early_stopping"] == [{"epochs": 2}]


def test_a_loss_that_is_not_a_number_is_found_by_the_evaluation_too(
    work: Work, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bertdemo.runs.worker import training

    monkeypatch.setattr(training.Reporter, "on_log", lambda *_, **__: None)  # as on a GPU between two logged steps
    with_model(monkeypatch, lambda model: model.classifier.weight.data.fill_(float("nan")))
    folder = work(request_for(data))
    assert events_of(folder, ev.Failed)[0].message == "error.loss_not_finite"


@pytest.mark.parametrize(
    ("batch", "message", "values"),
    [
        (16, "out_of_memory", {"device": "CPU", "batch_size": 16, "smaller": 8}),
        (1, "out_of_memory_at_one", {"device": "CPU", "max_length": 64}),
    ],
)
def test_running_out_of_memory_names_what_can_still_be_smaller(
    work: Work, data: Path, monkeypatch: pytest.MonkeyPatch, batch: int, message: str, values: dict[str, Any]
) -> None:
    import torch

    def fail(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

    with_model(monkeypatch, lambda model: setattr(model.bert, "forward", fail))
    folder = work(request_for(data, config={"batch_size": batch, "max_length": 64}))
    failed = events_of(folder, ev.Failed)[0]
    assert (failed.message, failed.values) == (f"error.{message}", values)


def test_memory_that_runs_out_before_the_training_is_said_without_a_number(
    work: Work, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(preparing, "dataset_of", fail)
    failed = events_of(work(request_for(data)), ev.Failed)[0]
    assert (failed.message, failed.values) == ("error.out_of_memory_early", {})


def test_a_full_disk_is_said_and_room_is_made(
    work: Work, data: Path, own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(job, "publish", full)
    folder = work(request_for(data))
    assert events_of(folder, ev.Failed)[0].message == "error.disk_full"
    assert not (folder / "best").exists()
    assert not Catalogue(own_settings).owns(folder.name, "")


def test_a_bug_is_told_by_an_id_that_stands_in_the_log(
    work: Work, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the cat sat on it")

    with_model(monkeypatch, lambda model: setattr(model.bert, "forward", broken))
    folder = work(request_for(data))
    failed = events_of(folder, ev.Failed)[0]
    assert failed.message == "error.bug_in_run"
    said = capsys.readouterr().err
    assert f"error {failed.values['error_id']}" in said
    assert "the cat sat on it" in said


def test_a_length_beyond_the_model_is_refused(work: Work, data: Path) -> None:
    folder = work(request_for(data, config={"max_length": 256}))
    failed = events_of(folder, ev.Failed)[0]
    assert failed.message == "error.length_beyond_model"
    assert failed.values == {"length": 256, "positions": 128, "checkpoint": "tiny"}


def test_a_worker_whose_run_was_deleted_ends_quietly(
    registry: Registry, work: Work, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_event(monkeypatch, first_step, lambda folder: folder.rename(folder.with_name(".trash-1")))
    folder = work(request_for(data))
    assert "Traceback" not in capsys.readouterr().err
    assert not folder.exists()
