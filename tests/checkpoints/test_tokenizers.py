"""The tokens that a tokenizer.json adds: as many as published models have are read at once, more are refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bertdemo.checkpoints.tokenizers import MOST_ADDED, SharedTokenizer
from bertdemo.errors import CheckpointBroken, TokensAddedTooMany
from tests.tiny import build_tiny_checkpoint

Build = Callable[[Sequence[dict[str, Any]]], Path]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Writes a tiny checkpoint whose tokenizer adds these tokens after those of its vocabulary."""
    folder = build_tiny_checkpoint(tmp_path / "model")
    path = folder / "tokenizer.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    size = len(raw["model"]["vocab"])

    def build(added: Sequence[dict[str, Any]]) -> Path:
        tokens = [{"id": size + at, "special": False, **token} for at, token in enumerate(added)]
        path.write_text(json.dumps({**raw, "added_tokens": [*raw["added_tokens"], *tokens]}), encoding="utf-8")
        return folder

    return build


def test_the_most_added_tokens_are_read_and_one_more_is_refused(build: Build) -> None:
    tokens = [{"content": f"tok{at}"} for at in range(MOST_ADDED - 10)]
    tokenizer = SharedTokenizer.from_folder(build(tokens))
    assert len({tokenizer.vocabulary[token["content"]] for token in tokens}) == len(tokens)
    with pytest.raises(TokensAddedTooMany) as refused:
        SharedTokenizer.from_folder(build([*tokens, *({"content": f"more{at}"} for at in range(11))]))
    assert refused.value.values["limit"] == MOST_ADDED


def test_special_and_plain_tokens_that_alternate_keep_their_ids(build: Build) -> None:
    folder = build([{"content": "[X]", "special": True}, {"content": "plain"}, {"content": "[Y]", "special": True}])
    vocabulary = SharedTokenizer.from_folder(folder).vocabulary
    assert vocabulary["[X]"] + 2 == vocabulary["plain"] + 1 == vocabulary["[Y]"]


@pytest.mark.parametrize(
    "added", [[{"content": "twice"}, {"content": "twice"}], [{"content": "odd", "id": 100_000}], [{"content": ""}]]
)
def test_added_tokens_without_the_id_that_they_claim_are_refused(build: Build, added: list[dict[str, Any]]) -> None:
    with pytest.raises(CheckpointBroken):
        SharedTokenizer.from_folder(build(added))


def test_a_deeply_nested_file_is_called_broken(build: Build) -> None:
    folder = build([])
    (folder / "tokenizer.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(CheckpointBroken):
        SharedTokenizer.from_folder(folder)
