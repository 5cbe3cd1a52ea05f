"""A stand-in for the Hub, a tiny BERT to serve from it, and a catalogue that asks it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bertdemo.checkpoints import Catalogue
from bertdemo.settings import Settings
from tests.hub_double import HubDouble
from tests.tiny import build_tiny_checkpoint


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "tiny-bert")


@pytest.fixture(scope="session")
def tiny_classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "tiny-classifier"
    return build_tiny_checkpoint(folder, head="classification", labels=("bad", "good"), seed=1)


@pytest.fixture
def hub(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubDouble]:
    # huggingface_hub waits a second before each new try of a broken download.
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    with HubDouble() as double:
        double.add("owner/tiny", tiny)
        yield double


@pytest.fixture
def online(settings: Settings, hub: HubDouble) -> Settings:
    return replace(settings, hub_endpoint=hub.url)


@pytest.fixture
def catalogue(online: Settings) -> Catalogue:
    return Catalogue(online)
