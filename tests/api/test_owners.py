"""On a Space nobody meets another's things: what belongs to somebody else is answered as if it did not exist."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.caller import Answer, Caller
from tests.api.conftest import Trained
from tests.e2e.server import ROOT, Server

UNKNOWN = "20260101-000000-0123456789abcdef"
MALFORMED = ["short", "x" * 42, "x" * 44, "x" * 43 + "\n", "é" * 43, "../" + "x" * 40, "nobody", " ", "null", "0"]
BORROWERS = ("run_id", "checkpoint")
"""Arguments that name something which has an owner."""


@pytest.fixture(scope="module")
def stranger(space: Server) -> Caller:
    """Somebody without an owner key."""
    return Caller(space.url)


def given(caller: Caller, name: str, anna: Trained) -> dict[str, Any]:
    """Return arguments with which a call of the endpoint goes well for the owner, were it hers."""
    found: dict[str, Any] = {
        "text": "the good film", "texts": ["the good film"], "file": caller.upload(anna.data),
        "checkpoint": anna.run_id, "run_id": anna.run_id, "query": "film", "documents": ["a film", "a book"],
    }  # fmt: skip
    return {key: value for key, value in found.items() if key in names(caller, name)}


def names(caller: Caller, name: str) -> list[str]:
    return [parameter["parameter_name"] for parameter in caller.endpoints[name]]


def matrix(caller: Caller) -> Iterator[tuple[str, str]]:
    """Yield every (endpoint, argument) that names a run or a checkpoint."""
    for name in caller.endpoints:
        for argument in set(names(caller, name)) & set(BORROWERS):
            yield name, argument


def said(answer: Answer) -> str:
    return json.dumps([answer.status, answer.value, answer.error])


def test_every_endpoint_that_names_a_run_or_a_checkpoint_takes_an_owner(stranger: Caller) -> None:
    found = dict(matrix(stranger))
    assert {"run_status", "cancel_run", "resume_run", "delete_run", "tokenize", "embed", "predict", "predict_file",
            "export", "start_run"} <= set(found)  # fmt: skip
    assert all(names(stranger, name)[-1] == "owner" for name in stranger.endpoints if name != "new_owner")


def test_without_an_owner_no_run_is_listed_started_or_touched(stranger: Caller, anna: Trained) -> None:
    for name in ("runs", "run_status", "cancel_run", "resume_run", "delete_run", "start_run", "export"):
        for owner in ("", None):
            answer = stranger.call(name, **{**given(stranger, name, anna), "owner": owner})
            assert "Call /new_owner" in (answer.error or ""), (name, owner, answer.raw)


def test_a_malformed_owner_is_refused_everywhere(stranger: Caller, anna: Trained) -> None:
    for name in stranger.endpoints:
        if "owner" not in names(stranger, name):
            continue
        arguments = given(stranger, name, anna)
        for owner in MALFORMED if name != "predict_file" else MALFORMED[:3]:
            answer = stranger.call(name, **{**arguments, "owner": owner})
            assert "Call /new_owner" in (answer.error or ""), (name, owner, answer.raw)


def test_what_belongs_to_nobody_needs_no_owner(stranger: Caller, reviews: Path) -> None:
    assert stranger.call("tokenize", text="the good film").ok
    assert stranger.call("embed", texts=["the good film"]).ok
    assert stranger.call("predict", text="the good film").ok
    assert stranger.call("checkpoints").ok
    assert stranger.call("check_data", file=stranger.upload(reviews)).ok


@pytest.mark.parametrize("who", ["ben", "stranger"])
def test_anothers_run_or_checkpoint_is_answered_like_one_that_does_not_exist(
    who: str, anna: Trained, request: pytest.FixtureRequest
) -> None:
    other: Caller = request.getfixturevalue(who)
    tried = 0
    for name, argument in matrix(other):
        arguments = given(other, name, anna)
        hers, never = (
            other.call(name, **{**arguments, argument: wanted}) for wanted in (anna.run_id, UNKNOWN)
        )  # fmt: skip
        assert not hers.ok, (name, hers.raw[:200])
        assert said(hers).replace(anna.run_id, UNKNOWN) == said(never), name
        assert hers.error, name
        assert "our side" not in hers.error, name
        tried += 1
    assert tried >= 9


def test_after_all_that_her_run_and_checkpoint_are_untouched(anna: Trained, ben: Caller) -> None:
    for name in ("cancel_run", "delete_run"):
        ben.call(name, run_id=anna.run_id)
    assert anna.caller.call("run_status", run_id=anna.run_id).value["state"] == "finished"
    for name, argument in matrix(anna.caller):
        if name not in {"cancel_run", "resume_run", "delete_run", "start_run"}:  # a finished run cannot be resumed
            answer = anna.caller.call(name, **{**given(anna.caller, name, anna), argument: anna.run_id})
            assert answer.ok, (name, answer.raw[:300])


def test_lists_hold_only_ones_own(anna: Trained, ben: Caller, stranger: Caller) -> None:
    assert [item["run_id"] for item in anna.caller.call("runs").value] == [anna.run_id]
    assert ben.call("runs").value == []
    assert anna.run_id in {item["id"] for item in anna.caller.call("checkpoints").value}
    for other in (ben, stranger):
        answer = other.call("checkpoints")
        assert "trained" not in {item["source"] for item in answer.value}
        assert anna.run_id not in answer.raw


def test_an_owner_key_comes_back_in_no_other_answer(anna: Trained) -> None:
    caller = anna.caller
    for name in ("runs", "checkpoints", "run_status", "predict", "check_data", "predict_file", "export"):
        assert caller.owner not in caller.call(name, **given(caller, name, anna)).raw, name


def test_a_file_that_anna_was_given_is_not_opened_by_guessing(anna: Trained, ben: Caller, space: Server) -> None:
    given_file = anna.caller.call("export", checkpoint=anna.run_id).value
    folder = Path(given_file["path"]).parent
    assert len(folder.name) > 32  # the name of the folder is the secret
    for path in (folder, folder.parent, space.home / "runs" / anna.run_id / "run.json", space.home / "checkpoints"):
        assert ben.http.get(f"/gradio_api/file={path}").status_code in {403, 404}


def test_a_space_tells_no_path_of_its_own(anna: Trained, ben: Caller, space: Server) -> None:
    roots = [str(space.home), str(ROOT), str(space.home.parent)]
    calls = [
        (caller, name, {**given(caller, name, anna), **more})
        for caller in (anna.caller, ben)
        for name in caller.endpoints
        for more in ({}, {"owner": "short"})
        if name not in {"start_run", "cancel_run", "delete_run", "predict_file", "export", "new_owner"}
    ]
    for caller, name, arguments in calls:
        answer = caller.call(name, **arguments)
        assert not [root for root in roots if root in answer.raw], (name, answer.raw[:300])
    page = ben.http.get("/").text + json.dumps(ben.http.get("/config").json()) + ben.http.get("/gradio_api/info").text
    assert not [root for root in roots if root in page]


def test_a_space_holds_to_its_limits(anna: Trained, ben: Caller) -> None:
    too_long = ben.call("tokenize", text="x" * 10_001)
    assert "10001 characters; the limit is 10000" in too_long.error
    too_many = ben.call("embed", texts=["x"] * 201)
    assert "201 texts in one call; the limit is 200" in too_many.error
