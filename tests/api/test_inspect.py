"""/inspect: one head and the pooled vectors of any checkpoint one may see, as transformers computes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertdemo.checkpoints import bundled
from bertdemo.i18n.translation import translate
from tests.api.caller import Caller
from tests.api.conftest import Trained
from tests.api.test_types import in_words
from tests.e2e.server import Server
from tests.ui.html.test_primitives import HOSTILE

BOUND = 1e-5
TEXT, PAIR = "A film about embarrassing phone calls, good or bad.", "the cat sat on the mat"
FIELDS = {"tokens", "attention", "scores", "pooled", "checks"}
CHECKS = {"embeddings", "head", "attention", "layer"}
UNKNOWN = "20260101-000000-0123456789abcdef"
ODD = [
    HOSTILE, "{lang} {{x}} ${1}", "a\x00b\x07", "\ud800", "../../etc/passwd", "typed [SEP] and [MASK] and [CLS]",
    "\u200b\u2060", "cafe\u0301", "שלום עולם", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "love " * 600,
]  # fmt: skip

Reference = Callable[[str, str, str], tuple[Any, list[str]]]


@pytest.fixture(scope="module")
def reference(tiny: Path) -> Reference:
    """Transformers alone: eager attention, float32, special tokens split as the page splits them."""
    import torch
    from transformers import BertModel, BertTokenizer

    opened = {
        name: (
            BertModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval(),
            BertTokenizer.from_pretrained(folder),
        )
        for name, folder in (("bundled", bundled.folder()), ("local:tiny", tiny))
    }

    def run(checkpoint: str, text: str, pair: str) -> tuple[Any, list[str]]:
        model, tokenizer = opened[checkpoint]
        inputs = tokenizer(text, pair or None, split_special_tokens=True, return_tensors="pt")
        with torch.inference_mode():
            return model(**inputs, output_attentions=True), tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])

    return run


def apart(one: Any, other: Any) -> float:
    return float(np.abs(np.asarray(one) - np.asarray(other)).max())


def softmax(scores: Any) -> np.ndarray:
    powers = np.exp(np.asarray(scores) - np.max(scores, axis=-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def say(key: str, **values: Any) -> str:
    return translate("en", f"error.{key}", **values)


# --- what it gives ------------------------------------------------------------------------------------------


def test_the_arguments_are_those_of_the_design(ben: Caller) -> None:
    found = {
        parameter["parameter_name"]: parameter["parameter_default"] if parameter["parameter_has_default"] else ...
        for parameter in ben.endpoints["inspect"]
    }
    assert list(found.items()) == [
        ("text", ...), ("pair", ""), ("checkpoint", "bundled"), ("layer", 1), ("head", 1), ("owner", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("checkpoint", "pair", "layer", "head"),
    [("bundled", "", 1, 1), ("bundled", PAIR, 6, 12), ("bundled", "", 4, 2), ("local:tiny", "", 2, 1),
     ("local:tiny", PAIR, 1, 2)],
)  # fmt: skip
def test_every_number_is_that_of_transformers(
    ben: Caller, reference: Reference, checkpoint: str, pair: str, layer: int, head: int
) -> None:
    answer = ben.call("inspect", text=TEXT, pair=pair, checkpoint=checkpoint, layer=layer, head=head)
    assert answer.ok, answer.raw[:300]
    found = answer.value
    out, tokens = reference(checkpoint, TEXT, pair)
    n = len(tokens)
    assert set(found) == FIELDS
    assert found["tokens"] == tokens
    assert np.shape(found["attention"]) == np.shape(found["scores"]) == (n, n)
    assert apart(found["attention"], out.attentions[layer - 1][0, head - 1]) <= 1e-6
    assert apart(softmax(found["scores"]), found["attention"]) <= 1e-6
    hidden = out.last_hidden_state[0]
    pooled = {"cls": hidden[0], "mean": hidden.mean(0), "max": hidden.max(0).values}
    assert set(found["pooled"]) == set(pooled)
    for name, vector in pooled.items():
        assert apart(found["pooled"][name], vector) <= BOUND, name
    assert set(found["checks"]) == CHECKS
    assert all(0 <= value <= BOUND for value in found["checks"].values()), found["checks"]


def test_two_heads_and_two_layers_are_not_the_same(ben: Caller) -> None:
    given = {"text": TEXT, "checkpoint": "local:tiny"}
    asked = {(layer, head): ben.call("inspect", **given, layer=layer, head=head).value
             for layer in (1, 2) for head in (1, 2)}  # fmt: skip
    assert len({str(found["attention"]) for found in asked.values()}) == 4
    assert len({str(found["pooled"]) for found in asked.values()}) == 1
    assert ben.call("inspect", **given).value == asked[1, 1]


def test_pooled_vectors_are_those_of_embed(ben: Caller) -> None:
    found = ben.call("inspect", text=TEXT).value["pooled"]
    for pooling, vector in found.items():
        assert apart(ben.call("embed", texts=[TEXT], pooling=pooling).value[0], vector) <= BOUND


def test_no_pair_is_the_same_as_an_empty_one(ben: Caller) -> None:
    with_none = ben.call("inspect", text=TEXT, pair=None, checkpoint="local:tiny")
    assert with_none.value == ben.call("inspect", text=TEXT, pair="", checkpoint="local:tiny").value
    two = ben.call("inspect", text=TEXT, pair=PAIR, checkpoint="local:tiny").value
    assert two["tokens"].count("[SEP]") == 2


def test_a_trained_checkpoint_can_be_inspected(anna: Trained) -> None:
    answer = anna.caller.call("inspect", text=TEXT, checkpoint=anna.run_id, layer=2, head=2)
    assert answer.ok, answer.raw[:300]
    assert max(answer.value["checks"].values()) <= BOUND
    shown = answer.value["tokens"]  # as many as the checkpoint was trained to read
    base = anna.caller.call("inspect", text=TEXT, checkpoint="local:tiny", layer=2, head=2).value
    assert [*base["tokens"][: len(shown) - 1], "[SEP]"] == shown
    assert apart(answer.value["pooled"]["cls"], base["pooled"]["cls"]) > 1e-4


# --- what it refuses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argument", "values", "expected"),
    [
        ("layer", [0, -1, 3, 10**30], "1 to 2"),
        ("head", [0, -1, 3, 10**30], "1 to 2"),
        ("layer", [None, True, "1", "", 1.5, float("nan"), [1], {}], "integer ≥ 1"),
        ("head", [None, True, "1", "", 1.5, float("nan"), [1], {}], "integer ≥ 1"),
        ("text", [None, True, 0, 1.5, ["x"], {}], "string"),
        ("pair", [False, 0, 1.5, [], ["x"], {}], "string"),
        ("checkpoint", [None, True, 1, "", ["x"], {}], "string"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named_with_what_is_expected(
    ben: Caller, argument: str, values: list[Any], expected: str
) -> None:
    for value in values:
        given = {"text": TEXT, "checkpoint": "local:tiny", argument: value}
        answer = ben.call("inspect", **given)
        assert answer.error == say("argument_wrong", name=argument, expected=expected), value


@pytest.mark.parametrize("text", ["", " ", "\n\t \u3000"])
def test_an_empty_text_is_told_in_a_sentence(ben: Caller, text: str) -> None:
    for pair in ("", PAIR):
        assert ben.call("inspect", text=text, pair=pair).error == say("text_missing")


def test_a_text_beyond_the_limit_is_told_with_the_limit(ben: Caller) -> None:
    wanted = say("text_too_long", chars=10_001, limit=10_000)
    assert ben.call("inspect", text="x" * 10_001).error == wanted
    assert ben.call("inspect", text="x", pair="x" * 10_001).error == wanted


@pytest.mark.parametrize("checkpoint", ["nobody", "local:nobody", "a/b/c", "../tiny", UNKNOWN, "http://127.0.0.1/"])
def test_a_checkpoint_that_is_not_there_is_told_in_words(ben: Caller, checkpoint: str) -> None:
    answer = ben.call("inspect", text=TEXT, checkpoint=checkpoint)
    assert not answer.ok
    in_words(answer)
    assert checkpoint in (answer.error or "")


# --- whose it is --------------------------------------------------------------------------------------------


def test_anothers_checkpoint_looks_as_if_it_did_not_exist_even_after_its_owner_has_looked(
    anna: Trained, ben: Caller, space: Server
) -> None:
    hers = anna.caller.call("inspect", text=TEXT, checkpoint=anna.run_id)
    assert hers.ok, hers.raw[:300]
    assert anna.caller.owner not in hers.raw
    for other in (ben, Caller(space.url)):
        tried, never = (other.call("inspect", text=TEXT, checkpoint=name) for name in (anna.run_id, UNKNOWN))
        assert tried.error == say("checkpoint_unknown", checkpoint=anna.run_id)
        assert never.error == say("checkpoint_unknown", checkpoint=UNKNOWN)
    assert anna.caller.call("inspect", text=TEXT, checkpoint=anna.run_id).value == hers.value


def test_what_belongs_to_nobody_needs_no_owner_and_a_malformed_one_is_refused(space: Server) -> None:
    stranger = Caller(space.url)
    assert stranger.call("inspect", text=TEXT, checkpoint="local:tiny").ok
    for owner in ("short", "x" * 44, "nobody"):
        answer = stranger.call("inspect", text=TEXT, checkpoint="local:tiny", owner=owner)
        assert answer.error == say("owner_unknown"), owner


# --- odd texts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_an_odd_text_is_inspected_as_it_is_tokenized(ben: Caller, text: str) -> None:
    for pair in ("", text):
        given = {"text": text, "pair": pair, "checkpoint": "local:tiny"}
        answer, tokens = ben.call("inspect", **given), ben.call("tokenize", **given).value["tokens"]
        assert answer.ok, answer.raw[:300]
        assert answer.value["tokens"] == tokens
        assert len(tokens) <= 128
        assert apart(np.sum(answer.value["attention"], axis=-1), 1) <= BOUND
        assert max(answer.value["checks"].values()) <= BOUND
