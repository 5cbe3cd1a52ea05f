"""The pooling of a folder is read strictly: one flag of three, or nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertdemo.checkpoints import sentence_transformers

OFF = {f"pooling_mode_{name}": False for name in ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")}


def written(folder: Path, text: str) -> Path:
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(("mode", "way"), [("cls_token", "cls"), ("mean_tokens", "mean"), ("max_tokens", "max")])
def test_the_way_that_is_switched_on_is_named(tmp_path: Path, mode: str, way: str) -> None:
    raw = {"word_embedding_dimension": 384, **OFF, f"pooling_mode_{mode}": True}
    assert sentence_transformers.read(written(tmp_path, json.dumps(raw))) == way


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "null", "{", "[" * 100_000, json.dumps(OFF), json.dumps({"pooling_mode_mean_tokens": 1}),
        json.dumps({"pooling_mode_mean_tokens": "true"}),
        json.dumps({**OFF, "pooling_mode_mean_sqrt_len_tokens": True}),
        json.dumps({**OFF, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}),
        json.dumps({"pooling_mode_mean_tokens": True, "x": "y" * 20_000}),
        json.dumps({"pooling_mode_mean_tokens": True, "pooling_mode_new": ["x"]}),
    ],
)  # fmt: skip
def test_anything_else_says_nothing(tmp_path: Path, text: str) -> None:
    assert sentence_transformers.read(written(tmp_path, text)) is None


def test_without_the_file_nothing_is_said(tmp_path: Path) -> None:
    assert sentence_transformers.read(tmp_path) is None
    (tmp_path / "1_Pooling" / "config.json").mkdir(parents=True)
    assert sentence_transformers.read(tmp_path) is None
