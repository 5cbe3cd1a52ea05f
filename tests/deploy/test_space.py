"""`make space`: the Space of whoever is signed in has exactly what git has, and nobody reads a token."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from deploy import space
from deploy.checkout import ROOT
from deploy.space import Wanted, publish
from tests.hub_double import HubDouble
from tests.hub_double.writing import TOKEN, USER


@pytest.fixture
def hub() -> Iterator[HubDouble]:
    with HubDouble() as hub:
        yield hub


@pytest.fixture
def api(hub: HubDouble) -> HfApi:
    return HfApi(endpoint=hub.url, token=TOKEN)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "README.md").write_text("---\ntitle: bertdemo\nsdk: gradio\n---\n", encoding="utf-8")
    (tmp_path / "app" / "app.py").write_text("first", encoding="utf-8")
    return tmp_path / "app"


def test_a_space_is_created_and_has_the_files(hub: HubDouble, api: HfApi, folder: Path) -> None:
    assert publish(api, Wanted(), folder, "bertdemo abc") == f"{hub.url}/spaces/{USER}/bertdemo"
    made = hub.writing.spaces[f"{USER}/bertdemo"]
    assert (made.created["sdk"], made.created["type"], made.created["visibility"]) == ("gradio", "space", "private")
    assert made.files == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert (made.commits, made.hardware) == (["bertdemo abc"], {})


def test_an_update_replaces_the_files_and_deletes_those_that_are_gone(hub: HubDouble, api: HfApi, folder: Path) -> None:
    (folder / "old.py").write_text("old", encoding="utf-8")
    publish(api, Wanted(), folder, "one")
    (folder / "old.py").unlink()
    (folder / "app.py").write_text("second", encoding="utf-8")
    publish(api, Wanted(), folder, "two")
    made = hub.writing.spaces[f"{USER}/bertdemo"]
    assert made.files == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert made.commits == ["one", "two"]


def test_hardware_and_sleep_time_are_asked_for_after_the_files_are_there(
    hub: HubDouble, api: HfApi, folder: Path
) -> None:
    publish(api, Wanted("lab", "t4-small", 600, public=True), folder, "one")
    made = hub.writing.spaces[f"{USER}/lab"]
    assert made.created["visibility"] == "public"
    assert made.hardware == {"flavor": "t4-small", "sleepTimeSeconds": 600}
    paths = [path for _, path in hub.requests]
    assert paths.index(f"/api/spaces/{USER}/lab/commit/main") < paths.index(f"/api/spaces/{USER}/lab/hardware")
    publish(api, Wanted("lab", sleep_seconds=60), folder, "two")
    assert made.hardware["seconds"] == 60


def test_what_git_has_is_what_is_uploaded_and_the_address_is_printed(
    hub: HubDouble, api: HfApi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert space.main([], api) == 0
    tracked = subprocess.run(
        [str(shutil.which("git")), "ls-tree", "-r", "--name-only", "-z", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert set(hub.writing.spaces[f"{USER}/bertdemo"].files) == set(tracked.stdout.decode().rstrip("\0").split("\0"))
    printed = capsys.readouterr()
    assert len(hub.writing.spaces[f"{USER}/bertdemo"].commits) == 1, "a Space is never built of half the files"
    assert printed.out == f"{hub.url}/spaces/{USER}/bertdemo\n"
    assert "hf_" not in printed.out + printed.err


def test_a_refusal_is_one_line_without_the_token(hub: HubDouble, capsys: pytest.CaptureFixture[str]) -> None:
    assert space.main([], HfApi(endpoint=hub.url, token="hf_expired00000")) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("The Space was not updated: ")
    assert "hf_expired" not in printed.err and hub.writing.spaces == {}


def test_whoever_is_not_signed_in_is_told_how(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    assert space.main([]) == 1
    assert "hf auth login" in capsys.readouterr().err
