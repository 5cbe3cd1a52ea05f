"""A person at a browser whose page is in the frame of another site, as the page of a Space is."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from playwright.sync_api import Frame, Page

from deploy.proxy import Framed
from tests.e2e.visitor import Visitor

# Playwright's windows are private ones, in which Chromium denies the frame of another site any storage: `localStorage`
# raises. With this it stores there as in a window that is not private.
STORES = "--disable-features=TrackingProtection3pcd"
# What belongs to the window and not to the frame in it.
_OF_WINDOW = {"on", "set_default_timeout", "expect_download", "is_closed", "keyboard", "context"}


class FramedPage:
    """The frame of a window, in place of a Page: everything but what belongs to the window is the frame's."""

    def __init__(self, window: Page) -> None:
        self._window = window

    def __getattr__(self, name: str) -> Any:
        """Return a member of the frame, or of the window."""
        return getattr(self._window if name in _OF_WINDOW else self._frame, name)

    @property
    def _frame(self) -> Frame:
        return self._window.frames[1] if len(self._window.frames) > 1 else self._window.main_frame


class FramedVisitor(Visitor):
    """A Visitor of an app in a frame."""

    def __init__(self, window: Page, framed: Framed, lang: str = "en") -> None:
        super().__init__(cast(Page, FramedPage(window)), framed.inner, lang)
        self._window, self._framed = window, framed

    def open(self, tab: str = "", **query: str) -> Visitor:
        """Open the page around the app, whose query goes on to the app, and wait until the app has drawn itself."""
        asked = {name: value for name, value in {"tab": tab, **query}.items() if value}
        with self._leaving():
            self._window.goto(f"{self._framed.outer}?{urlencode(asked)}")
        return self.ready()

    def bad(self) -> list[str]:
        """Return what must not have happened in the page; a request to the page around it may."""
        return [entry for entry in self.trouble if self._framed.outer not in entry]
