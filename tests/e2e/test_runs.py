"""Runs with results of our choosing: 150 labels in one window, a name and a note, Undo, and two runs side by side."""

from __future__ import annotations

import struct
from pathlib import Path

import defusedxml.ElementTree
import pytest

from bertdemo.runs.registry import Registry
from bertdemo.settings import Settings
from tests.e2e.conftest import Visit
from tests.e2e.server import Server
from tests.e2e.visitor import Visitor
from tests.runs.support import rows_of, write_csv
from tests.ui.runs.stored_runs import confused_rows, long_labels, store


@pytest.fixture
def registry(server: Server) -> Registry:
    """The runs of the shared server, to write some in place of training them."""
    return Registry(Settings.from_env({"BERTDEMO_HOME": str(server.home)}))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "tickets.csv", rows_of(12))


def _saved(visitor: Visitor, button: str) -> bytes:
    with visitor.page.expect_download() as coming:
        visitor.page.locator(button).click()
    return Path(coming.value.path()).read_bytes()


def _in_window(visitor: Visitor, selector: str) -> None:
    box = visitor.page.locator(selector).first.bounding_box()
    assert box and box["y"] >= 0 and box["y"] + box["height"] <= 900, (selector, box)
    assert box["x"] >= 0 and box["x"] + box["width"] <= 1280, (selector, box)


def test_150_labels_are_read_without_scrolling_and_saved_as_pictures_and_tables(
    visit: Visit, registry: Registry, data: Path
) -> None:
    labels = long_labels(150)
    run = store(registry, data, confused_rows(labels, 3000), labels, baselines={"tfidf": 0.7, "frozen": 0.74})
    visitor = visit("en").open("runs", run=run)
    page = visitor.page
    page.locator("#runs-result .bd-confusion").wait_for()
    for part in (".bd-big", ".bd-score-strip", ".bd-verdict", ".bd-pairs", ".bd-confusion svg"):
        _in_window(visitor, f"#runs-result {part}")
    assert page.evaluate("document.documentElement.scrollWidth") == 1280

    page.locator(".bd-confused summary").first.press("Enter")
    assert page.locator(".bd-confused[open] li q").first.is_visible()
    page.locator(".bd-confusion").focus()
    page.keyboard.press("ArrowDown")
    told = page.locator(".bd-confusion output").inner_text()
    assert labels[1] in told and labels[0] in told

    shown = page.locator(".bd-labels tbody tr:visible")
    assert shown.count() == 10
    page.locator("#runs-result [data-filter]").fill(labels[149][:6])
    assert shown.count() == 1 and shown.first.locator("td").first.inner_text() == labels[149].strip()
    page.locator("#runs-result [data-filter]").fill("")
    page.locator("#runs-result [data-all-rows-of]").press("Enter")
    assert shown.count() == 150
    page.locator(".bd-labels [data-sort]").first.press("Enter")
    assert shown.first.locator("td").first.inner_text() == labels[0].strip()

    svg = _saved(visitor, "[data-picture=confusion-matrix] [data-save=svg]")
    assert defusedxml.ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    png = _saved(visitor, "[data-picture=score] [data-save=png]")
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">I", png[16:20])[0] > 600
    assert _saved(visitor, "[data-csv=labels]").count(b"\r\n") == 151

    page.click("#runs-tab-data-button")
    page.locator(".bd-where-to-run summary").click()
    assert run in page.locator(".bd-where-to-run pre").first.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") == 1280


def test_a_run_is_named_noted_deleted_and_had_back(visit: Visit, registry: Registry, data: Path) -> None:
    labels = ("no", "yes")
    run, _ = (store(registry, data, confused_rows(labels, 40), labels) for _ in range(2))
    visitor = visit("en").open("runs", run=run)
    page = visitor.page
    page.click("#runs-edit")
    page.locator("#runs-name :is(input, textarea)").fill("x" * 81)
    page.click("#runs-save")
    visitor.sees("#runs-trouble", "error.run_name_too_long", limit=80)
    page.locator("#runs-name :is(input, textarea)").fill("Best <b>so far</b>")
    page.locator("#runs-note textarea").fill("Lower rate.\n<img src=x onerror=window.__x=1>")
    page.click("#runs-save")
    page.locator("#runs-title h2").filter(has_text="Best <b>so far</b>").wait_for()
    assert "<img src=x" in page.locator("#runs-title .bd-run-note").inner_text()
    assert not page.locator("#runs-trouble").is_visible()

    page.click("#runs-delete")
    visitor.sees("#runs-deleted", "runs.deleted", name="Best <b>so far</b>")
    assert page.locator(f"#runs-list [data-run='{run}']").count() == 0
    assert "run" not in visitor.query()
    page.wait_for_function("document.activeElement.matches('[data-undo]')")
    page.keyboard.press("Enter")
    page.locator(f"#runs-list [data-run='{run}']").filter(has_text="Lower rate.").wait_for()
    page.locator("#runs-filter input").fill("so far")
    assert page.locator("#runs-list tbody tr:visible").count() == 1
    page.locator(f"#runs-list [data-open='{run}']").press("Enter")
    page.locator(f"#runs-title [data-opened='{run}']").wait_for()


def test_two_runs_are_compared_and_one_of_another_task_is_refused(visit: Visit, registry: Registry, data: Path) -> None:
    labels = ("no", "yes")
    rows = confused_rows(labels, 60)
    this = store(registry, data, rows, labels, value=0.9)
    other = store(registry, data, rows, labels, value=0.6, config={"seed": 7})
    pairs = store(registry, data, rows, labels, task="pair")
    visitor = visit("zh").open("runs", run=this, compare=other)
    page = visitor.page
    page.locator("#runs-compare .bd-versus").wait_for()
    assert page.locator("#runs-compare .bd-score-strip b").count() == 2
    assert page.locator("#runs-compare .bd-plot polyline").count() == 2
    assert page.locator("#runs-compare tbody th").all_inner_texts() == [visitor.say("config.seed")]
    visitor.sees("#runs-compare", "runs.compare.better")
    visitor.open("runs", run=this, compare=pairs)
    visitor.sees("#runs-compare", "runs.compare.other_task")
    page.click("#runs-other input")
    page.get_by_role("option").first.click()
    page.locator("#runs-compare .bd-versus").wait_for()
    assert visitor.query()["compare"] not in {this, pairs}
