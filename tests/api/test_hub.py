"""Checkpoints of the Hub through the API: a server that asks a stand-in for the Hub, with a token nobody may see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bertdemo.i18n.translation import translate
from tests.api.caller import Caller
from tests.api.conftest import running, train
from tests.e2e.server import Server
from tests.hub_double import HubDouble
from tests.tiny import build_tiny_checkpoint

TOKEN = "hf_canaryCanaryCanaryCanary0123456789"
REFUSED = {
    "owner/missing": "hub_not_found",
    "owner/closed": "hub_gated",
    "owner/other": "hub_not_bert",
    "owner/pickled": "hub_no_safetensors",
    "owner/worded": "hub_no_tokenizer",
    "owner/down": "hub_unreachable",
    "owner/a/b": "checkpoint_id_malformed",
}
"""Repository -> key of its message."""


def say(key: str, checkpoint: str, **more: Any) -> str:
    return translate("en", f"error.{key}", checkpoint=checkpoint, **({"model_type": "gpt2"} | more))


@pytest.fixture(scope="module")
def hub(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubDouble]:
    classifier = build_tiny_checkpoint(
        tmp_path_factory.mktemp("hub") / "classifier", head="classification", labels=("bad", "good")
    )
    with HubDouble() as hub:
        hub.add("owner/tiny", tiny)
        hub.add("owner/trains", tiny)
        hub.add("owner/classifier", classifier)
        hub.add("owner/closed", tiny)
        hub.fail("owner/closed", "gated")
        hub.add("owner/other", tiny, config_json=b'{"model_type": "gpt2"}')
        hub.add("owner/pickled", tiny, without=("model.safetensors",))
        hub.add("owner/worded", tiny, without=("tokenizer.json", "vocab.txt"))
        hub.fail("owner/down", "error_500")
        for name in ("owner/breaks", "owner/breaks-too"):
            hub.add(name, tiny)
            hub.fail(name, "cut_off", times=1, dead=True)
        yield hub


@pytest.fixture(scope="module")
def online(hub: HubDouble, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("online") / "home"
    env = {
        "HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_TOKEN": TOKEN, "HUGGING_FACE_HUB_TOKEN": TOKEN,
        "HF_HOME": str(home.parent / "hf"), "no_proxy": "127.0.0.1",
    }  # fmt: skip
    yield from running(Server(home, tiny, env))


@pytest.fixture(scope="module")
def asker(online: Server) -> Caller:
    return Caller(online.url)


def test_a_good_repository_is_tokenized_after_fetching_its_small_files_alone(asker: Caller, hub: HubDouble) -> None:
    found = asker.call("tokenize", text="the cat sat", checkpoint="owner/tiny")
    assert found.ok, found.raw
    assert found.value["tokens"] == ["[CLS]", "the", "cat", "sat", "[SEP]"]
    assert hub.count("owner/tiny/resolve/main/model.safetensors") == 0
    assert not [path for _, path in hub.requests if "owner/tiny" in path and path.endswith("model.safetensors")]


def test_a_repository_with_a_head_gives_labels(asker: Caller) -> None:
    found = asker.call("predict", text="the good film", checkpoint="owner/classifier")
    assert found.ok, found.raw
    assert {item["label"] for item in found.value["output"]["labels"]} == {"bad", "good"}
    assert found.value["before"] is None
    assert found.value["checkpoint"] == "owner/classifier"


@pytest.mark.parametrize("repository", REFUSED)
def test_each_repository_that_cannot_be_used_has_its_own_message(repository: str, asker: Caller, reviews: Path) -> None:
    message = say(REFUSED[repository], repository)
    for name, more in (
        ("tokenize", {"text": "the cat"}),
        ("predict", {"text": "the cat"}),
        ("embed", {"texts": ["the cat"]}),
        ("start_run", {"file": asker.upload(reviews)}),
        ("predict_file", {"file": asker.upload(reviews)}),
    ):
        if repository == "owner/down" and name not in {"tokenize", "start_run"}:
            continue  # the library asks several times before it gives up
        assert asker.call(name, checkpoint=repository, **more).error == message, name
    assert asker.call("runs").value == [] or repository not in str(asker.call("runs").value)


def test_a_download_that_breaks_off_says_so(asker: Caller) -> None:
    answer = asker.call("embed", texts=["the cat"], checkpoint="owner/breaks")
    assert answer.error == say("hub_cut_off", "owner/breaks")


def test_a_run_whose_checkpoint_breaks_off_fails_with_that_message(asker: Caller, reviews: Path) -> None:
    begun = asker.call("start_run", file=asker.upload(reviews), checkpoint="owner/breaks-too", config={"epochs": 1})
    assert begun.ok, begun.raw
    last = asker.wait(begun.value["run_id"], "failed")[-1]
    assert last["message"] == say("hub_cut_off", "owner/breaks-too")
    assert last["checkpoint"] is None


def test_a_run_on_a_good_repository_is_queued_fetched_trained_and_finished(
    asker: Caller, online: Server, hub: HubDouble, reviews: Path
) -> None:
    done = train(asker, reviews, checkpoint="owner/trains")
    assert done.statuses[0]["state"] == "queued"
    assert set(done.statuses[-1]["metrics"]) == {"accuracy", "macro_f1"}
    lines = (online.home / "runs" / done.run_id / "events.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    fetching = [event["progress"] for event in events if event.get("name") == "fetching"]
    assert fetching
    assert fetching == sorted(fetching)
    assert [path for _, path in hub.requests if "owner/trains" in path and path.endswith("model.safetensors")]
    found = asker.call("predict", text="the good film", checkpoint=done.run_id)
    assert found.value["before"] is not None


def test_a_server_that_is_off_line_says_that_the_hub_does_not_answer(caller: Caller, reviews: Path) -> None:
    message = say("hub_unreachable", "owner/never-here")
    assert caller.call("tokenize", text="x", checkpoint="owner/never-here").error == message
    assert caller.call("start_run", file=caller.upload(reviews), checkpoint="owner/never-here").error == message


def test_when_the_hub_is_gone_what_is_here_still_works(asker: Caller, hub: HubDouble) -> None:
    """The last but one, because it stops the stand-in."""
    hub.stop()
    assert asker.call("tokenize", text="the cat", checkpoint="owner/classifier").ok
    assert asker.call("predict", text="the cat", checkpoint="owner/classifier").ok
    assert asker.call("tokenize", text="the cat", checkpoint="owner/tiny").ok  # only its small files were fetched
    message = say("hub_unreachable", "owner/never-asked-for")
    assert asker.call("tokenize", text="the cat", checkpoint="owner/never-asked-for").error == message


def test_the_operators_token_was_sent_to_nobody_and_written_nowhere(
    asker: Caller, online: Server, hub: HubDouble
) -> None:
    assert not [headers for headers in hub.headers if "authorization" in headers]
    assert hub.headers
    places = [path for path in online.home.parent.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(places) > 20
    assert not [path for path in places if TOKEN.encode() in path.read_bytes()]
    assert TOKEN not in json.dumps(asker.http.get("/config").json())
    for worker in online.workers():
        assert TOKEN not in str(worker.environ())
