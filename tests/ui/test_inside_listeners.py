"""What Inside BERT answers: links open what they name, and what a visitor chose or typed stays theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bertdemo.errors import CheckpointUnknown
from bertdemo.serving.inspector import Question
from bertdemo.ui.inside_drawings import Asked, Where
from bertdemo.ui.inside_listeners import TEXT_IN_ADDRESS, Listeners
from bertdemo.ui.page import Visit
from bertdemo.ui.services import Services
from tests.runs.support import settings_with
from tests.tiny import build_tiny_checkpoint

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listeners]:
    root: Path = tmp_path_factory.mktemp("listeners")
    folders = (
        build_tiny_checkpoint(root / "plain"),
        build_tiny_checkpoint(root / "headed", head="classification", labels=("bad", "so", "good"), layers=3),
        build_tiny_checkpoint(
            root / "han", vocabulary=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"小提琴一直放在"]
        ),
    )
    (root / "home").mkdir()
    services = Services.create(replace(settings_with(root / "home"), checkpoint_folders=folders))
    yield Listeners(services)
    services.close()


def ask(text: str = "the film was good", checkpoint: str = "local:headed", **more: Any) -> Asked:
    return Asked(Question(text, "", checkpoint), "", more.pop("lang", "en"), **more)


def visit(**more: str) -> Visit:
    return Visit(**{"lang": "en", "tab": "inside", "run": "", "checkpoint": "", "owner": "", **more})


# --- links --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("checkpoint", ["local:headed", "bundled", "somebody/a-bert", "run-of-somebody"])
def test_a_link_names_whatever_can_be_typed(calls: Listeners, checkpoint: str) -> None:
    chosen, *_ = calls.arrive(visit(checkpoint=checkpoint))
    assert chosen["value"] == checkpoint
    assert calls.arrive(visit(checkpoint=" "))[0]["value"] == "bundled"


def test_a_link_to_what_cannot_be_seen_is_told_when_the_tab_opens_it(calls: Listeners) -> None:
    with pytest.raises(CheckpointUnknown):
        calls.choose(ask(checkpoint="run-of-somebody"))


def test_a_link_carries_a_pair_up_to_its_limit_and_shows_its_box(calls: Listeners) -> None:
    _, text, pair, add, where = calls.arrive(visit(text="a", pair="b" * 2_000, layer="2", head="1"))
    assert text == "a" and where == {"layer": 2, "head": 1, "token": Where().token}
    assert pair["value"] == "b" * TEXT_IN_ADDRESS and pair["visible"] is True
    assert add["visible"] is False
    _, _, pair, add, _ = calls.arrive(visit(text="a"))
    assert "value" not in pair and "visible" not in add
