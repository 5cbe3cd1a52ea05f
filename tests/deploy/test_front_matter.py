"""The front matter of the README is the configuration of the Space: read as the Hub reads it, key by key."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import RepoCard, SpaceCard, SpaceHardware

from tests.hub_double import HubDouble

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
# The colors of a thumbnail.
COLORS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
Holds = Callable[[Any], bool]


def is_text(value: Any, most: int = 1000) -> bool:
    return isinstance(value, str) and 0 < len(value) <= most


def is_list(value: Any, pattern: str) -> bool:
    return isinstance(value, list) and all(isinstance(it, str) and re.fullmatch(pattern, it) for it in value)


def is_flag(value: Any) -> bool:
    return isinstance(value, bool)


# Every setting of a Space that its documentation names (hub-docs, spaces-config-reference and spaces-oauth), with what
# its value must be. The Hub ignores a key that it does not know, so a typo would go unseen.
SETTINGS: dict[str, Holds] = {
    "title": is_text,
    "emoji": lambda value: is_text(value, 8),
    "colorFrom": COLORS.__contains__,
    "colorTo": COLORS.__contains__,
    "sdk": {"gradio", "docker", "static"}.__contains__,
    "sdk_version": lambda value: is_text(value) and bool(re.fullmatch(r"\d+\.\d+\.\d+", value)),
    "python_version": lambda value: is_text(value) and bool(re.fullmatch(r"3\.\d+(\.\d+)?", value)),
    "app_file": lambda value: (ROOT / value).is_file(),
    "app_port": lambda value: isinstance(value, int) and 1 <= value <= 65535,
    "base_path": lambda value: is_text(value) and value.startswith("/"),
    "suggested_hardware": {it.value for it in SpaceHardware}.__contains__,
    "fullWidth": is_flag,
    "header": {"mini", "default"}.__contains__,
    "short_description": lambda value: is_text(value, 60),
    "license": lambda value: is_text(value) and bool(re.fullmatch(r"[a-z0-9.-]+", value)),
    "models": lambda value: is_list(value, r"[\w.-]+/[\w.-]+"),
    "datasets": lambda value: is_list(value, r"[\w.-]+/[\w.-]+"),
    "tags": lambda value: is_list(value, r"[a-z0-9-]+"),
    "thumbnail": lambda value: is_text(value) and value.startswith("https://"),
    "pinned": is_flag,
    "hf_oauth": is_flag,
    "hf_oauth_scopes": lambda value: is_list(value, r"[a-z-]+"),
    "hf_oauth_expiration_minutes": lambda value: isinstance(value, int) and 1 <= value <= 43_200,
    "hf_oauth_authorized_org": is_text,
    "disable_embedding": is_flag,
    "startup_duration_timeout": lambda value: is_text(value) and bool(re.fullmatch(r"\d+\s?[mh]", value)),
    "custom_headers": lambda value: (
        isinstance(value, dict)
        and set(value) <= {"cross-origin-embedder-policy", "cross-origin-opener-policy", "cross-origin-resource-policy"}
    ),
    "preload_from_hub": lambda value: is_list(value, r"[\w.-]+/[\w.-]+( [\w./,*-]+( [0-9a-f]{40})?)?"),
}


def wrong_settings(card: RepoCard) -> list[str]:
    return [
        f"{key}: {value!r}" for key, value in card.data.to_dict().items()
        if key not in SETTINGS or not SETTINGS[key](value)
    ]  # fmt: skip


def test_every_key_of_the_front_matter_is_a_setting_of_a_space_with_a_value_that_it_takes() -> None:
    card = RepoCard.load(README)
    assert wrong_settings(card) == []
    assert {"title", "sdk", "sdk_version", "python_version", "app_file"} <= set(card.data.to_dict())


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("sdk_verison: 6.31.0", ["sdk_verison: '6.31.0'"]),
        ("colorTo: orange", ["colorTo: 'orange'"]),
        ("python_version: 3.1", ["python_version: 3.1"]),  # a number: 3.10 would be 3.1
        ("app_file: main.py", ["app_file: 'main.py'"]),
        ("preload_from_hub: bert-base", ["preload_from_hub: 'bert-base'"]),
        ("pinned: 'yes'", ["pinned: 'yes'"]),
    ],
)
def test_a_key_or_a_value_that_no_space_knows_is_found(line: str, wrong: list[str]) -> None:
    assert wrong_settings(RepoCard(f"---\ntitle: bertdemo\n{line}\n---\n")) == wrong


def test_the_hub_is_asked_to_validate_the_whole_readme_as_that_of_a_space(monkeypatch: pytest.MonkeyPatch) -> None:
    with HubDouble() as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        card = SpaceCard.load(README)
        card.validate()
        (sent,) = hub.writing.validated
        assert sent["repoType"] == "space"
        assert RepoCard(sent["content"]).data.to_dict() == card.data.to_dict()
        with pytest.raises(ValueError, match="sdk"):
            SpaceCard("---\ntitle: bertdemo\n---\n").validate()
