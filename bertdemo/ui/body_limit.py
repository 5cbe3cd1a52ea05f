"""Requests that are rejected before Gradio sees them: too large a body, and those that make the server fetch a URL.

What a client's leaving raises ends here, so that anybody who hangs up does not write a traceback into the log.

Gradio's own `max_file_size` bounds the file parts of an upload only, so a long text field or a JSON body would
pass. The declared length is checked first, then the bytes are counted as they arrive.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_ADDRESS = re.compile(r"file=\s*(?:[a-z][a-z0-9+.-]+:|//|\\\\)", re.IGNORECASE)


@dataclass
class _Counter:
    """How much one request has sent so far, and whether it was answered."""

    limit: int
    read: int = 0
    over: bool = False
    answered: bool = False


class BodyLimit:
    """ASGI middleware: 413 for a body above its limit, 403 for `file=<address>`."""

    def __init__(self, app: App, upload_bytes: int, other_bytes: int) -> None:
        self._app = app
        self._upload_bytes = upload_bytes
        self._other_bytes = other_bytes

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Pass a request on, or reject it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _ADDRESS.search(scope["path"]):
            await _answer(send, 403, b"Only files of this server are served.")
            return
        limit = self._upload_bytes if scope["path"].endswith("/upload") else self._other_bytes
        # A true Content-Length is rejected without reading a byte; a false one is noticed while counting.
        if _declared(scope) > limit:
            await _answer(send, 413, b"The request is larger than this server accepts.")
            return
        await self._counted(scope, receive, send, _Counter(limit))

    async def _counted(self, scope: MutableMapping[str, Any], receive: Receive, send: Send, count: _Counter) -> None:
        async def counting() -> Message:
            # Reading stops at the limit: to the app the caller has hung up.
            if count.over:
                return {"type": "http.disconnect"}
            part = await receive()
            if part["type"] == "http.request":
                count.read += len(part.get("body", b""))
                count.over = count.read > count.limit
            return {"type": "http.disconnect"} if count.over else part

        async def guarding(message: Message) -> None:
            if count.over and not count.answered:
                return  # the app's answer to the cut-off body; ours follows
            count.answered = True
            await send(message)

        try:
            await self._app(scope, counting, guarding)
        except ClientDisconnect:
            pass  # nobody is left to be answered, or we stopped reading
        except (HTTPException, RuntimeError) as error:
            # An event stream of a session that is not there: Gradio has begun to answer and has sent its refusal.
            if not count.answered or not _is_refusal(error):
                raise
            await send({"type": "http.response.body", "body": b""})
        if count.over and not count.answered:
            await _answer(send, 413, b"The request is larger than this server accepts.")


def _is_refusal(error: Exception) -> bool:
    """Return whether it is an answer with a status, or what Starlette makes of one that comes too late."""
    return isinstance(error, HTTPException) or isinstance(error.__cause__, HTTPException)


def _declared(scope: MutableMapping[str, Any]) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _answer(send: Send, status: int, text: bytes) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),  # the rest of the body is not read, so the connection cannot be used again
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
