"""The seed of the split, set beside the data, is shown and is the run's; what is no seed is refused in words."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.conftest import Visit
from tests.e2e.files import write_reviews
from tests.e2e.server import Server


def test_the_split_seed_of_the_data_is_that_of_the_run(visit: Visit, server: Server, tmp_path: Path) -> None:
    visitor = visit("en").open("train").tiny()
    page = visitor.page
    visitor.upload(write_reviews(tmp_path / "seeded.csv", 40))
    visitor.set(epochs=1)
    visitor.unfold("#train-reading")
    visitor.unfold("#train-held-out")
    seed, label = page.locator("#train-split-seed input"), visitor.say("config.split_seed")
    assert seed.input_value() == "42" and "123" not in page.locator("#train-chosen").inner_text()
    seed.fill("-1")
    seed.press("Enter")
    page.locator(".toast-body").get_by_text(label).first.wait_for()
    seed.fill("123")
    seed.press("Enter")
    visitor.sees("#train-chosen", "fine_tune.will.seed", seed=123)
    run = visitor.start("finished")
    request = json.loads((server.home / "runs" / run / "run.json").read_text(encoding="utf-8"))["request"]
    assert request["split_seed"] == 123 and request["config"]["seed"] == 42
