"""The page is built without the heavy libraries, opens no endpoint by accident, and refuses what is too large."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bertdemo.errors import CheckpointUnknown
from bertdemo.ui.body_limit import BodyLimit
from bertdemo.ui.localized import LocalizedComponents, guarded

ENDPOINTS = {
    "new_owner", "checkpoints", "tokenize", "inspect", "embed", "check_data", "start_run", "run_status", "runs",
    "cancel_run", "resume_run", "delete_run", "predict", "predict_file", "score", "explain", "search", "export",
}  # fmt: skip

PROBE = """
import json, sys
from pathlib import Path
from bertdemo.settings import Settings
settings = Settings.from_env({"BERTDEMO_HOME": sys.argv[1], "HF_HUB_CACHE": sys.argv[1] + "/hub"})
settings.apply()
from bertdemo.ui.app import build_app
app = build_app(settings)
print(json.dumps({
    "loaded": sorted({"torch", "transformers", "datasets", "evaluate", "sklearn"} & set(sys.modules)),
    "public": sorted(str(fn.api_name) for fn in app.blocks.fns.values() if fn.api_visibility == "public"),
    "first": [str(child.elem_id) for child in app.blocks.children if child.elem_id][:2],
    "last": [type(child).__name__ for child in app.blocks.children][-5:],
    "stateful": [
        fn.api_name
        for fn in app.blocks.fns.values()
        if fn.fn and fn.outputs and fn.api_visibility != "public" and fn.show_progress == "hidden"
        and fn.show_progress_on is None
    ],
    "html": [str(b.value) for b in app.blocks.blocks.values() if type(b).__name__ == "HTML"],
}))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("home")
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(home)], capture_output=True, text=True, cwd=root, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_no_heavy_library_before_the_page(built: dict[str, Any]) -> None:
    assert built["loaded"] == []


def test_no_silent_listener_makes_the_browser_keep_a_loading_state_of_its_outputs(built: dict[str, Any]) -> None:
    assert built["stateful"] == []


def test_public_endpoints_are_those_of_the_design(built: dict[str, Any]) -> None:
    assert set(built["public"]) <= ENDPOINTS


def test_what_a_person_types_in_comes_before_the_endpoints_in_the_tree_that_gradio_walks(built: dict[str, Any]) -> None:
    assert built["first"] == ["header", "tabs"]
    assert {"Tabs", "BrowserState"} & set(built["last"]) == set()


def test_the_sample_is_drawn_before_any_event(built: dict[str, Any]) -> None:
    assert any("embarrassing" in html and "16436" in html for html in built["html"])


# --- the border ---------------------------------------------------------------------------------------------


def test_an_error_of_the_visitor_is_told_in_their_language() -> None:
    def fail(text: str, lang: str) -> str:
        raise CheckpointUnknown(checkpoint=text)

    assert "这里没有模型" in guarded(fail, on_error=str)("x", "zh-CN")
    assert "no model" in guarded(fail, on_error=str)("x", lang="en")


def test_a_bug_becomes_an_error_id_and_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("secret detail")

    told = guarded(fail, on_error=str)()
    assert "secret" not in told
    assert "secret detail" in caplog.text
    assert caplog.records[0].getMessage().removeprefix("error ") in told


def test_without_a_place_to_show_it_is_a_gradio_error() -> None:
    import gradio as gr

    def fail() -> None:
        raise CheckpointUnknown(checkpoint="x")

    with pytest.raises(gr.Error) as caught:
        guarded(fail)()
    assert "no model" in caught.value.message


def test_words_follow_the_language() -> None:
    import gradio as gr

    words = LocalizedComponents()
    with gr.Blocks(analytics_enabled=False):
        button = words.make(gr.Button, {"value": "tokens.train"})
    assert button.value == "Train your own"
    assert words.updates("zh")[button]["value"] == "训练自己的模型"


# --- what is refused ----------------------------------------------------------------------------------------


async def _reading(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


# The beginning of an upload, 58 bytes.
_PART = b"--b\r\ncontent-disposition: form-data; name=f; filename=a\r\n\r\n"


def _status(path: str, chunks: list[bytes], declared: int | None = None) -> int:
    sent: list[MutableMapping[str, Any]] = []
    parts = iter(chunks)

    async def receive() -> MutableMapping[str, Any]:
        body = next(parts, b"")
        return {"type": "http.request", "body": body, "more_body": bool(body)}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    if declared is not None:
        headers.append((b"content-length", str(declared).encode()))
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
    limited = BodyLimit(_reading, upload_bytes=100, other_bytes=10)
    # In a thread of its own: a browser test before this one leaves its event loop running in the main thread.
    with ThreadPoolExecutor(1) as aside:
        aside.submit(lambda: asyncio.run(limited(scope, receive, send))).result()
    starts = [message["status"] for message in sent if message["type"] == "http.response.start"]
    assert len(starts) == 1
    return starts[0]


@pytest.mark.parametrize(
    ("path", "chunks", "declared", "status"),
    [
        ("/gradio_api/queue/join", [b"x" * 10], 10, 200),
        ("/gradio_api/queue/join", [b"x" * 11], 11, 413),
        ("/gradio_api/queue/join", [b"x" * 6, b"x" * 6], None, 413),
        ("/gradio_api/queue/join", [b"x" * 6, b"x" * 6], 4, 413),
        ("/gradio_api/upload", [_PART, b"x" * 30], None, 200),
        ("/gradio_api/upload", [_PART, b"x" * 60], None, 413),
        ("/gradio_api/upload", [b"no form"], None, 400),
        ("/gradio_api/file=http://example.org/x", [], None, 403),
        ("/gradio_api/file=//example.org/x", [], None, 403),
        ("/gradio_api/file=FTP:/x", [], None, 403),
        ("/gradio_api/file=/tmp/x.csv", [], None, 200),
        ("/gradio_api/file=C:/x.csv", [], None, 200),
    ],
)
def test_limits(path: str, chunks: list[bytes], declared: int | None, status: int) -> None:
    assert _status(path, chunks, declared) == status
