"""From a sample to an own prediction: what a person asked for is in the window, without scrolling, when it happens."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Route, expect

from bertdemo.run_config import specs
from tests.e2e.conftest import Visit
from tests.e2e.files import write_reviews
from tests.e2e.server import HANG
from tests.e2e.visitor import Visitor

# Which of these elements are not wholly inside the window, or lie below the bar.
OUTSIDE = """selectors => selectors.filter((selector) => {
  const element = document.querySelector(selector);
  if (!element || !element.checkVisibility()) return true;
  const box = element.getBoundingClientRect();
  const bar = document.querySelector("#train-bar").getBoundingClientRect();
  const bottom = element.closest("#train-bar") ? innerHeight : bar.top;
  return box.width < 1 || box.top < 0 || box.left < 0 || box.right > innerWidth || box.bottom > bottom;
})"""
ANSWER = "**/run/predict*"


def _in_window(visitor: Visitor, *selectors: str) -> None:
    for width in (1440, 1280):
        visitor.page.set_viewport_size({"width": width, "height": 900})
        assert visitor.page.evaluate("scrollY") == 0
        assert visitor.page.evaluate(OUTSIDE, list(selectors)) == [], width


def test_data_training_and_result_are_in_the_window_without_scrolling(visit: Visit) -> None:
    visitor = visit("en").open("train")
    page = visitor.page
    visitor.sees("#train-chosen", "fine_tune.reason.no_data")
    expect(page.locator("#train-start")).to_be_disabled()
    _in_window(visitor, "#train-file", "#train-paste", "[data-sample=support_en]", "#train-start")

    visitor.sample("support_en")
    tiles = [f"[data-tile={name}]" for name in ("labels", "checks", "rows")]
    _in_window(visitor, "#train-cards .bd-file", *tiles, "#train-settings", "#train-start")
    visitor.sees("#train-chosen", "fine_tune.will.two")
    placeholder = page.locator("#config-epochs").locator("input, textarea").first.get_attribute("placeholder")
    assert re.fullmatch(r"\d+ \(automatic\)", placeholder or "")

    page.click("[data-label=return]")
    page.locator("#train-preview .bd-label-rows li").nth(10).wait_for()
    page.click("#train-preview [data-all-rows]")
    page.locator("#train-preview .bd-first-rows table").wait_for()

    visitor.tiny().set(epochs=20)
    page.click("#train-start")
    page.locator("#train-panel .bd-plot.big").wait_for()
    _in_window(
        visitor, "#train-progress [role=meter]", "#train-stop", "#train-panel .bd-plot.big", "#train-cards .bd-file"
    )
    assert re.search(r"\d+%", page.locator("#train-progress").inner_text())

    page.locator("#train-panel .bd-plot.big .dot").first.wait_for()
    page.locator("#train-panel .bd-watched li").nth(4).wait_for()
    _in_window(visitor, "#train-panel .bd-plot.big .dot", "#train-panel .ring", "#train-panel .bd-watched")

    run = visitor.query()["run"]
    visitor.state(run, "finished")
    score = ["#train-outcome .bd-big", "#train-outcome .bd-score-strip", "#train-outcome .bd-verdict"]
    page.locator("#train-map .bd-cls-map.after").wait_for()
    _in_window(visitor, *score, "#train-text-live", "#train-map .bd-cls-map", "#train-open")
    assert page.locator("#train-map .bd-cls-map path").count() == 73

    for text in ("where is my parcel", "my card was declined"):
        page.locator("#train-text-live").locator("input, textarea").first.fill(text)
        page.locator("#train-answer .bd-two").wait_for()
    page.locator("#train-text-live").locator("input, textarea").first.fill("")
    page.locator("#train-answer .bd-two").wait_for(state="detached")

    visitor.reload()
    visitor.state(run, "finished")
    assert "support_en.csv 367 rows" in page.locator("#train-cards .bd-file").inner_text()
    page.locator("#train-map .bd-cls-map").wait_for()
    page.click("#train-settings-back")
    visitor.has_data("support_en.csv")
    assert page.locator("[data-label]").count() == 6


def test_three_clicks_lead_to_a_running_training_and_start_cannot_be_pressed_twice(visit: Visit) -> None:
    visitor = visit("en").open()
    page = visitor.page
    page.click("#tab-train-button")
    page.click("[data-sample=support_en]")
    start = page.locator("#train-start:not([disabled])")
    start.wait_for()
    asked: list[Route] = []

    def hold(route: Route) -> None:  # nobody answers yet
        asked.append(route)

    page.route(ANSWER, hold)
    page.locator("#train-start").click()
    expect(page.locator("#train-start")).to_be_disabled()
    page.locator("#train-start").evaluate("button => button.click()")
    starts = [route for route in asked if len(route.request.post_data_json["data"]) > len(specs())]
    for route in asked:
        route.continue_()
    page.unroute(ANSWER)
    page.wait_for_function("() => new URLSearchParams(location.search).get('run')")
    assert len(starts) == 1
    page.locator("#train-stop").click()
    visitor.state(visitor.query()["run"], "cancelled")


def test_pasted_rows_one_column_long_labels_and_a_photo_are_each_answered(visit: Visit, tmp_path: Path) -> None:
    visitor = visit("zh").open("train")
    page = visitor.page
    rows = "".join(f"film {i} was shown in room {i}\t{'good' if i % 2 else 'poor'} {'x' * 290}\n" for i in range(40))
    page.locator("#train-paste textarea").fill(f"text\tlabel\n{rows}")
    page.click("#train-use-paste")
    visitor.has_data("pasted.txt")
    page.locator("#train-report [data-label^=good]").wait_for()

    visitor.give("#train-file", {"name": "photo.csv", "mimeType": "text/csv", "buffer": bytes(range(256)) * 40})
    visitor.sees("#train-data-refused [role=alert]", "error.file_not_text", file="photo.csv")
    expect(page.locator("#train-start")).to_be_disabled()

    one = "text\n" + "".join(f"film {i} was shown in room {i}\n" for i in range(40))
    visitor.give("#train-file", {"name": "one.csv", "mimeType": "text/csv", "buffer": one.encode()})
    visitor.sees("#train-data-refused [role=alert]", "error.label_column_missing")
    page.click("#train-pretrain")
    visitor.has_data("one.csv")

    many = "text,label\n" + "".join(f"film {i} was shown,label {i % 150} {'y' * 180}\n" for i in range(600))
    visitor.give("#train-file", {"name": "many.csv", "mimeType": "text/csv", "buffer": many.encode()})
    visitor.has_data("many.csv")
    assert page.locator("#train-report [data-label]").count() == 150
    page.fill("#train-report .bd-search", "label 149")
    expect(page.locator("#train-report [data-label]:visible")).to_have_count(1)
    _in_window(visitor, "[data-tile=labels]", "[data-tile=checks]", "[data-tile=rows]", "#train-start")


def test_a_link_to_a_run_that_is_gone_says_so_and_a_lost_answer_frees_start(visit: Visit, tmp_path: Path) -> None:
    visitor = visit("en").open("train", run="20261128-000000-0000000000000000")
    visitor.sees("#train-notice", "runs.lost")
    visitor.page.locator("#train-notice a").click()
    visitor.ready()
    visitor.open("train").upload(write_reviews(tmp_path / "reviews.csv", 40))
    start = visitor.page.locator("#train-start")
    visitor.page.evaluate("window.bertdemo.starting()")
    expect(start).to_be_disabled()
    expect(start).to_be_enabled(timeout=1000 * HANG)
