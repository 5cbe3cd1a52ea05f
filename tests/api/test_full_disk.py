"""A server whose disk is really full says so to whoever uploads or starts a run, and lives on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.caller import Caller
from tests.api.conftest import review_rows, write_rows
from tests.e2e.server import Server
from tests.runs.test_resume import small_disks

MB = 1_000_000
_STARTER = """
import os, sys
mount = 'mount -t tmpfs -o size=16m tmpfs "$BERTDEMO_HOME" && exec "$0" app.py'
os.execvp("unshare", ["unshare", "-rm", "sh", "-c", mount, sys.executable])
"""


@pytest.fixture
def full(tmp_path: Path, tiny: Path) -> Iterator[Server]:
    """A server with a home of 16 MB."""
    home, starter = tmp_path / "home", tmp_path / "starter.py"
    home.mkdir()
    starter.write_text(_STARTER)
    server = Server(home, tiny, {"BERTDEMO_SPARE_WORKER": "0"}, app=starter)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.mark.skipif(not small_disks(), reason="only where a process may mount a disk")
def test_an_upload_that_fills_the_disk_is_refused_in_words_and_the_server_lives(full: Server, tmp_path: Path) -> None:
    caller = Caller(full.url)
    good = write_rows(tmp_path / "good.csv", review_rows(48))
    table = caller.upload(good)
    answers = []
    for number in range(3):
        content = bytes([number]) * 7 * MB
        answers.append(caller.http.post("/gradio_api/upload", files={"files": (f"{number}.bin", content)}))
    assert [answer.status_code for answer in answers] == [200, 200, 507]
    assert answers[2].text.startswith("The server's disk is full")
    assert caller.call("tokenize", text="good film").ok
    assert caller.call("check_data", file=table).ok
    refused = caller.call("start_run", file=table, checkpoint="local:tiny")
    assert "disk is" in (refused.error or "")
    assert caller.call("runs").value == []
