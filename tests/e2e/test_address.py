"""The address carries the view: a link opens it, Back returns to the one before, a link to what is gone says so."""

from __future__ import annotations

import re

from playwright.sync_api import Route

from tests.e2e.conftest import Visit
from tests.e2e.visitor import Visitor


def _shows(visitor: Visitor, opened: str, **query: str) -> None:
    """Wait until this tab is open and the address says so."""
    visitor.page.wait_for_selector(f"#tab-{opened}-button[aria-selected=true]")
    visitor.page.wait_for_function(
        "wanted => { const now = new URLSearchParams(location.search);"
        " return Object.entries(wanted).every(([name, value]) => (now.get(name) ?? '') === value); }",
        arg=query,
    )


def test_back_returns_through_the_tabs_and_the_run_that_was_opened(visit: Visit, finished: str) -> None:
    visitor = visit("en").open(run=finished)
    for tab in ("runs", "predict", "tokens", "train"):
        visitor.tab(tab)
        _shows(visitor, tab, tab=tab, run=finished)
    for tab in ("tokens", "predict", "runs"):
        visitor.page.go_back()
        _shows(visitor, tab, tab=tab, run=finished)
    visitor.page.go_back()
    _shows(visitor, "tokens", tab="", run=finished)
    visitor.page.go_forward()
    _shows(visitor, "runs", tab="runs", run=finished)


def test_a_run_that_is_pressed_in_the_list_can_be_linked_and_left_by_back(visit: Visit, finished: str) -> None:
    visitor = visit("en").open("train", run=finished)
    visitor.state(finished, "finished")
    visitor.page.goto(f"{visitor.url}/?tab=runs&run=20260101-000000-gone")
    visitor.ready().sees("#runs-title", "runs.lost")
    visitor.page.click(f"#runs-list [data-open='{finished}']")
    opened = visitor.page.locator(f"#runs-title [data-opened='{finished}']")
    opened.wait_for()
    _shows(visitor, "runs", tab="runs", run=finished)
    visitor.page.go_back()
    visitor.ready().sees("#runs-title", "runs.lost")
    visitor.page.go_forward()
    visitor.ready()
    opened.wait_for()


def test_a_sample_can_be_linked_and_left_by_back_and_an_unknown_one_is_said(visit: Visit, finished: str) -> None:
    visitor = visit("en").open("train")
    visitor.sample("support_en")
    _shows(visitor, "train", sample="support_en")
    visitor.sample("reviews_en")
    _shows(visitor, "train", sample="reviews_en")
    visitor.page.go_back()  # to where data are chosen
    visitor.ready().page.locator("[data-sample=support_en]").wait_for()
    _shows(visitor, "train", sample="")
    visitor.page.go_back()
    visitor.ready().has_data("support_en.csv")
    _shows(visitor, "train", sample="support_en")

    other = visit("zh").open("train", sample="entities_en")
    other.has_data("entities_en.jsonl")
    other.open("train", sample="nothing").sees("#train-refused", "fine_tune.sample_gone")
    other.open("train", sample="support_en", run=finished).state(finished, "finished")


def test_a_tab_that_is_opened_before_the_page_has_answered_is_in_the_address(visit: Visit) -> None:
    visitor = visit("en")
    page, held = visitor.page, list[Route]()

    def hold(route: Route) -> None:
        if held or route.request.method != "POST":
            route.continue_()
        else:
            held.append(route)

    page.route(re.compile(r"/gradio_api/(run|queue)/"), hold)  # the first one is what draws the page
    with page.expect_request(lambda request: "/gradio_api/run/" in request.url):
        page.goto(visitor.url)
    visitor.tab("runs")
    held[0].continue_()
    _shows(visitor, "runs", tab="runs")
