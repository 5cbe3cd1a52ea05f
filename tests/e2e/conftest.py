"""One browser and one server for all; a `visit` that closes its pages and checks what must not happen in any."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from playwright.sync_api import Error as BrowserError

from tests.e2e.files import write_reviews
from tests.e2e.server import Server
from tests.e2e.visitor import Visitor, lost_connection, options
from tests.tiny import build_tiny_checkpoint

FILE_BYTES = 200_000
"""The upload limit of the shared server."""


class Visit(Protocol):
    """Opens a browser of its own (a context) and gives back its first page."""

    def __call__(
        self, lang: str = "en", server: Server | None = None, shaky: bool = False, **context: Any
    ) -> Visitor: ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


# Whether the body of a test failed.
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random checkpoint of 39,000 parameters; it trains in a second or two."""
    return build_tiny_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny", chinese=True)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[Server]:
    """The server that most tests share; its upload limit is small."""
    home = tmp_path_factory.mktemp("server") / "home"
    server = Server(home, tiny, {"BERTDEMO_MAX_FILE_BYTES": str(FILE_BYTES)})
    server.start()
    yield server
    server.close()


@pytest.fixture
def visit(browser: Browser, server: Server, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Open browsers; at the end no page may have failed, run a visitor's text or asked another host.

    With `shaky` the server goes away meanwhile, and what the browser says of that is allowed.
    """
    opened: list[tuple[BrowserContext, Visitor, bool]] = []

    def visit(lang: str = "en", server: Server | None = server, shaky: bool = False, **context: Any) -> Visitor:
        assert server is not None
        context.setdefault("locale", {"en": "en-US", "zh": "zh-CN"}[lang])
        room = browser.new_context(**options(**context))
        visitor = Visitor(room.new_page(), server.url, lang)
        opened.append((room, visitor, shaky))
        return visitor

    yield visit
    if request.node.stash.get(FAILED, False):
        for _, visitor, _ in opened:
            print(_seen(visitor))  # noqa: T201 - pytest shows it below the failure
    wrong = []
    for room, visitor, shaky in opened:
        if not visitor.page.is_closed():
            visitor.untouched()
        wrong += [entry for entry in visitor.trouble if not (shaky and lost_connection(entry))]
        room.close()
    assert not wrong


def _seen(visitor: Visitor) -> str:
    """Say what a page showed when its test failed."""
    if visitor.page.is_closed():
        return f"{visitor.url}: closed"
    try:
        fields = visitor.page.eval_on_selector_all("input:not([type=file])", "all => all.map(it => it.value)")
        words = visitor.page.inner_text("body", timeout=5_000)
    except BrowserError as error:
        return f"{visitor.url}: {error}"
    return "\n".join([visitor.page.url, f"trouble: {visitor.trouble}", f"fields: {fields}", words])


@pytest.fixture(scope="session")
def finished(browser: Browser, server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A finished run on the shared server."""
    room = browser.new_context(**options())
    visitor = Visitor(room.new_page(), server.url).open("train").tiny()
    visitor.upload(write_reviews(tmp_path_factory.mktemp("data") / "film reviews.csv", 80))
    visitor.set(epochs=2)
    run = visitor.start("finished")
    room.close()
    return run
