"""The time that a run will take: its work, as the run itself counts it, divided by the measured speed of the device."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bertdemo.analysis.report import LengthSummary
from bertdemo.checkpoints import Catalogue
from bertdemo.device import Device, cpu, precision_for
from bertdemo.run_config import RunConfig
from bertdemo.runs.estimate import SPEEDS_FILE, Estimates, Speeds, layer_parameters, mean_tokens
from bertdemo.runs.work import Work
from bertdemo.runs.worker.optimization.batches import TrainingOrder, padded_positions
from bertdemo.settings import Settings

CPU = Device("cpu", "cpu", "a CPU", 0, 0, bfloat16=True, float16=False, cores=2)
# 3 texts of about 4 tokens and 1 of about 20.
LENGTHS = LengthSummary(8, 24, 24, 24, ((8, 3), (16, 0), (24, 1)), 24, 0.0, 4)
SPLIT = {"train": 100, "validation": 20}
CONFIG = RunConfig(epochs=3, batch_size=16, max_length=32, learning_rate=1e-4)


def test_the_mean_length_is_that_of_the_bars_and_no_text_is_longer_than_the_maximum() -> None:
    assert mean_tokens(LENGTHS, 512) == (3 * 4 + 20) / 4
    assert mean_tokens(LENGTHS, 10) == (3 * 4 + 10) / 4
    assert mean_tokens(replace(LENGTHS, histogram=()), 10) == 0


def test_the_estimate_is_the_work_of_the_run_divided_by_the_speed(tmp_path: Path, settings: Settings) -> None:
    info = Catalogue(settings).describe("bundled", "")
    estimates = Estimates(tmp_path)
    assert estimates.training_seconds(LENGTHS, SPLIT, CONFIG, info, CPU) is None  # nothing was measured yet
    Speeds(tmp_path).note("a CPU", "bfloat16", 1e9)
    lengths = [4] * 75 + [20] * 25
    train = padded_positions(TrainingOrder(100, CONFIG.seed, 16, lengths), lengths)
    held_out = 20 * 20  # one batch of at most 32 rows, as long as its longest
    work = Work(train, 3, held_out, held_out)
    assert 100 * 8 < train <= 100 * 20
    expected = work.total * layer_parameters(info.layers, info.width) / 1e9
    Speeds(tmp_path).note_overhead(2.5)
    assert estimates.training_seconds(LENGTHS, SPLIT, CONFIG, info, CPU) == pytest.approx(2.5 + expected)
    Speeds(tmp_path).note_overhead(0.0)
    assert estimates.training_seconds(LENGTHS, SPLIT, CONFIG, info, CPU) == pytest.approx(expected)
    longer = estimates.training_seconds(LENGTHS, SPLIT, replace(CONFIG, epochs=6), info, CPU)
    assert longer is not None
    assert longer > 1.8 * expected
    probe = estimates.training_seconds(LENGTHS, SPLIT, replace(CONFIG, method="regression"), info, CPU)
    assert probe is not None
    assert probe < expected / 5
    other = replace(CONFIG, precision="float32")
    assert estimates.training_seconds(LENGTHS, SPLIT, other, info, CPU) is None


def test_a_large_file_is_estimated_from_a_sample_of_its_rows(tmp_path: Path, settings: Settings) -> None:
    info = Catalogue(settings).describe("bundled", "")
    Speeds(tmp_path).note("a CPU", "bfloat16", 1e9)
    Speeds(tmp_path).note_overhead(0.0)
    estimates = Estimates(tmp_path)
    small = estimates.training_seconds(LENGTHS, {"train": 2_000, "validation": 2_000}, CONFIG, info, CPU)
    large = estimates.training_seconds(LENGTHS, {"train": 1_000_000, "validation": 1_000_000}, CONFIG, info, CPU)
    assert small and large == pytest.approx(500 * small)
    assert estimates.training_seconds(replace(LENGTHS, histogram=()), SPLIT, CONFIG, info, CPU) == 0.0


def test_embedding_takes_one_forward_pass_of_each_token_on_the_processor(tmp_path: Path, settings: Settings) -> None:
    info = Catalogue(settings).describe("bundled", "")
    estimates = Estimates(tmp_path)
    assert estimates.embedding_seconds(LENGTHS, 50, 128, info) is None  # nothing was measured yet
    device = cpu()
    Speeds(tmp_path).note(device.name, precision_for(device, "auto"), 1e9)
    tokens = 50 * mean_tokens(LENGTHS, 10)
    expected = tokens * layer_parameters(info.layers, info.width) / 1e9
    assert estimates.embedding_seconds(LENGTHS, 50, 10, info) == pytest.approx(expected)


def test_the_layers_of_the_bundled_model_are_counted_as_transformers_counts_them(settings: Settings) -> None:
    from bertdemo.checkpoints.loading import open_model

    catalogue = Catalogue(settings)
    info = catalogue.describe("bundled", "")
    model = open_model(catalogue.folder("bundled", ""), "BertModel").model
    weights = sum(p.numel() for name, p in model.encoder.named_parameters() if p.ndim == 2)
    assert layer_parameters(info.layers, info.width) == weights


def test_a_damaged_file_and_a_full_disk_cost_only_the_estimate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speeds = Speeds(tmp_path)
    for text in ("{", "[]", '{"a CPU bfloat16": "fast"}', '{"a CPU bfloat16": 0}'):
        (tmp_path / SPEEDS_FILE).write_text(text, encoding="utf-8")
        assert speeds.of("a CPU", "bfloat16") is None

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bertdemo.runs.estimate.write_atomic", full)
    speeds.note("a CPU", "bfloat16", 1.0)
    assert speeds.of("a CPU", "bfloat16") is None


@pytest.mark.slow
def test_a_spare_worker_measures_a_cpu_once(own_settings: Settings) -> None:
    from bertdemo import device as devices
    from bertdemo.runs.worker.calibrate import calibrate

    if devices.report().devices[0].kind != "cpu":
        pytest.skip("the best device is a GPU, which is measured by runs alone")
    calibrate(own_settings)
    measured = (own_settings.home / SPEEDS_FILE).read_text(encoding="utf-8")
    calibrate(own_settings)
    assert (own_settings.home / SPEEDS_FILE).read_text(encoding="utf-8") == measured
