"""Try several, by a person: a budget of zero, layers compared in place, found again after a reload, and taken over."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import Visit
from tests.e2e.files import write_reviews


def test_layers_are_compared_found_again_and_taken_over(visit: Visit, tmp_path: Path) -> None:
    visitor = visit("en", viewport={"width": 390, "height": 844}).open("train").tiny()
    page = visitor.page
    visitor.upload(write_reviews(tmp_path / "layer reviews.csv", 80))
    visitor.set(epochs=1)
    visitor.unfold("#train-study")
    kinds = page.locator("#study-kind").get_by_role("radio")
    kinds.nth(3).check()
    rate = page.locator("#study-learning_rate-low").locator("input, textarea")
    rate.fill("0")
    page.click("#study-go")
    visitor.sees("#study-refused", "error.field_out_of_bounds", low="1e-07", high="0.01", value="0")
    rate.fill("")
    page.locator("#study-minutes input").fill("0")
    page.click("#study-go")
    visitor.sees("#study-refused", "error.budget_out_of_bounds", low=0, high=24 * 60, value="0")
    kinds.nth(1).check()
    visitor.sees("#study-plan", "study.will.layers", n=2)
    page.click("#study-go")
    page.locator("#study-panel .bd-study > [data-study]").wait_for()
    assert visitor.query()["study"] and not page.locator("#train-loaded").is_visible()
    assert page.locator("#study-stop").is_visible() and page.locator("#study-panel").is_visible()
    page.reload()
    page.locator("#study-panel [data-state=ended]").wait_for()
    assert page.locator("#study-panel tbody tr").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    study = visitor.query()["study"]
    page.click("#study-delete")
    visitor.sees("#study-deleted", "study.deleted.other", n=2, name="layer reviews.csv")
    assert "study" not in visitor.query() and not page.locator("#study-panel").is_visible()
    page.click("#study-deleted [data-undo]")
    page.locator("#study-panel [data-state=ended]").wait_for()
    page.wait_for_url(f"**study={study}**")
    page.locator("#study-panel [data-use='0']").click()
    page.locator("#train-start:not([disabled])").wait_for()
    visitor.unfold("#train-all")
    assert page.locator("#config-layers textarea, #config-layers input").input_value() == "1"
    assert "study" not in visitor.query()
