"""Pictures of every tab for people to look at: `make screenshots` (not a test).

Starts the app, trains the bundled model on a sample, leaves a second run training, and writes
docs/screenshots/<view>-<width>-<theme>-<lang>.png, where a view is a tab, or of Fine-tune `data` before and `running`
while it trains, or the `list` of Runs.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.server import ROOT, Server
from tests.e2e.visitor import Visitor, options
from tests.tiny import build_tiny_checkpoint

FOLDER = ROOT / "docs" / "screenshots"
HEIGHTS = {1280: 900, 390: 844}
MOST = 2400
"""Pixels of height: a longer page is cut."""
TABS = {"data": "train", "running": "train", "list": "runs"}
"""The tab of a view that is not named like it."""
TEXT = "My parcel was due on Monday and nobody can tell me where it is."


def main() -> int:
    """Take all pictures; return the exit code."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bertdemo-screenshots-") as place, sync_playwright() as playwright:
        tiny = build_tiny_checkpoint(Path(place) / "tiny", chinese=True)
        server = Server(Path(place) / "home", tiny)
        server.start()
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            _all(browser, server)
        finally:
            browser.close()
            server.close()
    return 0


def _all(browser: Browser, server: Server) -> None:
    first = Visitor(browser.new_context(**options()).new_page(), server.url).open("train")
    first.sample("support_en")
    first.set(epochs=4)
    finished = first.start()
    first.page.locator("#train-panel [data-state=finished]").wait_for(timeout=900_000)
    views = {"tokens": _tokens, "inside": _inside, "train": _train, "predict": _predict, "runs": _runs}
    _every(browser, server, finished, views)
    _every(browser, server, "", {"data": _data, "list": _list})
    first.open("train", sample="support_en").page.locator("#train-start:not([disabled])").wait_for()
    first.set(epochs=50)
    running = first.start("running")
    first.page.locator("#train-panel .ring").wait_for()  # one epoch has been evaluated
    _every(browser, server, running, {"running": _running})
    first.page.click("#train-stop")
    first.state(running, "cancelled")


def _every(browser: Browser, server: Server, run: str, views: dict[str, Callable[[Visitor], None]]) -> None:
    """Take the views in both languages, light and dark, at both widths."""
    for lang in ("en", "zh"):
        for theme in ("light", "dark"):
            for width, height in HEIGHTS.items():
                room = browser.new_context(
                    **options(viewport={"width": width, "height": height}, locale={"en": "en-US", "zh": "zh-CN"}[lang])
                )
                visitor = Visitor(room.new_page(), server.url, lang)
                for name, show in views.items():
                    visitor.open(TABS.get(name, name), run=run, __theme=theme)
                    visitor.page.locator("#device .bd-pill").wait_for()
                    show(visitor)
                    _shoot(visitor, FOLDER / f"{name}-{width}-{theme}-{lang}.png")
                room.close()


def _tokens(visitor: Visitor) -> None:
    visitor.page.locator("#tokens-strip .bd-chip").first.wait_for()


def _inside(visitor: Visitor) -> None:
    visitor.page.locator("#inside-arcs svg").wait_for()


def _train(visitor: Visitor) -> None:
    visitor.page.locator("#train-map .bd-cls-map.after").wait_for()


def _data(visitor: Visitor) -> None:
    visitor.sample("support_en")


def _running(visitor: Visitor) -> None:
    visitor.page.locator("#train-panel [data-state=running]").wait_for()


def _predict(visitor: Visitor) -> None:
    visitor.infers_with("support_en")
    visitor.ask(TEXT)
    visitor.page.locator("#predict-answer .bd-two").wait_for()


def _runs(visitor: Visitor) -> None:
    visitor.page.locator("#runs-result .bd-confusion").wait_for()


def _list(visitor: Visitor) -> None:
    visitor.page.locator("#runs-list [data-open]").first.wait_for()


def _shoot(visitor: Visitor, path: Path) -> None:
    """Write the page as a PNG of few colors, which is a quarter of the size and looks the same."""
    visitor.page.mouse.move(0, 0)
    visitor.page.evaluate("document.activeElement?.blur()")
    image = Image.open(io.BytesIO(visitor.page.screenshot(full_page=True, animations="disabled")))
    image = image.crop((0, 0, image.width, min(image.height, MOST))).convert("RGB")
    image.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)} {path.stat().st_size // 1024} kB", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
