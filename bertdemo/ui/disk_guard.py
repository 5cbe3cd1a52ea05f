"""Uploads on a full disk: refused in words before they begin, and told in words where the disk becomes full meanwhile.

Gradio would answer `500 Internal Server Error`, without a word about the cause.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from bertdemo import disk
from bertdemo.errors import BertDemoError, StorageFull
from bertdemo.i18n.translation import from_accept_language, message
from bertdemo.runs.housekeeping.room import check_room
from bertdemo.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

# Insufficient Storage (RFC 4918).
_STATUS = 507


class DiskGuard:
    """ASGI middleware for uploads; every other request passes untouched."""

    def __init__(self, app: App, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Pass a request on, or say why there is no room for it."""
        if scope["type"] != "http" or not scope["path"].endswith("/upload"):
            await self._app(scope, receive, send)
            return
        begun = False

        async def noting(answer: Message) -> None:
            nonlocal begun
            begun = True
            await send(answer)

        try:
            check_room(self._settings)
            await self._app(scope, receive, noting)
        except BertDemoError as error:
            await _refuse(scope, send, error)
        except OSError as error:
            if begun or not disk.is_full(error):
                raise
            await _refuse(scope, send, StorageFull())


async def _refuse(scope: MutableMapping[str, Any], send: Send, error: BertDemoError) -> None:
    languages = [value.decode("latin-1") for name, value in scope["headers"] if name == b"accept-language"]
    text = message(from_accept_language(next(iter(languages), None)), error).encode("utf-8")
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),  # the rest of the body is not read
    ]
    await send({"type": "http.response.start", "status": _STATUS, "headers": headers})
    await send({"type": "http.response.body", "body": text})
