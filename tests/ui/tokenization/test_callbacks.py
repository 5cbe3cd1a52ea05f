"""The Tokenization tab: whose checkpoints it offers, what it keeps of what was typed, and its first sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from gradio.blocks import Block

from bertdemo.errors import OwnerUnknown
from bertdemo.i18n.translation import translate
from bertdemo.services import CHINESE, Services
from bertdemo.settings import Settings
from bertdemo.ui.app import build_app
from bertdemo.ui.inference import callbacks as inference
from bertdemo.ui.inference.layout import layout as inference_layout
from bertdemo.ui.page import SAMPLES, Visit
from bertdemo.ui.tokenization.callbacks import Callbacks
from bertdemo.ui.tokenization.choices import CheckpointChoices
from bertdemo.ui.tokenization.drawings import Drawings
from bertdemo.ui.tokenization.layout import layout
from bertdemo.ui.updates import Updates
from tests.hub_double import HubDouble
from tests.tiny import build_tiny_checkpoint
from tests.ui.fine_tune.support import choice
from tests.ui.fine_tune.support import tab as fine_tune_tab
from tests.ui.pages import empty_page


@pytest.fixture
def calls(settings: Settings) -> Callbacks:
    return tab(Services.create(settings))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "tiny-bert", chinese=True)


@pytest.fixture
def public(home: Path) -> Callbacks:
    """The same on a Space."""
    space = Settings.from_env({"BERTDEMO_HOME": str(home), "HF_HUB_CACHE": f"{home}/hub", "SPACE_ID": "a/b"})
    return tab(Services.create(space))


def test_on_a_space_no_key_is_never_the_loopback_owners_key(public: Callbacks, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    listed = public.page.catalogue.list
    monkeypatch.setattr(public.page.catalogue, "list", lambda owner: asked.append(owner) or listed(owner))
    for owner in ("", public.page.services.new_owner()):
        public.offer("en", "", "bundled", "", owner)
        CheckpointChoices(public.page.services).compared("zh")
        public.draw("a text", "", "bundled", "bundled", 0, owner, "en")
    assert asked
    assert "" not in asked
    with pytest.raises(OwnerUnknown):
        public.choose("bundled", "nobody")


def test_the_form_of_a_space_lists_nothing_of_the_loopback_owner(
    public: Callbacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    listed = public.page.catalogue.list
    monkeypatch.setattr(public.page.catalogue, "list", lambda owner: asked.append(owner) or listed(owner))
    app = build_app(public.page.services.settings, public.page.services)
    app.page.words.updates("zh")
    assert len(asked) >= 4
    assert "" not in asked


def test_a_hub_id_that_was_typed_can_be_compared_with_and_is_kept(home: Path, tiny: Path) -> None:
    with HubDouble() as hub:
        hub.add("owner/typed", tiny)
        calls = tab(Services.create(hub_settings(home, hub)))
        controls = calls.parts.controls
        drawn = calls.draw("a good film", "", "owner/typed", "owner/typed", 0, "", "en")
        assert "bd-chips" in drawn[calls.parts.pictures.strip] and "typed" in drawn[calls.parts.pictures.compared]
        arrived = calls.arrive(visit("owner/typed"), SAMPLES["en"])
        assert value(arrived, controls.checkpoint) == "owner/typed"
        kept = calls.offer("zh", "a good film", "owner/typed", "owner/typed", "")
        assert calls.parts.text not in kept
        assert [value(kept, box) for box in (controls.checkpoint, controls.compare)] == ["owner/typed"] * 2
    assert value(calls.arrive(visit("../../etc"), SAMPLES["en"]), controls.checkpoint) == "bundled"


def test_inference_keeps_a_hub_id_that_was_typed_and_says_what_the_hub_says(home: Path, tiny: Path) -> None:
    with HubDouble() as hub:
        hub.add("owner/typed", tiny)
        hub.add("owner/closed", tiny)
        hub.fail("owner/closed", "gated")
        with empty_page(Services.create(hub_settings(home, hub))) as page:
            calls = inference.Callbacks(page, inference_layout(page))
        checkpoint, about = calls.parts.question.checkpoint, calls.parts.question.about
        boxes = inference.Boxes("", "", inference.NO_EXAMPLES)
        opened = calls.open("owner/typed", boxes, "", "zh")
        assert value(opened, checkpoint) == "owner/typed" and "bd-about" in opened[about]
        for lang in ("en", "zh"):
            opened = calls.open("owner/closed", boxes, "", lang)
            assert value(opened, checkpoint) == "owner/closed"
            assert "owner/closed" in opened[about] and 'role="alert"' in opened[about]
    assert value(calls.open("a-run-that-was-deleted", boxes, "", "en"), checkpoint) == "bundled"
    arrived = calls.arrive(visit("owner/elsewhere"))
    assert value(arrived, checkpoint) == "owner/elsewhere" and set(arrived) == {checkpoint}


def test_with_no_chinese_model_at_hand_the_english_sentence_is_shown_and_said_to_be(calls: Callbacks) -> None:
    assert not calls.page.services.reads_chinese()
    arrived = calls.arrive(visit(lang="zh"), SAMPLES["en"])
    assert calls.parts.text not in arrived  # it is there already
    assert value(arrived, calls.parts.controls.checkpoint) == "bundled"
    told = translate("zh", "tokens.sample_english")
    strip = calls.parts.pictures.strip
    assert told in calls.draw(SAMPLES["en"], "", "bundled", "", 0, "", "zh")[strip]
    assert told not in calls.draw("something else", "", "bundled", "", 0, "", "zh")[strip]
    english = calls.draw(SAMPLES["en"], "", "bundled", "", 0, "", "en")[strip]
    assert translate("en", "tokens.sample_english") not in english


def test_the_chinese_model_counts_as_at_hand_in_the_cache_or_when_the_hub_has_it(home: Path, tiny: Path) -> None:
    with HubDouble() as hub:
        services = Services.create(hub_settings(home, hub))
        services.look_for_chinese()
        assert not services.reads_chinese()
        hub.add(CHINESE, tiny)
        services.look_for_chinese()
        assert services.reads_chinese()
        services.catalogue.folder(CHINESE, "")
    offline = Services.create(Settings.from_env({"BERTDEMO_HOME": str(home), "HF_HUB_CACHE": str(home / "hub")}))
    assert offline.reads_chinese()


def test_a_chinese_page_opens_with_the_chinese_sentence_and_its_model(home: Path, tiny: Path) -> None:
    with HubDouble() as hub:
        hub.add(CHINESE, tiny)
        calls = tab(Services.create(hub_settings(home, hub)))
        calls.page.services.look_for_chinese()
        text, checkpoint = calls.parts.text, calls.parts.controls.checkpoint
        arrived = calls.arrive(visit(lang="zh"), SAMPLES["en"])
        assert (arrived[text], value(arrived, checkpoint)) == (SAMPLES["zh"], CHINESE)
        assert "bert-base-chinese" in arrived[calls.page.model]
        assert "bd-chips" in calls.draw(SAMPLES["zh"], "", CHINESE, "", 0, "", "zh")[calls.parts.pictures.strip]
        assert text not in calls.arrive(visit(lang="zh"), "typed already")
        back = calls.offer("en", SAMPLES["zh"], CHINESE, "", "")
        assert (back[text], value(back, checkpoint)) == (SAMPLES["en"], "bundled")
        there = calls.offer("zh", SAMPLES["en"], "bundled", "", "")
        assert (there[text], value(there, checkpoint)) == (SAMPLES["zh"], CHINESE)
        kept = calls.offer("zh", SAMPLES["en"], "google-bert/bert-base-cased", "", "")
        assert value(kept, checkpoint) == "google-bert/bert-base-cased"


def test_a_chinese_sample_is_trained_on_the_model_that_reads_it(home: Path, tiny: Path) -> None:
    with HubDouble() as hub:
        hub.add(CHINESE, tiny)
        services = Services.create(hub_settings(home, hub))
        calls = fine_tune_tab(services).data
        checkpoint = calls.parts.data.form.checkpoint

        def sample(name: str, model: str) -> Updates:
            return calls.choose_sample(choice(checkpoint=model, lang="zh"), {"sample": name})

        assert checkpoint not in sample("reviews_zh", "bundled")
        services.look_for_chinese()
        assert sample("reviews_zh", "bundled")[checkpoint] == CHINESE
        assert checkpoint not in sample("reviews_zh", "google-bert/bert-base-cased")
        assert checkpoint not in sample("reviews_en", "bundled")


def tab(services: Services) -> Callbacks:
    """The listeners of a tab that is drawn on a page of its own."""
    with empty_page(services) as page:
        return Callbacks(page, layout(page, Drawings("", "", "", "")))


def value(updates: Updates, component: Block) -> object:
    """The new value of a component whose choices change with it."""
    update = updates[component]
    assert isinstance(update, dict)
    return update["value"]


def visit(checkpoint: str = "", lang: str = "en") -> Visit:
    return Visit(lang=lang, tab="", run="", checkpoint=checkpoint, owner="")


def hub_settings(home: Path, hub: HubDouble) -> Settings:
    settings = Settings.from_env({"BERTDEMO_HOME": str(home), "HF_HUB_CACHE": str(home / "hub")})
    return replace(settings, hub_endpoint=hub.url)
