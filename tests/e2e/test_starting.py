"""Pressing Start: it can be pressed once, and the run is seen wherever the page had been scrolled to."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Route, expect

from bertdemo.run_config import specs
from tests.e2e.conftest import Visit
from tests.e2e.files import write_reviews
from tests.e2e.server import HANG

IN_VIEW = """() => {
  const box = document.querySelector("#train-training").getBoundingClientRect();
  return box.top >= 0 && box.top < innerHeight / 2;
}"""
ANSWER = "**/run/predict*"


def test_the_training_comes_into_view_and_start_cannot_be_pressed_twice(visit: Visit, tmp_path: Path) -> None:
    visitor = visit("en", viewport={"width": 1280, "height": 600}).open("train").tiny()
    page = visitor.page
    visitor.upload(write_reviews(tmp_path / "reviews.csv", 40))
    visitor.sees("#train-chosen", "data.split_two")
    start = page.locator("#train-start")
    start.scroll_into_view_if_needed()
    assert not page.evaluate(IN_VIEW), "the panel is in view before the press: nothing is tested"
    asked: list[Route] = []

    def hold(route: Route) -> None:  # nobody answers yet
        asked.append(route)

    page.route(ANSWER, hold)
    start.click()
    expect(start).to_be_disabled()
    start.evaluate("button => button.click()")
    page.wait_for_timeout(300)
    starts = [route for route in asked if len(route.request.post_data_json["data"]) > len(specs())]
    for route in asked:
        route.continue_()
    page.unroute(ANSWER)
    page.wait_for_function("() => new URLSearchParams(location.search).get('run')")
    expect(start).to_be_enabled(timeout=1000 * HANG)
    page.wait_for_function(IN_VIEW)
    assert len(starts) == 1
    visitor.state(visitor.query()["run"], "finished")


def test_a_refused_start_can_be_pressed_again_and_so_can_one_that_is_never_answered(visit: Visit) -> None:
    visitor = visit("en", viewport={"width": 1280, "height": 600}).open("train")
    page = visitor.page
    start = page.locator("#train-start")
    start.scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    start.click()
    visitor.sees("#train-trouble [role=alert]", "error.data_not_chosen")
    expect(start).to_be_enabled()
    assert page.evaluate("scrollY") == before
    page.evaluate("window.bertdemo.starting()")
    expect(start).to_be_disabled()
    expect(start).to_be_enabled(timeout=1000 * HANG)
