"""The border before the listeners: a file that is no upload is refused in words, a bug of ours is not called one."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio.exceptions import InvalidPathError

from bertdemo.i18n.translation import translate
from bertdemo.ui.localized import UploadGuardBlocks


def refused(monkeypatch: pytest.MonkeyPatch, error: Exception, inputs: list[Any]) -> str:
    """Return what a caller is told where Gradio raises `error` for these inputs."""

    async def fails(*_: Any, **__: Any) -> list[Any]:
        raise error

    monkeypatch.setattr(gr.Blocks, "preprocess_data", fails)
    with pytest.raises(gr.Error) as caught:
        asyncio.run(UploadGuardBlocks().preprocess_data(SimpleNamespace(inputs=inputs), inputs))
    return str(caught.value.message)


def test_only_a_file_that_did_not_arrive_is_called_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    missing = translate("en", "error.file_missing")
    assert refused(monkeypatch, InvalidPathError("not uploaded"), [{"path": "/etc/passwd"}]) == missing
    assert refused(monkeypatch, ValueError("never reached"), [{"path": "a\0b"}]) == missing
    told = refused(monkeypatch, ValueError("a bug of ours"), ["text"])
    assert told != missing
    assert "a bug of ours" in caplog.text
    assert caplog.records[-1].getMessage().removeprefix("error ") in told
