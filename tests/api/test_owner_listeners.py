"""No listener gives a caller who has no owner key what belongs to an owner; not even what no key of a Space owns.

A folder of runs that was first used on a loopback server holds things of its one owner, whose key is "". On a Space
that is the key of everybody who sends none. The listeners are read from the running server's /config, so that a new
one is tested without being named here.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from typing import Any

import pytest

from bertdemo.checkpoints.info import CARD_FILE, owner_sha256
from tests.api.caller import Answer, Caller
from tests.api.conftest import Trained
from tests.e2e.server import Server

PLANTED = "planted-0123456789abcdef"
UNKNOWN = "unknown-0123456789abcdef"
CANARY = "canary-5e0c27"
STRANGERS = ["", None, "nobody"]


@pytest.fixture(scope="module")
def planted(space: Server, anna: Trained) -> str:
    """A checkpoint that the owner of a loopback server trained in the home of this Space."""
    folder = space.home / "checkpoints" / PLANTED
    shutil.copytree(space.home / "checkpoints" / anna.run_id, folder)
    card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    card |= {"id": PLANTED, "run": PLANTED, "owner": owner_sha256(""), "name": CANARY, "labels": [CANARY, "other"]}
    (folder / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    return PLANTED


def owner_listeners(caller: Caller) -> dict[str, tuple[int, list[Any], int]]:
    """Return every listener of the page that takes an owner: name -> its index, harmless values, place of the owner."""
    config = caller.http.get("/config").json()
    components = {item["id"]: item for item in config["components"]}
    found = {}
    for listener in config["dependencies"]:
        inputs = [components[number] for number in listener["inputs"]]
        places = [i for i, item in enumerate(inputs) if item["props"].get("storage_key") == "bertdemo-owner"]
        if places and listener["backend_fn"]:
            values = [_value(item) for item in inputs]
            found[f"{listener['api_name']}#{listener['id']}"] = (listener["id"], values, places[0])
    return found


def _value(component: Mapping[str, Any]) -> Any:
    """Return a value that goes well, and that names the planted checkpoint where one can be named."""
    props, kind = component["props"], component["type"]
    if kind == "dropdown" and "checkpoint" in (props.get("elem_id") or ""):
        return PLANTED
    if props.get("storage_key") == "bertdemo-run":
        return {"run": PLANTED}
    if kind == "checkboxgroup":
        return []
    return "the good film" if kind == "textbox" else props.get("value")


def _named(value: Any, checkpoint: str) -> Any:
    if value == PLANTED:
        return checkpoint
    return {"run": checkpoint} if value == {"run": PLANTED} else value


def said(answer: Answer, asked: str) -> str:
    """Return what was answered, without the id that was asked for and the time that it took."""
    told = json.dumps([answer.status, answer.value, answer.error if answer.value is None else None])
    return re.sub(r'"duration.*', "", told.replace(asked, "…"))


@pytest.mark.parametrize("owner", STRANGERS)
def test_a_stranger_is_answered_as_if_the_loopback_owners_things_did_not_exist(
    owner: Any, space: Server, planted: str
) -> None:
    caller = Caller(space.url)
    for name, (index, values, place) in owner_listeners(caller).items():
        found = {}
        for asked in (planted, UNKNOWN):
            data = [_named(value, asked) for value in values]
            data[place] = owner
            answer = caller.run(index, data, run=asked)
            assert CANARY not in answer.raw, (name, asked, answer.raw[:300])
            found[asked] = said(answer, asked)
        assert found[planted] == found[UNKNOWN] or "load" in name, name


def test_the_tokens_of_the_bundled_model_need_no_owner(space: Server) -> None:
    caller = Caller(space.url)
    for name, (index, values, place) in owner_listeners(caller).items():
        if name.startswith("draw"):
            data = [_named(value, "bundled") for value in values]
            data[place] = ""
            assert "bd-chips" in caller.run(index, data).raw, name
