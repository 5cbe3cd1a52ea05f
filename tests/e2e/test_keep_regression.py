"""The baseline becomes a checkpoint with one press, and can be asked and looked into like any other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.conftest import Visit
from tests.e2e.files import write_reviews
from tests.e2e.inside import Inside


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_person_keeps_the_regression_and_uses_it(visit: Visit, tmp_path: Path, lang: str) -> None:
    visitor = visit(lang).open("train").tiny()
    page = visitor.page
    visitor.upload(write_reviews(tmp_path / "kept reviews.csv", 60))
    assert not page.locator("#train-keep").is_visible()
    page.click("#train-baseline")
    visitor.sees("#train-baselines", "fine_tune.baseline.frozen")
    page.click("#train-keep")
    panel = page.locator("#train-panel [data-run]")
    page.locator("#train-panel [data-state=finished]").wait_for()
    run = panel.get_attribute("data-run")
    assert run and visitor.query()["run"] == run
    visitor.sees("#train-outcome", "result.frozen")
    visitor.sees("#train-outcome", "result.on_held_out")
    assert page.locator("#train-panel svg").count() == 0

    page.click("#train-inspect")
    Inside(visitor).drawn().step("head")
    visitor.sees("#inside-head", "inside.mean_head.title")

    visitor.tab("train")
    page.click("#train-try")
    page.locator("#predict-text").wait_for()
    visitor.infers_with("kept reviews.csv")
    visitor.ask("a good film")
    page.locator("#predict-answer .bd-bars .n").first.filter(has_text=re.compile("%")).wait_for()
    assert visitor.say("predict.untrained") not in page.locator("#predict-answer").inner_text()


def test_other_data_takes_the_button_away(visit: Visit, tmp_path: Path) -> None:
    visitor = visit("en").open("train").tiny()
    page = visitor.page
    visitor.upload(write_reviews(tmp_path / "first.csv", 40))
    page.click("#train-baseline")
    page.locator("#train-keep").wait_for()
    visitor.sample("reviews_en")
    page.locator("#train-keep").wait_for(state="hidden")
