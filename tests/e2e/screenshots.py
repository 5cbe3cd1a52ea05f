"""`make screenshots`: every tab and a run under way, wide and narrow, light and dark, in both languages.

Pictures go to docs/screenshots as `<tab>-<width>-<theme>-<language>.png`. Trains the bundled model for a minute or two.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.server import HANG, ROOT, Server
from tests.tiny import build_tiny_checkpoint

FOLDER = ROOT / "docs" / "screenshots"
TALLEST = 2400
WIDTHS, THEMES, LANGUAGES = (1280, 390), ("light", "dark"), ("en", "zh")
REVIEW = "The kettle leaked on the first day, and nobody answered my letters."


def main() -> None:
    """Start the app on an empty home, train once, take all pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, sync_playwright() as tool:
        home = Path(name) / "home"
        server = Server(home, build_tiny_checkpoint(Path(name) / "tiny"))
        server.start()
        browser = tool.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            run = _train(browser, server)
            for width, theme, lang in itertools.product(WIDTHS, THEMES, LANGUAGES):
                for tab in ("tokens", "train", "predict", "runs"):
                    _picture(browser, server, tab, width, theme, lang, run)
        finally:
            browser.close()
            server.close()


def _train(browser: Browser, server: Server) -> str:
    """Fine-tune on a sample, with a picture on the way; return the run's id."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(1000 * HANG)
    page.goto(f"{server.url}/?tab=train&lang=en")
    page.wait_for_selector("#device .bd-pill")
    page.locator("#train-sample input").click()
    page.locator("ul[role=listbox] li").nth(1).click()
    page.wait_for_selector("#train-chosen dl")
    page.locator("#train-start").click()
    page.wait_for_selector("#train-panel [data-state=running] .bd-curve")
    page.wait_for_timeout(6000)
    _shoot(page, "train_running-1280-light-en")
    page.wait_for_selector("#train-panel [data-state=finished]")
    run = page.locator("#train-panel [data-run]").get_attribute("data-run") or ""
    page.close()
    return run


def _picture(browser: Browser, server: Server, tab: str, width: int, theme: str, lang: str, run: str) -> None:
    page = browser.new_page(
        viewport={"width": width, "height": 900},
        locale={"en": "en-US", "zh": "zh-CN"}[lang],
        color_scheme=theme,  # type: ignore[arg-type]
    )
    page.set_default_timeout(1000 * HANG)
    page.goto(f"{server.url}/?tab={tab}&lang={lang}&run={run}&__theme={theme}")
    page.wait_for_selector("#device .bd-pill")
    if tab == "predict":
        page.locator("#predict-text textarea").fill(REVIEW)
        page.locator("#predict-go").click()
        page.wait_for_selector("#predict-answer .bd-big")
    if tab == "runs":
        page.wait_for_selector("#runs-result .bd-metric")
    page.wait_for_timeout(800)
    _shoot(page, f"{tab}-{width}-{theme}-{lang}")
    page.close()


def _shoot(page: Page, name: str) -> None:
    height = min(TALLEST, page.evaluate("document.documentElement.scrollHeight"))
    size = page.viewport_size or {"width": 1280}
    clip = {"x": 0, "y": 0, "width": size["width"], "height": height}
    page.screenshot(path=FOLDER / f"{name}.png", full_page=True, clip=clip)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
