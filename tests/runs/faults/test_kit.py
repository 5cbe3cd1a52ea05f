"""The kit: a fault happens at its point and at no other, once or from then on, and under tests only."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from bertdemo import disk, faults
from bertdemo.processes import write_atomic
from bertdemo.settings import Settings


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    faults.arm("")


def failing(text: str, points: list[str]) -> list[int]:
    """Return which of the points fail, counted from 1."""
    faults.arm(text)
    failed = []
    for at, point in enumerate(points, 1):
        try:
            faults.fault(point)
        except OSError:
            failed.append(at)
    return failed


def test_a_fault_happens_at_its_point_once_or_from_then_on() -> None:
    points = ["write", "sync", "write", "event", "write"]
    assert failing("write:2:full", points) == [3]
    assert failing("write:2:full:on", points) == [3, 5]
    assert failing("any:2:io", points) == [2]
    assert failing("any:4:io:on", points) == [4, 5]
    assert failing("any:0:full", points) == failing("", points) == []


def test_a_point_that_knows_its_step_is_met_by_the_step() -> None:
    fault = faults.arm("step:7:full")
    faults.fault("step", 6)
    with pytest.raises(OSError, match="space") as caught:
        faults.fault("step", 7)
    assert disk.is_full(caught.value) and caught.value.errno == errno.ENOSPC
    faults.fault("step", 8)
    assert fault is not None and (fault.passed, fault.fired) == (3, 1)


def test_outside_of_pytest_no_fault_is_read(tmp_path: Path) -> None:
    env = {"BERTDEMO_HOME": str(tmp_path), "BERTDEMO_FAULT": "any:1:kill"}
    assert Settings.from_env(env).fault == ""
    assert Settings.from_env({**env, "PYTEST_CURRENT_TEST": "x"}).fault == "any:1:kill"


def test_a_file_is_old_or_new_and_no_draft_is_left_wherever_its_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    failed = 0
    for action in ("full", "io"):
        for k in range(1, 10):
            fault = faults.arm(f"any:{k}:{action}")
            try:
                write_atomic(path, "new")
            except OSError:
                failed += 1
                assert path.read_text() == "old"
            assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]
            if fault is not None and not fault.fired:
                break
        assert path.read_text() == "new"
        path.write_text("old")
    assert failed == 6  # a write, a sync and a replacement, twice


def test_a_full_disk_under_a_file_of_tensors_is_an_error_of_the_operating_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from safetensors import SafetensorError
    from safetensors import torch as written

    def full(*_: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    def broken(*_: object) -> None:
        raise SafetensorError("Error while serializing: InvalidTensorView")

    monkeypatch.setattr(written, "save_file", full)
    with pytest.raises(OSError, match="space") as caught:
        disk.save_tensors({"a": torch.zeros(1)}, tmp_path / "a")
    assert disk.is_full(caught.value)
    monkeypatch.setattr(written, "save_file", broken)
    with pytest.raises(SafetensorError):
        disk.save_tensors({"a": torch.zeros(1)}, tmp_path / "a")
