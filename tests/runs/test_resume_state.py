"""What a resume checkpoint holds comes back as it was: any optimizer's state, and two checkpoints by their step."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bertdemo.runs.resume import checkpoints
from bertdemo.runs.resume.checkpoints import Conditions, Torn

HERE = Conditions("2.13.0", "5.23.0", "2", "CPU", "some processor", "abc", "def")


def written(run: Path, step: int, content: bytes = b"weights", *, evaluated: bool = True) -> Path:
    """Publish a checkpoint of one file."""

    def write(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(content)

    return checkpoints.publish(run, step, 1, HERE, write, evaluated=evaluated)


def test_another_precision_is_a_difference_unless_the_checkpoint_is_from_before_it_was_noted() -> None:
    noted = replace(HERE, precision="bfloat16")
    assert noted.differences(replace(HERE, precision="float32")) == "precision bfloat16 → float32"
    assert HERE.differences(noted) == noted.differences(noted) == ""


def test_short_epochs_are_not_each_followed_by_a_long_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bertdemo.runs.worker.training_checkpoints import Saving

    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    saving = Saving(tmp_path, 1, HERE, tmp_path / "best")

    def save(seconds: float) -> None:
        def write(folder: Path) -> None:
            clock[0] += seconds

        saving.publish(len(clock), write, evaluated=True)

    assert saving.due_after_epoch()  # the first one always
    save(1.0)
    clock[0] += 19.0
    assert not saving.due_after_epoch()
    clock[0] += 1.0
    assert saving.due_after_epoch()
    save(0.1)
    assert saving.due_after_epoch()  # a save that takes no time to speak of


def test_the_newest_two_are_kept_by_step_whatever_the_clock_says(tmp_path: Path) -> None:
    for step in (3, 6, 9):
        os.utime(written(tmp_path, step), (time.time() - 1000 * step,) * 2)
    assert [checkpoints.step_of(folder) for folder in checkpoints.folders(tmp_path)] == [9, 6]
    assert checkpoints.newest_step(tmp_path) == 9
    (tmp_path / "resume" / "step-00000009" / "model.safetensors").unlink()
    assert checkpoints.newest_step(tmp_path) == 6
    written(tmp_path, 12)
    assert {checkpoints.step_of(folder) for folder in checkpoints.folders(tmp_path)} == {12, 9, 6}  # 9 is not whole
    checkpoints.remove_all(tmp_path)
    assert not (tmp_path / "resume").exists() and checkpoints.newest_step(tmp_path) is None


def test_a_checkpoint_of_the_same_step_takes_its_place(tmp_path: Path) -> None:
    written(tmp_path, 3, b"first", evaluated=False)
    folder = written(tmp_path, 3, b"second")
    assert checkpoints.verify(folder).manifest.evaluated
    assert (folder / "model.safetensors").read_bytes() == b"second"
    assert [path.name for path in folder.parent.iterdir()] == ["step-00000003"]


def test_a_write_that_fails_leaves_no_draft_and_the_older_one_whole(tmp_path: Path) -> None:
    folder = written(tmp_path, 3)

    def full(draft: Path) -> None:
        (draft / "model.safetensors").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full"):
        checkpoints.publish(tmp_path, 6, 1, HERE, full, evaluated=True)
    assert [path.name for path in folder.parent.iterdir()] == ["step-00000003"]
    assert checkpoints.verify(folder).manifest.step == 3


def test_a_manifest_of_another_format_or_step_is_torn(tmp_path: Path) -> None:
    folder = written(tmp_path, 3)
    text = (folder / "manifest.json").read_text()
    for wrong in (text.replace('"schema": 1', '"schema": 2'), text.replace('"step": 3', '"step": 4'), "{", ""):
        assert wrong != text
        (folder / "manifest.json").write_text(wrong)
        with pytest.raises(Torn, match=r"manifest\.json"):
            checkpoints.verify(folder)


def test_what_differs_is_named_with_both_values() -> None:
    from dataclasses import replace

    assert HERE.differences(HERE) == ""
    there = replace(HERE, torch="2.14.0", threads="4")
    assert HERE.differences(there) == "torch 2.13.0 → 2.14.0, threads 2 → 4"


@pytest.mark.slow
def test_a_nested_value_comes_back_with_its_types_and_without_a_pickle(tmp_path: Path) -> None:
    import numpy as np
    import torch

    from bertdemo.runs.worker.resume import state_tree

    value = {
        "state": {0: {"step": torch.tensor(3.0), "master": torch.arange(4, dtype=torch.float64)}, 1: {}},
        "betas": (0.9, 0.999), "groups": [{"lr": 1e-3, "params": [0, 1], "foreach": None, "fused": True}],
        "low": torch.tensor([1.5, -2.0], dtype=torch.bfloat16), "logits": (np.eye(2, dtype=np.float32), np.int64(3)),
        "name": "…",
    }  # fmt: skip
    state_tree.save(tmp_path, "state", value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state.json", "state.safetensors"]
    loaded = state_tree.load(tmp_path, "state")
    assert loaded["state"][0]["master"].equal(value["state"][0]["master"])  # type: ignore[index]
    assert loaded["low"].dtype == torch.bfloat16 and loaded["low"].equal(value["low"])
    assert (loaded["logits"][0] == np.eye(2)).all() and loaded["logits"][0].dtype == np.float32
    plain = ("betas", "groups", "name")
    assert {name: loaded[name] for name in plain} == {name: value[name] for name in plain}
    assert loaded["state"][1] == {} and loaded["logits"][1] == 3
    with pytest.raises(TypeError, match=r"state\.wrong"):
        state_tree.save(tmp_path, "state", {"wrong": object()})


@pytest.mark.slow
def test_an_optimizer_gets_back_a_float32_copy_of_bfloat16_weights_unrounded(tmp_path: Path) -> None:
    import torch

    from bertdemo.runs.worker.resume import state_tree
    from bertdemo.runs.worker.training_checkpoints import _restore_optimizer

    class WithCopy(torch.optim.Optimizer):
        """Keeps a precise copy of each weight beside its rounded one."""

        def step(self, closure: Any = None) -> Any:
            for group in self.param_groups:
                for parameter in group["params"]:
                    state = self.state[parameter]
                    state.setdefault("own copy", parameter.detach().float().clone())
                    state["own copy"] -= group["lr"] * parameter.grad.float()
                    parameter.data.copy_(state["own copy"])

    def made() -> tuple[Any, Any]:
        weight = torch.nn.Parameter(torch.tensor([1.0, 2.0], dtype=torch.bfloat16))
        return weight, WithCopy([weight], {"lr": 1e-4})

    weight, optimizer = made()
    weight.grad = torch.ones(2, dtype=torch.bfloat16)
    optimizer.step()
    state_tree.save(tmp_path, "state", optimizer.state_dict())
    again, resumed = made()
    _restore_optimizer(resumed, state_tree.load(tmp_path, "state"))
    copy = resumed.state[again]["own copy"]
    assert copy.dtype == torch.float32 and copy.equal(optimizer.state[weight]["own copy"])
    assert not copy.equal(copy.to(torch.bfloat16).float())  # in bfloat16 it would have been rounded


@pytest.mark.slow
def test_a_tensor_file_on_a_full_disk_is_an_os_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import safetensors.torch
    import torch
    from safetensors import SafetensorError

    from bertdemo.runs.worker.resume import state_tree

    def full(*_: Any) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(OSError) as caught:
        state_tree.save_tensors({"a": torch.zeros(1)}, tmp_path / "a")
    assert caught.value.errno == errno.ENOSPC
