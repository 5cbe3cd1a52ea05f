"""What `make bench` plants in labeled data is found row by row; here in a sample of ours."""

from __future__ import annotations

import csv

from benchmarks import faults
from bertdemo import samples
from bertdemo.services import Services
from bertdemo.settings import Settings


def test_every_planted_fault_is_found(settings: Settings) -> None:
    with samples.sample_path("support_en").open(encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["intent"]) for row in csv.DictReader(file)]
    found = faults.row(Services.create(settings), "a sample", "every one found", rows)
    assert found.held, found.result
    planted = faults.plant(rows)
    assert min(map(len, (planted.copies, planted.conflicts, planted.labels))) >= 4


def test_a_fault_that_is_not_found_is_named(settings: Settings) -> None:
    rows = [(f"text {i}", "yes" if i % 2 else "no") for i in range(60)]
    found = faults.row(Services.create(settings), "short labels", "every one found", rows)
    assert not found.held and "labels" in found.result  # `nno` is too short to be taken for a slip
