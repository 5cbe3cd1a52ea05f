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

from bertdemo.errors import BertDemoError, TextFieldsTooLarge, TooManyParts, UploadMalformed
from bertdemo.i18n.translation import translate
from bertdemo.settings import MIB
from bertdemo.ui.body_limit import PARTS, TEXT_BYTES, BodyLimit, Message, MultipartCounter, Receive, Send
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


def form_of(data: dict[str, str], files: dict[str, tuple[str, bytes]]) -> tuple[bytes, dict[str, str]]:
    """Return the body of an upload and its headers."""
    form = httpx.Request("POST", "http://x", data=data, files=files)
    return form.read(), {"content-type": form.headers["content-type"]}


def test_text_in_an_upload_is_refused_long_before_the_limit_of_a_file(caller: Caller) -> None:
    body, headers = form_of({"note": "x" * (2 * TEXT_BYTES)}, {"files": ("a.csv", b"text\na\n")})
    assert len(body) < FILE_BYTES
    answer = caller.http.post("/gradio_api/upload", content=body, headers=headers)
    assert (answer.status_code, answer.text) == (413, translate("en", "error.text_fields_too_large", limit="66 kB"))
    answer = caller.http.post("/gradio_api/upload", content=body, headers={**headers, "accept-language": "zh-CN"})
    assert answer.text == translate("zh", "error.text_fields_too_large", limit="66 kB")


def test_an_upload_of_many_parts_or_of_none_is_refused(caller: Caller) -> None:
    many, headers = form_of({f"note{number}": "x" for number in range(PARTS)}, {"files": ("a.csv", b"a\n")})
    answer = caller.http.post("/gradio_api/upload", content=many, headers=headers)
    assert (answer.status_code, answer.text) == (413, translate("en", "error.too_many_parts", limit=PARTS))
    answer = caller.http.post("/gradio_api/upload", content=b"no form at all", headers=headers)
    assert (answer.status_code, answer.text) == (400, translate("en", "error.upload_malformed"))
    long = {"content-type": f"multipart/form-data; boundary={'b' * 300}"}
    assert caller.http.post("/gradio_api/upload", content=many, headers=long).status_code == 400


def test_a_file_beside_a_short_text_is_taken(caller: Caller) -> None:
    body, headers = form_of({"note": "x" * 1000}, {"files": ("a.csv", b"text\n" + b"a\n" * 50_000)})
    assert caller.http.post("/gradio_api/upload", content=body, headers=headers).status_code == 200


@pytest.mark.parametrize("piece", [1, 97, 64 * 1024])
@pytest.mark.parametrize(
    ("data", "files", "refusal"),
    [
        ({}, {"files": ("a.csv", b"x" * 300_000)}, None),
        ({"note": "x" * (TEXT_BYTES - 2000)}, {"files": ("a.csv", b"x" * 100_000)}, None),
        ({"note": "x" * (3 * TEXT_BYTES)}, {}, TextFieldsTooLarge),
        ({f"note{number}": "x" * 4000 for number in range(20)}, {}, TextFieldsTooLarge),  # each is short
        ({"note": "x"}, {"files": ("x" * TEXT_BYTES, b"a file with a long name")}, UploadMalformed),
        ({}, {f"file{number}": ("x" * 3900, b"a") for number in range(20)}, TextFieldsTooLarge),  # names of files
        ({f"note{number}": "" for number in range(PARTS + 1)}, {}, TooManyParts),
    ],
)
def test_the_parts_of_an_upload_are_counted_however_they_are_cut(
    data: dict[str, str], files: dict[str, tuple[str, bytes]], refusal: type[BertDemoError] | None, piece: int
) -> None:
    files = files or {"files": ("a.csv", b"a")}
    body, headers = form_of(data, files)
    counter, read = MultipartCounter(headers["content-type"].split("boundary=")[1].encode()), 0
    with pytest.raises(refusal) if refusal else contextlib.nullcontext():
        for data_piece in pieces(body, piece):
            counter.feed(data_piece)
            read += len(data_piece)
    assert read == len(body) if refusal is None else read <= TEXT_BYTES + piece + 4000


def test_no_more_is_read_than_shows_that_it_is_too_much() -> None:
    body, headers = form_of({"note": "x" * (30 * MIB)}, {"files": ("a.csv", b"a")})
    left, sent, read = list(pieces(body)), list[Message](), list[int]()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "http.request":
            read.append(len(message["body"]))
        raise ClientDisconnect

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": left.pop(0), "more_body": True}

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "path": "/gradio_api/upload", "headers": raw}
    asyncio.run(BodyLimit(app, 500 * MIB, MIB)(scope, receive, send))
    assert sum(read) <= TEXT_BYTES
    assert sent[0]["status"] == 413


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
