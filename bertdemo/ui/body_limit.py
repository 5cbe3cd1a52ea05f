"""Requests that are rejected before Gradio sees them: too large a body, and those that make the server fetch a URL.

What a client's leaving raises ends here, so that anybody who hangs up does not write a traceback into the log.

Gradio's own `max_file_size` bounds the file parts of an upload only: a text field is kept in memory, however long, and
so is a JSON body. The declared length is checked first, then the bytes are counted as they arrive, those of an upload
by kind of part (`MultipartCounter`). A refusal is a sentence in the language that the request accepts.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from bertdemo.errors import BertDemoError, RequestTooLarge, TextFieldsTooLarge, TooManyParts, UploadMalformed
from bertdemo.i18n.translation import from_accept_language, message, size
from bertdemo.settings import MIB

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_ADDRESS = re.compile(r"file=\s*(?:[a-z][a-z0-9+.-]+:|//|\\\\)", re.IGNORECASE)
# All text in an upload: the headers of its parts, and fields without a file name. The page and the clients of Gradio
# send files alone, whose headers take about 200 bytes each; Gradio keeps every other byte in memory.
TEXT_BYTES = 64 * 1024
# Parts of an upload. No box of the page takes more than one file, and Gradio opens a temporary file for each.
PARTS = 32
# How long and how much a refused client may go on sending, so that it reads the refusal first.
_LINGER_SECONDS, _LINGER_BYTES = 1.0, 8 * MIB


class MultipartCounter:
    """Reads the parts of an upload as they arrive, and keeps none: how many there are, and how much is no file."""

    def __init__(self, boundary: bytes) -> None:
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._name,
                "on_header_value": self._value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._finish_headers,
                "on_part_data": self._data,
            },
        )
        self._parts, self._text_bytes = 0, 0
        self._header_name, self._header_value, self._disposition = b"", b"", b""
        self._is_file = False

    def feed(self, data: bytes) -> None:
        """Count the next bytes. Raises TooManyParts, TextFieldsTooLarge, UploadMalformed."""
        try:
            self._parser.write(data)
        except FormParserError:
            raise UploadMalformed from None

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > PARTS:
            raise TooManyParts(limit=PARTS)
        self._disposition, self._is_file = b"", False

    def _name(self, data: bytes, start: int, end: int) -> None:
        self._count_text(end - start)
        self._header_name += data[start:end]

    def _value(self, data: bytes, start: int, end: int) -> None:
        self._count_text(end - start)
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header_name, self._header_value = b"", b""

    def _finish_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._is_file = b"filename" in options  # as Gradio decides

    def _data(self, _: bytes, start: int, end: int) -> None:
        if not self._is_file:
            self._count_text(end - start)

    def _count_text(self, count: int) -> None:
        self._text_bytes += count
        if self._text_bytes > TEXT_BYTES:
            raise TextFieldsTooLarge(limit=size(TEXT_BYTES))


@dataclass
class _Body:
    """How much one request has sent so far, why no more of it is read, and whether it was answered."""

    limit: int
    parts: MultipartCounter | None = None
    read: int = 0
    refusal: BertDemoError | None = None
    answered: bool = False

    def take(self, data: bytes) -> None:
        """Count what has arrived."""
        self.read += len(data)
        if self.read > self.limit:
            self.refusal = RequestTooLarge(limit=size(self.limit))
        elif self.parts is not None:
            try:
                self.parts.feed(data)
            except BertDemoError as error:
                self.refusal = error


class BodyLimit:
    """ASGI middleware: 413 for a body above its limit, 400 for a malformed upload, 403 for `file=<address>`."""

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
            await _answer(receive, send, 403, b"Only files of this server are served.")
            return
        body = self._body(scope)
        # A true Content-Length is rejected without reading a byte; a false one is noticed while counting.
        length = _header(scope, b"content-length")
        if body.refusal is None and length.isdigit() and int(length) > body.limit:
            body.refusal = RequestTooLarge(limit=size(body.limit))
        if body.refusal is not None:
            await _refuse(scope, receive, send, body.refusal)
            return
        await self._counted(scope, receive, send, body)

    def _body(self, scope: MutableMapping[str, Any]) -> _Body:
        """Return what a request may send: files where it is an upload, else a text or settings."""
        if not scope["path"].rstrip("/").endswith("/upload"):
            return _Body(self._other_bytes)
        kind, options = parse_options_header(_header(scope, b"content-type"))
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            return _Body(self._other_bytes)
        try:
            return _Body(self._upload_bytes, MultipartCounter(boundary))
        except FormParserError:  # its boundary is too long
            return _Body(0, refusal=UploadMalformed())

    async def _counted(self, scope: MutableMapping[str, Any], receive: Receive, send: Send, body: _Body) -> None:
        async def counting() -> Message:
            # Reading stops at the limit: to the app the caller has hung up.
            if body.refusal is None:
                part = await receive()
                if part["type"] == "http.request":
                    body.take(part.get("body", b""))
                if body.refusal is None:
                    return part
            return {"type": "http.disconnect"}

        async def guarding(message: Message) -> None:
            if body.refusal is not None and not body.answered:
                return  # the app's answer to the cut-off body; ours follows
            body.answered = True
            await send(message)

        try:
            await self._app(scope, counting, guarding)
        except ClientDisconnect:
            pass  # nobody is left to be answered, or we stopped reading
        except (HTTPException, RuntimeError) as error:
            # An event stream of a session that is not there: Gradio has begun to answer and has sent its refusal.
            if not body.answered or not _is_refusal(error):
                raise
            await send({"type": "http.response.body", "body": b""})
        if body.refusal is not None and not body.answered:
            await _refuse(scope, receive, send, body.refusal)


def _is_refusal(error: Exception) -> bool:
    """Return whether it is an answer with a status, or what Starlette makes of one that comes too late."""
    return isinstance(error, HTTPException) or isinstance(error.__cause__, HTTPException)


def _header(scope: MutableMapping[str, Any], wanted: bytes) -> bytes:
    """Return the first header of that name, as Starlette does; b"" where there is none."""
    return next((bytes(value) for name, value in scope["headers"] if name == wanted), b"")


async def _refuse(scope: MutableMapping[str, Any], receive: Receive, send: Send, error: BertDemoError) -> None:
    lang = from_accept_language(_header(scope, b"accept-language").decode("latin-1"))
    status = 400 if isinstance(error, UploadMalformed) else 413
    await _answer(receive, send, status, message(lang, error).encode())


async def _answer(receive: Receive, send: Send, status: int, text: bytes) -> None:
    """Answer, and let the client read it: one that is still sending when the connection ends sees only that."""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),  # the rest of the body is not read, so the connection cannot be used again
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text, "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            await _discard(receive)
    await send({"type": "http.response.body", "body": b""})


async def _discard(receive: Receive) -> None:
    """Read a little more of what a client sends, and keep nothing of it."""
    left = _LINGER_BYTES
    while left > 0:
        part = await receive()
        left -= len(part.get("body", b"")) + 1
        if part["type"] != "http.request" or not part.get("more_body"):
            return
