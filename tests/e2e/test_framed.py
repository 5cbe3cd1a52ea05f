"""The page as a Space shows it: behind a proxy with a root path, in the frame of another site, storing or not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from deploy.framed_visitor import STORES, FramedVisitor
from deploy.proxy import Framed, framed_app
from tests.e2e.files import write_reviews
from tests.e2e.server import Server
from tests.e2e.visitor import options

PREFIX = "/spaces/someone"


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[Server]:
    extra = {"SPACE_ID": "someone/bertdemo", "BERTDEMO_SPARE_WORKER": "0", "GRADIO_ROOT_PATH": PREFIX}
    server = Server(tmp_path_factory.mktemp("framed") / "home", tiny, extra)
    server.start()
    yield server
    server.close()


@pytest.fixture
def framed(space: Server) -> Iterator[Framed]:
    with framed_app(space.port, PREFIX) as framed:
        yield framed


@pytest.mark.parametrize(("stores", "lang"), [(True, "en"), (False, "zh")], ids=["stored", "private"])
def test_a_framed_page_trains_and_says_what_is_lost(
    browser: Browser, space: Server, framed: Framed, tmp_path: Path, stores: bool, lang: str
) -> None:
    # A private window, as Playwright opens them, lets the frame of another site store nothing: every access raises.
    storing = browser.browser_type.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", STORES])
    room = (storing if stores else browser).new_context(**options(locale={"en": "en-US", "zh": "zh-CN"}[lang]))
    window = room.new_page()
    visitor = FramedVisitor(window, framed, lang)
    visitor.open()
    page = visitor.page
    assert "violin" in visitor.chips()
    assert page.locator("#bd-unstored").count() == (0 if stores else 1)
    if not stores:
        visitor.sees("#bd-unstored", "page.unstored")
        assert page.locator("#bd-unstored a").get_attribute("target") == "_blank"

    visitor.tab("train").tiny()
    visitor.upload(write_reviews(tmp_path / "reviews.csv", 40))
    visitor.set(epochs=1)
    run = visitor.start("finished")
    visitor.sees("#train-kept", "storage.erased")
    with page.expect_download() as coming:
        page.click("#train-download")
    assert coming.value.suggested_filename.endswith(".zip")
    visitor.tab("runs")
    page.locator(f"#runs-list [data-run='{run}']").wait_for()
    visitor.sees("#runs-kept", "storage.erased")

    visitor.open("runs")  # what the browser has stored is what the visitor comes back with
    if stores:
        page.locator(f"#runs-list [data-run='{run}']").wait_for()
    else:
        visitor.sees("#runs-list", "runs.empty")
    visitor.untouched()
    assert visitor.bad() == []
    room.close()
    storing.close()


def test_the_page_says_nothing_of_storage_on_a_machine_of_ones_own(browser: Browser, server: Server) -> None:
    room = browser.new_context(**options())
    page = room.new_page()
    page.goto(f"{server.url}/?tab=runs")
    page.locator("#runs-list").wait_for()
    assert page.locator("#runs-kept").count() == 0
    page.click("#doctor > button")
    page.click("#doctor-run")
    page.locator("#doctor-findings .bd-finding").nth(8).wait_for()
    assert page.locator("#doctor-findings .bd-finding").count() == 9
    room.close()
