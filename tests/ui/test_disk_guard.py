"""An upload on a full disk is answered with a sentence, before it begins or when the disk becomes full meanwhile."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bertdemo import disk
from bertdemo.settings import Settings
from bertdemo.ui.disk_guard import DiskGuard
from bertdemo.ui.localized import sentence


def asked(settings: Settings, app: Callable[..., Any], path: str = "/gradio_api/upload", lang: str = "en") -> list[Any]:
    """Return what is sent in answer to a request."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "path": path, "method": "POST", "headers": [(b"accept-language", lang.encode())]}
    asyncio.run(DiskGuard(app, settings)(scope, receive, send))
    return sent


async def fine(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"[]"})


async def full(scope: Any, receive: Any, send: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def broken(scope: Any, receive: Any, send: Any) -> None:
    raise OSError(errno.EPERM, "not allowed")


def test_an_upload_passes_while_there_is_room(settings: Settings) -> None:
    assert [message.get("status") for message in asked(settings, fine)] == [200, None]


def test_an_upload_is_refused_where_the_disk_is_almost_full_and_nothing_else_is(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "free_share", lambda path: 0.004)
    start, body = asked(settings, fine)
    assert start["status"] == 507
    assert b"0.4% is free, and at least 2% is needed" in body["body"]
    assert asked(settings, fine, "/gradio_api/queue/join")[0]["status"] == 200
    assert "0.4%" in asked(settings, fine, lang="zh-CN,zh;q=0.9")[1]["body"].decode()
    assert "磁盘" in asked(settings, fine, lang="zh-CN,zh;q=0.9")[1]["body"].decode()


def test_a_disk_that_becomes_full_meanwhile_is_told_in_words_and_a_bug_is_not_hidden(settings: Settings) -> None:
    start, body = asked(settings, full)
    assert start["status"] == 507
    assert body["body"].decode().startswith("The server's disk is full")
    with pytest.raises(PermissionError):
        asked(settings, broken)


def test_a_full_disk_under_any_listener_is_no_bug_of_ours(tmp_path: Path) -> None:
    assert sentence(OSError(errno.ENOSPC, "No space left on device"), "en").startswith("The server's disk is full")
    assert "error" in sentence(OSError(errno.EPERM, "no"), "en")
