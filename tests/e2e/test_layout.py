"""The page fits a phone, starts calm, and can be used with a keyboard alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from bertdemo.runs.evaluation import evaluate
from bertdemo.ui import theme
from bertdemo.ui.runs.html.result import render_result
from tests.e2e.conftest import Visit
from tests.e2e.files import write_csv
from tests.e2e.visitor import TABS, Visitor
from tests.ui.html.test_runs import finished as finished_status
from tests.ui.runs.stored_runs import confused_rows, long_labels

MOST_CONTROLS = 12
# What a person can act on and sees before scrolling at 1280 x 900: boxes, lists, buttons and links drawn as
# buttons. Not counted: the tab row and the header, a <summary>, hidden inputs, the second button by which
# Gradio opens the same list. A group of one kind is one choice and counts as one: the tokens of a strip, the samples,
# and in Inside BERT the map of the model, the grid of heads, the examples, the looks, the switches, the tokens at arcs.
CONTROLS = """() => [...document.querySelectorAll(
    '[role=tabpanel] input:not([type=file]), [role=tabpanel] select, [role=tabpanel] button:not([role=tab]), ' +
    '[role=tabpanel] textarea')]
  .filter((e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
  .filter((e, _, all) => {
    const group = e.closest('.bd-toks, .bd-samples, #inside-map, #inside-overview, #inside-examples, ' +
      '#inside-looks, #inside-switches, #inside-arcs, #inside-buttons');
    return !group || all.find((other) => group.contains(other)) === e;
  })
  .filter((e) => { const at = e.getBoundingClientRect(); return at.width > 1 && at.top < innerHeight; })
  .map((e) => `${e.tagName} ${e.closest('[id]').id} ${e.getAttribute('aria-label') || e.innerText}`)"""


def _wide(visitor: Visitor) -> str:
    """Return what sticks out to the right, for the message of a failure."""
    found: str = visitor.page.evaluate(
        """() => [...document.querySelectorAll('body *')]
        .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && e.checkVisibility())
        .slice(0, 8).map((e) => `${e.tagName}#${e.id}.${e.className}`).join('; ')"""
    )
    return found


# A theme changes colors, no widths: each is looked at once.
@pytest.mark.parametrize(("lang", "theme"), [("en", "light"), ("zh", "dark")])
def test_no_tab_scrolls_sideways_on_a_phone(visit: Visit, finished: str, lang: str, theme: str) -> None:
    visitor = visit(lang, viewport={"width": 390, "height": 844}).open(run=finished, __theme=theme)
    page = visitor.page
    assert ("dark" in (page.locator("body").get_attribute("class") or "")) == (theme == "dark")
    page.fill("#tokens-text textarea", "x" * 300 + " word " * 60)
    page.locator("#tokens-strip .bd-chip").nth(20).wait_for()
    for name in TABS:
        page.evaluate("name => document.getElementById(`tab-${name}-button`)?.click()", name)
        page.locator(f"#tab-{name}").wait_for()
        if name == "train":
            page.locator("#train-outcome .bd-big").wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") == 390, f"result: {_wide(visitor)}"
            visitor.sample("support_en")
        if name == "predict":
            visitor.ask("y" * 200)
            page.locator("#predict-answer .bd-two").wait_for()
        if name == "runs":
            page.locator("#runs-result table").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == 390, f"{name}: {_wide(visitor)}"


def test_the_first_view_of_a_tab_has_few_controls(visit: Visit, finished: str) -> None:
    visitor = visit("en").open()
    for name in TABS:
        visitor.tab(name)
        if name == "runs":
            visitor.page.locator("#runs-list [data-run]").first.wait_for()
            continue  # one link a run: the list grows with what a person has made
        found = visitor.page.evaluate(CONTROLS)
        assert 3 <= len(found) <= MOST_CONTROLS, f"{name}: {found}"


def _tab_to(visitor: Visitor, selector: str, presses: int = 60) -> None:
    """Press Tab until the focus is on (or in) an element."""
    for _ in range(presses):
        visitor.page.keyboard.press("Tab")
        if visitor.page.evaluate(
            "selector => { const it = document.activeElement; return !!it.closest(selector); }", selector
        ):
            return
    raise AssertionError(f"Tab does not reach {selector}")


def test_tabs_language_and_start_are_reached_and_used_by_keyboard(visit: Visit) -> None:
    visitor = visit("en").open()
    keys = visitor.page.keyboard
    for lang in ("zh", "en"):
        if lang == "en":
            keys.press(
                "Shift+Tab"
            )  # Gradio gives each of its radios a group of its own, so Tab goes from one to the next
        else:
            _tab_to(visitor, "#language input[value=zh]")
        keys.press("Space")
        visitor.lang = lang
        visitor.ready()
    _tab_to(visitor, "#tab-train-button")
    keys.press("Enter")
    visitor.page.locator("#train-start").wait_for()
    _tab_to(visitor, "[data-sample=support_en]")
    keys.press("Enter")
    visitor.has_data("support_en.csv")
    _tab_to(visitor, "#train-start button, button#train-start")


def test_a_table_with_very_long_cells_stays_inside_the_page(visit: Visit, tmp_path: Path) -> None:
    visitor = visit("en", viewport={"width": 390, "height": 844}).open("train")
    rows = [(f"{'long' * 200} {i}", f"label-{'w' * 60}-{i % 2}") for i in range(30)]
    visitor.upload(write_csv(tmp_path / f"{'name' * 20}.csv", ("text", "label"), rows))
    visitor.page.locator("#train-preview summary").first.click()
    visitor.page.locator("#train-preview .bd-first-rows table").wait_for()
    assert visitor.page.evaluate("document.documentElement.scrollWidth") == 390, _wide(visitor)


def test_the_result_of_many_labels_and_long_mistakes_fits_a_phone(browser: Browser) -> None:
    labels = long_labels(150)
    result = render_result(finished_status(), evaluate(confused_rows(labels, 900), labels), "en")
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_content(f"<style>{theme.css()}</style><div style='padding: 16px'>{result}</div>")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    matrix = page.locator(".bd-confusion svg").bounding_box()
    assert matrix and matrix["x"] >= 0 and matrix["x"] + matrix["width"] <= 390
    assert page.locator(".bd-mistake-table").evaluate("e => e.offsetHeight") < 700
    page.close()
