"""The server has no capacity for a request now."""

from __future__ import annotations

from bertdemo.errors.base import BertDemoError


class ServerBusy(BertDemoError):
    """All slots for this kind of work stayed occupied until the wait timed out."""

    key = "server_busy"
