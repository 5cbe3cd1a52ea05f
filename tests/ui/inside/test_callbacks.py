"""What Inside BERT answers: links open what they name, and what a visitor chose or typed stays theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bertdemo.errors import CheckpointUnknown
from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.services import Services
from bertdemo.serving.inspector import Question
from bertdemo.ui.inside.callbacks import TEXT_IN_ADDRESS, Listeners, sample
from bertdemo.ui.inside.views import Asked, Where
from bertdemo.ui.page import Visit
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


# --- samples ------------------------------------------------------------------------------------------------


def sampled(lang: str) -> dict[str, str]:
    return {name: sample(name, lang) for name in ("text", "second", "unrelated")}


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_a_sample_is_in_the_language_that_the_checkpoint_reads_whatever_the_page_speaks(
    calls: Listeners, spoken: str
) -> None:
    english, chinese = sampled("en"), sampled("zh")
    assert all(not one.isascii() for one in chinese.values()) and all(one.isascii() for one in english.values())
    for was, checkpoint, wanted in ((english, "local:han", chinese), (chinese, "local:plain", english)):
        asked = ask(was["text"], checkpoint, lang=spoken, second=was["second"], unrelated=was["unrelated"])
        answer = calls.choose(asked)
        assert {name: answer[name] for name in wanted} == wanted
        there = ask(wanted["text"], checkpoint, lang=spoken, second=wanted["second"], unrelated=wanted["unrelated"])
        assert answer["pooling"] == calls.choose(there)["pooling"]
        assert not {"text", "second", "unrelated"} & set(calls.choose(there))


def test_sentences_of_the_visitor_stay(calls: Listeners) -> None:
    asked = ask("mine", "local:han", second="also mine", unrelated="")
    for answer in (calls.choose(asked), calls.come_back(asked), calls.come_back(replace(asked, lang="zh"))):
        assert not {"text", "second", "unrelated"} & set(answer)
    answer = calls.choose(replace(asked, unrelated=sample("unrelated", "en")))
    assert {name for name in ("text", "second", "unrelated") if name in answer} == {"unrelated"}


# --- controls -----------------------------------------------------------------------------------------------


def test_a_checkpoint_that_was_just_chosen_is_drawn_with_its_controls_at_their_start(calls: Listeners) -> None:
    answer = calls.choose(ask(where=Where(1, 1, 1, 1), label=2))
    assert (answer["stage"]["value"], answer["label"]["value"]) == (3, 0)
    fresh = calls.choose(ask(where=Where(1, 1, 1, None)))
    assert {name: answer[name] for name in ("map", "code_layers", "code_training_step")} == {
        name: fresh[name] for name in ("map", "code_layers", "code_training_step")
    }
    assert translate("en", "inside.stage.after_layer", n=3) in answer["map"]
    assert "torch.tensor([0])" in answer["code_training_step"].replace("&#91;", "[").replace("&#93;", "]")


def test_who_comes_back_finds_controls_and_pictures_as_they_were(calls: Listeners) -> None:
    answer = calls.come_back(ask(where=Where(1, 1, 1, 1), label=2))
    assert (answer["stage"]["value"], answer["label"]["value"]) == (1, 2)
    assert translate("en", "inside.stage.after_layer", n=1) in answer["map"]
    assert "2" in answer["code_training_step"]
    gone = calls.come_back(ask(checkpoint="local:plain", where=Where(1, 1, 1, 3), label=2))
    assert (gone["stage"]["value"], gone["label"]["value"]) == (2, 0)
    assert translate("en", "inside.stage.after_layer", n=2) in gone["map"]
