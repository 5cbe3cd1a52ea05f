"""What is too large is refused by its size alone, before it is kept or understood, and the server goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from bertdemo.settings import MIB
from bertdemo.ui.body_limit import BodyLimit, Message, Receive, Send
from tests.api.caller import Caller
from tests.api.conftest import FILE_BYTES

LARGE = json.dumps({"data": ["x" * (5 * MIB)], "fn_index": 0, "session_hash": "abc"}).encode()
JSON = {"content-type": "application/json"}


def pieces(body: bytes, size: int = 64 * 1024) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def late(cause: Exception) -> RuntimeError:
    """What Starlette makes of an exception after the answer has begun."""
    error = RuntimeError("response already started")
    error.__cause__ = cause
    return error


def send(caller: Caller, path: str, make: Callable[[], Any], headers: dict[str, str]) -> int:
    """Post a body that the server stops reading; where it closes before we have read its answer, post it again."""
    for _ in range(5):
        try:
            return caller.http.post(path, content=make(), headers=headers).status_code
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
            continue
    raise AssertionError("no answer, only a closed connection")


@pytest.fixture(autouse=True)
def alive(caller: Caller) -> Iterator[None]:
    yield
    assert caller.call("tokenize", text="the app goes on").ok


@pytest.mark.parametrize(
    "path", ["/gradio_api/queue/join", "/gradio_api/call/tokenize", "/gradio_api/run/tokenize", "/gradio_api/nothing"]
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_5_mb_is_refused(path: str, chunked: bool, caller: Caller) -> None:
    status = send(caller, path, lambda: pieces(LARGE) if chunked else LARGE, JSON)
    assert status == (404 if chunked and path.endswith("nothing") else 413)


def test_a_body_of_3_mb_is_read(caller: Caller) -> None:
    answer = caller.post("tokenize", ["x" * (3 * MIB), "", "bundled", 0, ""])
    assert "characters" in answer.error


@pytest.mark.parametrize("chunked", [False, True])
def test_an_upload_above_the_limit_is_refused(chunked: bool, caller: Caller) -> None:
    boundary = "----bertdemo"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="big.csv"\r\n\r\n'.encode()
    body = head + b"x" * (FILE_BYTES + 3 * MIB) + f"\r\n--{boundary}--\r\n".encode()
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    assert send(caller, "/gradio_api/upload", lambda: pieces(body) if chunked else body, headers) == 413


def test_a_long_text_field_in_an_upload_counts_too(caller: Caller) -> None:
    form = httpx.Request(
        "POST", "http://x", data={"note": "x" * (FILE_BYTES + 3 * MIB)}, files={"files": ("a.csv", b"text\na\n")}
    )
    body = form.read()
    assert send(caller, "/gradio_api/upload", lambda: body, {"content-type": form.headers["content-type"]}) == 413


def test_a_session_that_is_not_there_gets_a_whole_answer(caller: Caller) -> None:
    # Without one it would also be an exception in the log, with its traceback.
    answer = caller.http.get("/gradio_api/queue/data", params={"session_hash": "nobody"})
    assert '"session_not_found":true' in answer.text


@pytest.mark.parametrize(
    ("raised", "begun", "ends"),
    [
        (ClientDisconnect(), False, True),
        (late(HTTPException(404)), True, True),
        (HTTPException(404), True, True),
        (late(HTTPException(404)), False, False),
        (late(ValueError()), True, False),
        (RuntimeError("ours"), True, False),
    ],
)
def test_only_what_a_client_caused_ends_without_a_traceback(raised: Exception, begun: bool, ends: bool) -> None:
    sent: list[Message] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise raised

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "path": "/", "headers": []}
    with contextlib.nullcontext() if ends else pytest.raises(type(raised)):
        asyncio.run(BodyLimit(app, 1, 1)(scope, receive, send))
    assert [message["type"] for message in sent] == (
        ["http.response.start", *(["http.response.body"] if ends else [])] if begun else []
    )
