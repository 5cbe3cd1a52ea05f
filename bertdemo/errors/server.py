"""A request that the server cannot take now, whatever it asks for."""

from __future__ import annotations

from bertdemo.errors.base import BertDemoError


class ServerBusy(BertDemoError):
    """All places for this kind of work stayed taken for as long as a caller waits."""

    key = "server_busy"
