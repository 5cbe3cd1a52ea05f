"""The Tokenization tab: whose checkpoints it offers, what it keeps of what was typed, and its first sentence."""

from __future__ import annotations

import pytest

from bertdemo.errors import OwnerUnknown
from bertdemo.settings import Settings
from bertdemo.ui.services import Services
from bertdemo.ui.tabs.tokens import _Callbacks


@pytest.fixture
def calls(settings: Settings) -> _Callbacks:
    return _Callbacks(Services.create(settings))


@pytest.fixture
def public(home: object) -> _Callbacks:
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
    assert asked and "" not in asked
    with pytest.raises(OwnerUnknown):
        public.choose("bundled", "nobody")
