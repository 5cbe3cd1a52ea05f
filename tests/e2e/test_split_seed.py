"""The seed of the split, set beside the data, is the run's; a number that is no seed is refused in words."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Page, Request

from tests.e2e.conftest import Visit
from tests.e2e.files import write_reviews
from tests.e2e.server import Server


def _set(page: Page, seed: str) -> None:
    """Type a seed, press Enter, and wait until the server has answered all that was asked."""

    def answered(request: Request) -> bool:
        return "queue/data" in request.url

    box = page.locator("#train-split-seed input")
    box.fill(seed)
    with page.expect_event("requestfinished", answered):
        box.press("Enter")


def test_the_split_seed_of_the_data_is_that_of_the_run(visit: Visit, server: Server, tmp_path: Path) -> None:
    visitor = visit("en").open("train").tiny()
    page = visitor.page
    visitor.upload(write_reviews(tmp_path / "seeded.csv", 40))
    visitor.set(epochs=1)
    page.locator("#train-held-out button").first.click()
    assert page.input_value("#train-split-seed input") == "42"
    _set(page, "-1")
    page.locator(".toast-body").get_by_text("Split seed").first.wait_for()
    _set(page, "7")
    run = visitor.start("finished")
    request = json.loads((server.home / "runs" / run / "run.json").read_text(encoding="utf-8"))["request"]
    assert request["split_seed"] == 7 and request["config"]["seed"] == 42
