"""What the tab answers: links open what they name, what a visitor typed stays, and late answers are dropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from gradio.blocks import Block
from gradio.context import LocalContext

from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.services import Services
from bertdemo.ui.inside.callbacks import TEXT_IN_ADDRESS, Callbacks, where_of
from bertdemo.ui.inside.html.samples import sample
from bertdemo.ui.inside.layout import layout
from bertdemo.ui.inside.views import Drawings, Where
from bertdemo.ui.page import Visit
from bertdemo.ui.updates import Updates
from tests.runs.support import settings_with
from tests.tiny import build_tiny_checkpoint
from tests.ui.pages import empty_page

pytestmark = pytest.mark.slow

HAN = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"小提琴一直放在"]


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callbacks]:
    root: Path = tmp_path_factory.mktemp("listeners")
    several = {"problem_type": "multi_label_classification"}
    folders = (
        build_tiny_checkpoint(root / "plain"),
        build_tiny_checkpoint(root / "headed", head="classification", labels=("bad", "so", "good"), layers=3),
        build_tiny_checkpoint(root / "several", head="classification", labels=("bad", "good"), **several),
        build_tiny_checkpoint(root / "stars", head="classification", labels=("stars",)),
        build_tiny_checkpoint(root / "han", vocabulary=HAN),
    )
    (root / "home").mkdir()
    services = Services.create(replace(settings_with(root / "home"), checkpoint_folders=folders))
    with empty_page(services) as page:
        yield Callbacks(page, layout(page, lambda lang: [("bundled", "bundled")]), Drawings(services))
    services.close()


def values_of(
    calls: Callbacks, text: str = "the film was good", checkpoint: str = "local:headed", **more: object
) -> dict[Block, object]:
    sentence, controls = calls.parts.sentence, calls.parts.controls
    given: dict[Block, object] = dict.fromkeys(calls.inputs)
    given |= {
        sentence.text: text, sentence.checkpoint: checkpoint, calls.parts.where: more.pop("where", Where()),
        calls.page.lang: more.pop("lang", "en"), calls.page.owner: "", calls.page.inspected: more.pop("inspected", ""),
        controls.second: more.pop("second", ""), controls.unrelated: more.pop("unrelated", ""),
        controls.label: more.pop("label", 0), sentence.pair: more.pop("pair", ""),
    }  # fmt: skip
    assert not more
    return given


def visit(**more: str) -> Visit:
    return Visit(**{"lang": "en", "tab": "inside", "run": "", "checkpoint": "", "owner": "", **more})


def press(calls: Callbacks, values: dict[Block, object], **data: object) -> Updates:
    return calls.press(values, gr.EventData(None, data))


# --- links --------------------------------------------------------------------------------------------------


def test_a_link_names_whatever_can_be_typed_and_what_is_no_number_is_not_chosen(calls: Callbacks) -> None:
    box = calls.parts.sentence.checkpoint
    for checkpoint in ("local:headed", "somebody/a-bert", "run-of-somebody"):
        assert calls.arrive(visit(checkpoint=checkpoint))[box]["value"] == checkpoint  # type: ignore[index]
    assert where_of(visit(step="layers", layer="4", head="2", token="8")) == Where("layers", 4, 2, 8)
    assert where_of(visit(step="<b>", layer="-1", head="x" * 900, token="99999")) == Where()


def test_a_link_carries_a_pair_up_to_its_limit_and_shows_its_box(calls: Callbacks) -> None:
    sentence = calls.parts.sentence
    drawn = calls.arrive(visit(text="a", pair="b" * 2_000, layer="2", head="1"))
    assert drawn[sentence.text] == "a" and drawn[calls.parts.where] == Where("attention", 2, 1, None)
    assert drawn[sentence.pair] == gr.update(value="b" * TEXT_IN_ADDRESS, visible=True)
    assert sentence.pair not in calls.arrive(visit(text="a"))


def test_a_checkpoint_that_cannot_be_seen_is_told_in_place(calls: Callbacks) -> None:
    drawn = calls.choose_checkpoint(values_of(calls, checkpoint="run-of-somebody"))
    pictures = calls.parts.pictures
    assert 'role="alert"' in str(drawn[pictures.notice]) and drawn[pictures.map] == ""


# --- samples and examples -----------------------------------------------------------------------------------


def test_a_sample_is_in_the_language_that_the_checkpoint_reads(calls: Callbacks) -> None:
    texts, controls = calls.parts.sentence, calls.parts.controls
    for before, after, checkpoint in (("en", "zh", "local:han"), ("zh", "en", "local:plain")):
        values = values_of(calls, sample("text", before), checkpoint, unrelated="mine", second=sample("second", before))
        drawn = calls.choose_checkpoint(values)
        assert (drawn[texts.text], drawn[controls.second]) == (sample("text", after), sample("second", after))
        assert controls.unrelated not in drawn, "what a visitor wrote stays"


def test_an_example_sets_its_texts_and_forgets_what_was_chosen(calls: Callbacks) -> None:
    sentence, where = calls.parts.sentence, calls.parts.where
    drawn = press(calls, values_of(calls, where=Where("layers", 1, 1, 1)), example="pair")
    assert drawn[sentence.pair] == gr.update(value=sample("second", "en"), visible=True)
    assert drawn[sentence.text] == sample("text", "en") and drawn[where] == Where("layers")
    unknown = press(calls, values_of(calls), example="nothing")
    assert 'role="alert"' in str(unknown[calls.parts.pictures.notice])


# --- presses and controls -----------------------------------------------------------------------------------


def test_a_press_draws_the_step_that_it_opens_or_what_changed_in_it(calls: Callbacks) -> None:
    pictures = calls.parts.pictures
    opened = press(calls, values_of(calls), step="layers", layer=2, head=1, token=3)
    assert opened[calls.parts.where] == Where("layers", 2, 1, 3)
    assert opened[pictures.layers] and pictures.overview not in opened and pictures.map not in opened
    moved = press(calls, values_of(calls), step="attention", layer=2, head=1)
    assert "Layer 2, head 1" in str(moved[pictures.side]) and pictures.overview not in moved
    linked = press(calls, values_of(calls, where=Where("attention", 1, 1, 3)), step="attention", layer=2, head=2)
    assert linked[calls.parts.where] == Where("attention", 2, 2, 3), "what a link named stays chosen"
    assert press(calls, values_of(calls, "  "), step="tokens")[calls.parts.where] == Where("tokens")


def test_an_empty_text_is_answered_in_place(calls: Callbacks) -> None:
    drawn = calls.redraw(values_of(calls, " \n"))
    assert translate("en", "inside.empty") in str(drawn[calls.parts.pictures.notice])
    assert drawn[calls.parts.pictures.map] == ""


def test_the_controls_of_training_are_there_where_steps_can_be_taken(calls: Callbacks) -> None:
    controls = calls.parts.controls
    for name, labels in (("several", ("bad", "good")), ("stars", None), ("plain", ("A", "B"))):
        drawn = calls.choose_checkpoint(values_of(calls, checkpoint=f"local:{name}", label=2))
        assert all(drawn[control]["visible"] is (labels is not None) for control in (controls.label, *controls.take))  # type: ignore[index]
        if labels:
            assert drawn[controls.label]["choices"] == [(label, i) for i, label in enumerate(labels)]  # type: ignore[index]
    taken = calls.take(values_of(calls, label=2, where=Where("training_step")), 5)
    assert "After 5 AdamW steps" in str(taken[calls.parts.pictures.step])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_another_tab_opens_its_checkpoint_and_another_language_draws_again(calls: Callbacks, lang: str) -> None:
    sentence, pictures = calls.parts.sentence, calls.parts.pictures
    drawn = calls.open_tab(values_of(calls, checkpoint="local:plain", inspected="local:headed", lang=lang))
    assert drawn[sentence.checkpoint]["value"] == "local:headed" and drawn[calls.page.inspected] == ""  # type: ignore[index]
    assert translate(lang, "inside.step.attention") in str(drawn[pictures.map])
    values = {**values_of(calls), pictures.map: drawn[pictures.map]}
    spoken = calls.speak(lang, *(values[block] for block in calls.spoken_inputs))
    assert translate(lang, "inside.step.attention") in str(spoken[pictures.map])
    waiting = calls.speak(lang, *({**values, pictures.map: ""}[block] for block in calls.spoken_inputs))
    assert translate(lang, "inside.opening") in str(waiting[pictures.notice])


def test_an_answer_that_comes_after_a_newer_one_leaves_its_pictures_out(calls: Callbacks) -> None:
    LocalContext.request.set(SimpleNamespace(session_hash="one"))  # type: ignore[arg-type]
    try:
        pictures = calls.parts.pictures

        def late(request: object) -> Updates:
            assert calls.redraw(values_of(calls))[pictures.map]
            return {pictures.map: "old", calls.parts.where: Where()}

        assert calls._answer(late, values_of(calls), "notice", anew=True) == {calls.parts.where: Where()}
    finally:
        LocalContext.request.set(None)
