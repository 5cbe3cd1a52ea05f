"""Answers may come in another order than their requests: which page sends requests, and which of its is the newest.

For a tab whose every control may change every picture: what comes after a newer request of its page would show another
text or model than the controls do.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from gradio.context import LocalContext


class StaleRequestGuard:
    """The number of the newest request of each open page; the pages that are idle longest are forgotten."""

    # Of a page beyond this many the number is forgotten; then it only drops no late answer any more.
    def __init__(self, pages: int = 1_000) -> None:
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._pages = pages
        self._lock = threading.Lock()

    def take(self, page: str) -> int:
        """Begin a new request of a page; return its number."""
        with self._lock:
            number = self._newest.pop(page, 0) + 1
            self._newest[page] = number
            if len(self._newest) > self._pages:
                self._newest.popitem(last=False)
            return number

    def newest(self, page: str) -> int:
        """Return the number of the newest request, 0 where there was none."""
        return self._newest.get(page, 0)


def page_of_request() -> str:
    """Return the session of the open page that sent the request, "" outside a request."""
    request = LocalContext.request.get(None)
    return (getattr(request, "session_hash", None) or "") if request is not None else ""
