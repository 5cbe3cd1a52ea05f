"""The Tokenization tab: whose checkpoints it offers, what it keeps of what was typed, and its first sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bertdemo.errors import OwnerUnknown
from bertdemo.settings import Settings
from bertdemo.ui.app import build_app
from bertdemo.ui.page import Visit
from bertdemo.ui.services import Services
from bertdemo.ui.tabs import inference
from bertdemo.ui.tabs.tokens import _Callbacks
from tests.hub_double import HubDouble
from tests.tiny import build_tiny_checkpoint


@pytest.fixture
def calls(settings: Settings) -> _Callbacks:
    return _Callbacks(Services.create(settings))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "tiny-bert", chinese=True)


@pytest.fixture
def public(home: Path) -> _Callbacks:
    """The same on a Space."""
    space = Settings.from_env({"BERTDEMO_HOME": str(home), "HF_HUB_CACHE": f"{home}/hub", "SPACE_ID": "a/b"})
    return _Callbacks(Services.create(space))


def test_on_a_space_no_key_is_never_the_loopback_owners_key(
    public: _Callbacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    listed = public.catalogue.list
    monkeypatch.setattr(public.catalogue, "list", lambda owner: asked.append(owner) or listed(owner))
    for owner in ("", public.services.new_owner()):
        public.offer("en", owner)
        public.compare_choices("zh")
        public.draw("a text", "", "bundled", "bundled", 0, owner, "en")
    assert asked
    assert "" not in asked
    with pytest.raises(OwnerUnknown):
        public.choose("bundled", "nobody")


def test_the_form_of_a_space_lists_nothing_of_the_loopback_owner(
    public: _Callbacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    listed = public.catalogue.list
    monkeypatch.setattr(public.catalogue, "list", lambda owner: asked.append(owner) or listed(owner))
    app = build_app(public.services.settings, public.services)
    app.page.words.updates("zh")
    assert len(asked) >= 4
    assert "" not in asked


def test_a_hub_id_that_was_typed_can_be_compared_with_and_is_kept(home: Path, tiny: Path) -> None:
    with HubDouble() as hub:
        hub.add("owner/typed", tiny)
        calls = _Callbacks(Services.create(hub_settings(home, hub)))
        strip, compared, *_ = calls.draw("a good film", "", "owner/typed", "owner/typed", 0, "", "en")
        assert "bd-chips" in strip and "typed" in compared
        checkpoint, _ = calls.arrive(visit("owner/typed"))
        assert checkpoint["value"] == "owner/typed"
    assert "value" not in calls.arrive(visit("../../etc"))[0]


def test_inference_keeps_a_hub_id_that_was_typed_and_says_what_the_hub_says(home: Path, tiny: Path) -> None:
    with HubDouble() as hub:
        hub.add("owner/typed", tiny)
        hub.add("owner/closed", tiny)
        hub.fail("owner/closed", "gated")
        calls = inference._Callbacks(Services.create(hub_settings(home, hub)))
        chosen, about, *_ = calls.open("owner/typed", "", "zh")
        assert chosen["value"] == "owner/typed" and "bd-about" in about
        for lang in ("en", "zh"):
            chosen, about, *_ = calls.open("owner/closed", "", lang)
            assert chosen["value"] == "owner/closed"
            assert "owner/closed" in about and 'role="alert"' in about
    assert calls.open("a-run-that-was-deleted", "", "en")[0]["value"] == "bundled"
    arrived, *rest = calls.arrive(visit("owner/elsewhere"))
    assert arrived["value"] == "owner/elsewhere" and len(rest) == 4


def visit(checkpoint: str = "", lang: str = "en") -> Visit:
    return Visit(lang=lang, tab="", run="", checkpoint=checkpoint, owner="")


def hub_settings(home: Path, hub: HubDouble) -> Settings:
    settings = Settings.from_env({"BERTDEMO_HOME": str(home), "HF_HUB_CACHE": str(home / "hub")})
    return replace(settings, hub_endpoint=hub.url)
