"""From a key press to painted chips in a real browser, on an idle machine and while a CPU run trains."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.row import Row, quantiles, skipped
from benchmarks.startup import server, thousand

KEYS = 60
# Two animation frames after the strip has changed, the change is on the screen.
_WATCH = """
() => {
  window.painted = [];
  const strip = document.querySelector("#tokens-strip");
  new MutationObserver(() => {
    const began = window.began;
    if (!began) return;
    window.began = 0;
    requestAnimationFrame(() => requestAnimationFrame(() => window.painted.push(performance.now() - began)));
  }).observe(strip, { childList: true, subtree: true, characterData: true });
  const box = document.querySelector("#tokens-text textarea");
  box.addEventListener("keydown", () => { window.began = performance.now(); });
}
"""


def keystrokes() -> list[Row]:
    """Type KEYS letters, wait for each to be painted."""
    wanted, busy = "p50 ≤ 100 ms", "p50 ≤ 150 ms"
    names = ("key press to painted chips, idle", "key press to painted chips while a CPU run trains")
    if shutil.which("chromium") is None:
        return [skipped(names[0], wanted, "no chromium"), skipped(names[1], busy, "no chromium")]
    with tempfile.TemporaryDirectory() as name, server(Path(name)) as (address, _), open_page(address) as page:
        time.sleep(20)  # torch is imported and the spare started in the background
        idle = typed(page)
        _train(page, Path(name))
        loaded = typed(page)
    return [_row(names[0], idle, 100, wanted), _row(names[1], loaded, 150, busy)]


@contextmanager
def open_page(address: str) -> Iterator[Any]:
    """Yield the page of the app in a browser, once its first tokens are there."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{address}/?lang=en")
        page.wait_for_selector("#tokens-strip .bd-chip")
        yield page
        browser.close()


def typed(page: Any) -> list[float]:
    """Press KEYS keys in Tokenization; return the milliseconds that each takes to be painted."""
    page.locator("#tab-tokens-button").click()
    page.evaluate(_WATCH)
    page.locator("#tokens-text textarea").click()
    return press_keys(page)


def press_keys(page: Any) -> list[float]:
    """Press KEYS keys in the box that has the focus; return what the page wrote into `window.painted`."""
    for index in range(KEYS):
        before = page.evaluate("window.painted.length")
        page.keyboard.press("abcdefghijklmnopqrstuvwxyz"[index % 26])
        page.wait_for_function(f"window.painted.length > {before}", timeout=10_000)
        page.wait_for_timeout(40)
    return list(page.evaluate("window.painted"))


def _train(page: Any, home: Path) -> None:
    page.locator("#tab-train-button").click()
    page.locator("#train-file input[type=file]").set_input_files(str(thousand(home)))
    page.wait_for_selector("#train-chosen dl")
    page.locator("#train-start").click()
    page.wait_for_selector("#train-panel [data-state=running] .bd-curve", timeout=60_000)


def _row(name: str, times: list[float], limit: float, wanted: str) -> Row:
    p50, p95 = quantiles(times)
    return Row(name, f"p50 {p50:.0f} ms, p95 {p95:.0f} ms ({len(times)} keys)", wanted, p50 <= limit)
