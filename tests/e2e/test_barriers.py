"""Tokenization, Inference, Fine-tune and Runs for everybody: no serious barrier, nothing sideways, on any screen."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Visit
from tests.e2e.scan import barriers
from tests.e2e.visitor import Visitor

CLEAN: dict[str, list[str]] = {"light": [], "dark": []}
# A window of 1280 x 900 at 200% has 640 x 450 CSS pixels.
SIZES = ((390, 844), (320, 640), (640, 450))


def _open_to_everybody(visitor: Visitor, tab: str, stage: str) -> None:
    """Assert that a tab as it stands passes the scan on a screen and on a phone, and fits into small windows."""
    for width in (1280, 390):
        visitor.page.set_viewport_size({"width": width, "height": 900})
        assert barriers(visitor, tab) == CLEAN, (stage, width)
    for width, height in SIZES:
        visitor.page.set_viewport_size({"width": width, "height": height})
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width, (stage, width)
    visitor.page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_scan_finds_nothing_serious_and_nothing_goes_sideways(visit: Visit, finished: str, lang: str) -> None:
    visitor = visit(lang).open()
    _open_to_everybody(visitor, "#tab-tokens", "tokens")

    visitor.open("predict", checkpoint=finished)
    visitor.page.locator("#predict-answer .bd-truth").wait_for()
    visitor.unfold("#predict-file-box")
    _open_to_everybody(visitor, "#tab-predict", "answer")

    visitor.tab("train")
    visitor.page.locator("[data-sample=support_en]").wait_for()
    _open_to_everybody(visitor, "#tab-train", "no data")

    visitor.sample("support_en")
    visitor.page.locator("[data-tile=rows]").wait_for()
    _open_to_everybody(visitor, "#tab-train", "data")

    visitor.open("train", run=finished).state(finished, "finished")
    visitor.page.locator("#train-map .bd-cls-map.after").wait_for()
    _open_to_everybody(visitor, "#tab-train", "result")

    visitor.open("runs", run=finished).page.locator("#runs-result .bd-confusion").wait_for()
    _open_to_everybody(visitor, "#tab-runs", "open run")
    visitor.page.click("#runs-back")
    visitor.page.locator("#runs-list [data-open]").first.wait_for()
    _open_to_everybody(visitor, "#tab-runs", "list")
