"""A regression is started, followed, asked and exported by the endpoints that every run has."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.api.caller import Caller
from tests.api.conftest import ROWS, Trained


@pytest.fixture(scope="module")
def kept(caller: Caller, reviews: Path) -> Trained:
    begun = caller.call(
        "start_run", file=caller.upload(reviews), checkpoint="local:tiny", config={"method": "regression"}
    )
    assert begun.ok, begun.raw
    run_id = begun.value["run_id"]
    return Trained(caller, run_id, caller.wait(run_id, "finished"), reviews)


def test_it_is_followed_to_its_end_without_steps(kept: Trained) -> None:
    progress = [status["progress"] for status in kept.statuses]
    assert progress == sorted(progress) and progress[-1] == 1.0
    last = kept.statuses[-1]
    assert (last["step"], last["steps"], last["checkpoint"], last["message"]) == (0, 0, kept.run_id, None)
    assert set(last["metrics"]) == {"accuracy", "macro_f1"}
    assert 0.4 <= last["baseline"]["majority"] <= 0.6


def test_it_answers_with_labels_and_has_no_head_before_training(kept: Trained) -> None:
    found = kept.caller.call("predict", text="the nice film, number 3", checkpoint=kept.run_id).value
    assert (found["task"], found["before"]) == ("classification", None)
    assert {item["label"] for item in found["output"]["labels"]} == {"pos", "neg"}
    assert sum(item["score"] for item in found["output"]["labels"]) == pytest.approx(1, abs=1e-5)


def test_its_vectors_are_those_of_its_base(kept: Trained) -> None:
    texts = ["the nice film", "a bad book that i hate"]
    own, base = (kept.caller.call("embed", texts=texts, checkpoint=name).value for name in (kept.run_id, "local:tiny"))
    assert len(own) == 2 and own[0] != own[1]
    for one, other in zip(own, base, strict=True):
        assert one == pytest.approx(other, abs=1e-6)


def test_it_can_be_looked_into(kept: Trained) -> None:
    found = kept.caller.call("inspect", text="the nice film", checkpoint=kept.run_id, layer=2, head=1).value
    assert set(found["pooled"]) == {"cls", "mean", "max"}
    assert max(found["checks"].values()) <= 1e-5


def test_it_is_listed_and_exported(kept: Trained) -> None:
    listed = {item["id"]: item for item in kept.caller.call("checkpoints").value}[kept.run_id]
    assert (listed["task"], listed["labels"]) == ("classification", ["neg", "pos"])
    path = kept.caller.fetch(kept.caller.call("export", checkpoint=kept.run_id).value)
    import io

    with zipfile.ZipFile(io.BytesIO(path)) as archive:
        assert "README.md" in archive.namelist()


def test_another_method_is_refused_in_words(caller: Caller, reviews: Path) -> None:
    refused = caller.call("start_run", file=caller.upload(reviews), config={"method": "magic"})
    assert "fine_tune, regression" in (refused.error or "")


def test_it_is_fine_tuned_further(kept: Trained) -> None:
    begun = kept.caller.call(
        "start_run", file=kept.caller.upload(kept.data), checkpoint=kept.run_id, config={"epochs": 1, "batch_size": 16}
    )
    last = kept.caller.wait(begun.value["run_id"], "finished")[-1]
    assert last["steps"] == -(-(ROWS - round(ROWS * 0.2)) // 16)
