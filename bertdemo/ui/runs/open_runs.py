"""Which run each open page has open, so that a late answer does not open a run that was left in the meantime."""

from __future__ import annotations

import threading
from collections import OrderedDict

from bertdemo.ui.stale_requests import page_of_request


class OpenRuns:
    """The run that each page opened last, "" for its list; the pages that are idle longest are forgotten."""

    # Of a page beyond this many the run is forgotten; then no late answer to it is dropped any more.
    def __init__(self, pages: int = 1_000) -> None:
        self._runs: OrderedDict[str, str] = OrderedDict()
        self._pages = pages
        self._lock = threading.Lock()

    def opens(self, run: str) -> None:
        """Note that the page that sent this request opens a run, or its list."""
        page = page_of_request()
        with self._lock:
            self._runs.pop(page, None)
            self._runs[page] = run
            if len(self._runs) > self._pages:
                self._runs.popitem(last=False)

    def has_open(self, run: str) -> bool:
        """Whether this run, or the list, is what the page shows; True where nothing is known of the page."""
        page = page_of_request()
        return not page or self._runs.get(page, run) == run
