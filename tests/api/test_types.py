"""A wrong type or value in any argument gives a sentence that says what is expected, never a bug or a bare null."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests import sweep
from tests.api.caller import Answer, Caller
from tests.api.conftest import Trained

HUGE = "x" * 200_000
WRONG: list[Any] = [
    None, True, 0, -1, float("nan"), 10**30, "", " ", "\ud800", "a\x00b", HUGE, [], ["x"], [[1]], {}, {"text": 3},
    "../../etc/passwd", "a/..", "local:", "http://169.254.169.254/", "{lang}",
]  # fmt: skip
TEXTS = ["x", " ", "", "a\x00b", "\ud800", "../../etc/passwd", "{lang}"]


def in_words(answer: Answer) -> None:
    """A refusal is one sentence of ours, and nothing of the server's inside."""
    assert answer.error, answer.raw[:300]
    assert "our side" not in answer.error, answer.error
    assert "Traceback" not in answer.raw
    assert ".py" not in answer.error
    assert len(answer.error) < 2_000
    assert answer.error[-1] in ".}", answer.error


@pytest.fixture(scope="module")
def good(caller: Caller, trained: Trained) -> dict[str, Any]:
    """Arguments that are right."""
    return {
        "text": "the good film", "texts": ["the good film"], "file": caller.upload(trained.data),
        "checkpoint": "local:tiny", "run_id": trained.run_id,
    }  # fmt: skip


def arguments(caller: Caller, name: str, good: dict[str, Any]) -> dict[str, Any]:
    names = {parameter["parameter_name"] for parameter in caller.endpoints[name]}
    found = {key: value for key, value in good.items() if key in names}
    if name == "start_run":  # whatever slips through waits forever instead of training
        found["checkpoint"] = "nobody"
    return found


@pytest.mark.parametrize(
    "name",
    ["checkpoints", "tokenize", "inspect", "embed", "run_status", "runs", "cancel_run", "delete_run", "predict",
     "check_data", "start_run", "predict_file", "search", "export"],
)  # fmt: skip
def test_no_value_of_any_argument_is_a_bug(name: str, caller: Caller, good: dict[str, Any]) -> None:
    for turn, parameter in enumerate(caller.endpoints[name], start=len(name)):
        argument = parameter["parameter_name"]
        for wrong in sweep.cases(WRONG, turn, 7):
            if (name, argument) == ("delete_run", "owner"):
                continue  # on this machine alone any owner is the one owner: it would delete the run
            answer = caller.call(name, **{**arguments(caller, name, good), argument: wrong})
            if not answer.ok:
                in_words(answer)


REFUSED = [
    ("tokenize", "text", [None, True, 1, ["x"], {}]),
    ("tokenize", "pair", [None, True, 1, ["x"], {}]),
    ("tokenize", "checkpoint", [None, True, 1, ["x"], {}, "", "nobody", "a/b/c", "local:nobody"]),
    ("tokenize", "max_length", [None, True, "8", 1, -1, 3.5, float("nan"), 513, 10**30, [8]]),
    ("tokenize", "owner", [True, 1, ["x"], {}]),
    ("inspect", "text", [None, True, 1, ["x"], {}, "", "  "]),
    ("inspect", "pair", [True, 1, ["x"], {}]),
    ("inspect", "checkpoint", [None, True, 1, ["x"], {}, "", "nobody", "a/b/c", "local:nobody"]),
    ("inspect", "layer", [None, True, "8", 0, -1, 3.5, float("nan"), 7, 10**30, [1]]),
    ("inspect", "head", [None, True, "8", 0, -1, 3.5, float("nan"), 13, 10**30, [1]]),
    ("inspect", "owner", [True, 1, ["x"], {}]),
    ("embed", "texts", [None, "x", 1, [1], [None], [["x"]], {"0": "x"}]),
    ("embed", "pooling", [None, True, "", "sum", ["mean"], {}]),
    ("predict", "text", [None, True, 1, "", "  ", ["x"]]),
    ("predict", "pair", [False, 0, [], {}, 1, ["x"]]),
    ("run_status", "run_id", [None, True, 1, "", "nope", "../x", ["x"], "X" * 20]),
    ("check_data", "task", ["nothing", HUGE]),
    ("check_data", "columns", [False, 0, "", [], ["text"], {"text": 1}, {"nothing": "text"}, {"text": "nothing"},
                               {"text": "text", "label": "text"}]),
    ("start_run", "config", [False, 0, "", [], ["x"], "epochs=3", {"nothing": 1}, {"epochs": "three"},
                             {"epochs": [3]}, {"epochs": True}, {"epochs": 0}, {"epochs": 2.5},
                             {"learning_rate": float("nan")}, {"learning_rate": "1e400"}, {"seed": -1},
                             {"precision": "int8"}, {"device": "cuda:9"}, {"batch_size": 10**30}, {HUGE: 1},
                             {"max_length": 100_000}, {"device": HUGE}]),
    ("start_run", "columns", [False, ["text"], {"text": "nothing", "label": "label"},
                              {"text": "text", "label": "text"}]),
    ("export", "format", [None, "", "pickle", "ZIP", ["zip"]]),
    ("export", "checkpoint", ["", "bundled", "local:tiny", "nobody", "google-bert/bert-base-uncased"]),
    ("predict_file", "columns", [{"text": "nothing"}, ["text"], {"nothing": "text"}]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "argument", "values"), REFUSED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_wrong_value_is_refused_in_words(
    name: str, argument: str, values: list[Any], caller: Caller, good: dict[str, Any], trained: Trained
) -> None:
    before = len(caller.call("runs").value)
    for value in values:
        given = {**arguments(caller, name, good), "checkpoint": trained.run_id} if name != "run_status" else {}
        if name in {"check_data"}:
            given.pop("checkpoint")
        if name == "start_run":
            given["checkpoint"] = "local:tiny"
        answer = caller.call(name, **{**given, argument: value})
        assert not answer.ok, (value, answer.raw[:200])
        in_words(answer)
    assert len(caller.call("runs").value) == before


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_is_a_text(text: str, caller: Caller, trained: Trained) -> None:
    assert caller.call("tokenize", text=text, pair=text).ok
    assert caller.call("embed", texts=[text], checkpoint="local:tiny").ok
    if text.strip():
        assert caller.call("predict", text=text, checkpoint=trained.run_id).ok


def test_numbers_in_the_configuration_may_be_text_as_a_form_sends_them(caller: Caller, trained: Trained) -> None:
    config = {"epochs": "1", "learning_rate": "1e-4", "batch_size": 16.0, "warmup": "", "group_by_length": "false"}
    begun = caller.call("start_run", file=caller.upload(trained.data), config=config, checkpoint="local:tiny")
    assert begun.ok, begun.raw
    assert caller.wait(begun.value["run_id"])[-1]["state"] == "finished"


def test_too_few_values_are_refused_in_words(caller: Caller) -> None:
    for name, parameters in caller.endpoints.items():
        if parameters:
            answer = caller.post(name, [])
            in_words(answer)
            assert f"{len(parameters)} values" in answer.error


def test_an_unknown_endpoint_is_no_secret_door(caller: Caller) -> None:
    for name in ("nothing", "explain", "score", "upload/../x"):
        address = caller.http.base_url.join(f"/gradio_api/call/{name}")
        answer = httpx.post(address, json={"data": []}, trust_env=False)  # the server closes the connection after it
        assert answer.status_code in {404, 405, 500}
        assert "Traceback" not in answer.text
