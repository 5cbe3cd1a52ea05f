"""A file with few rows per label is trained by the few-shot recipe, and another recipe can be chosen."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import Visit
from tests.e2e.files import write_reviews


def test_few_rows_are_trained_by_pairs_unless_another_recipe_is_chosen(visit: Visit, tmp_path: Path) -> None:
    visitor = visit("en").open("train").tiny()
    page = visitor.page
    visitor.upload(write_reviews(tmp_path / "few reviews.csv", 24))
    visitor.sees("#train-recipe", "recipe.few_shot.reason", rows=9)
    page.click("#config-method input")
    page.get_by_role("option", name=visitor.say("config.choice.fine_tune")).click()
    visitor.sees("#train-recipe", "recipe.other", rows=9)
    page.click("#config-method input")
    page.get_by_role("option", name=visitor.say("config.choice.contrastive")).click()
    visitor.sees("#train-recipe", "recipe.few_shot.reason", rows=9)
    visitor.set(epochs=2)
    page.click("#train-start")
    page.locator("#train-panel [data-state=finished]").wait_for()
    visitor.sees("#train-outcome", "result.on_held_out")
    page.click("#train-open")
    visitor.sees("#tab-runs", "runs.recipe.few_shot")
