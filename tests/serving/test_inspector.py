"""What Inside BERT is told: the model's own numbers, remembered, only for their owner, and never of a broken model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertdemo.checkpoints import Catalogue
from bertdemo.errors import (
    ArgumentWrong,
    BertDemoError,
    CheckpointIncomplete,
    CheckpointUnknown,
    MaskHeadMissing,
    TextMissing,
    TextTooLong,
)
from bertdemo.serving import inspector as serving
from bertdemo.serving.inspector import Inspector
from bertdemo.serving.predictor import Predictor
from tests.runs.support import settings_with
from tests.serving.support import BOUND, LABELS, PAIR, TEXT, apart, ask, same
from tests.serving.test_predictor import publish

pytestmark = pytest.mark.slow

FAMILY, ACCENTS = "a film about a \U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", "cafe\u0301 Zu\u0308rich"
HEBREW, ARABIC, INVISIBLE = "שלום עולם (good)", "مرحبا بالعالم 123", "\u200b\u200d\u2060\ufeff"
ODD = {
    "one word": "cat", "family": FAMILY, "accents": ACCENTS, "hebrew": HEBREW, "arabic": ARABIC,
    "invisible": INVISIBLE, "controls": "a\x00b\x07", "surrogate": "half \ud800 of", "accents alone": "\u0301\u0308",
    "chinese": "我喜欢这部电影", "override": "\u202egood\u202c film",
}  # fmt: skip


# --- what is remembered, and for whom -----------------------------------------------------------------------


def test_the_same_question_is_answered_from_memory_until_the_checkpoint_is_forgotten(inspector: Inspector) -> None:
    first = inspector.look(ask(), "")
    assert inspector.look(ask(), "") is first
    assert inspector.look(ask(pair=PAIR), "") is not first
    plain = inspector.look(ask(checkpoint="local:plain"), "")
    inspector.forget("local:headed")
    again = inspector.look(ask(), "")
    assert again is not first
    assert same(again, first)
    assert inspector.look(ask(checkpoint="local:plain"), "") is plain


def everything(inspector: Inspector, checkpoint: str, owner: str) -> Iterator[Callable[[], object]]:
    question = ask(checkpoint=checkpoint)
    yield lambda: inspector.look(question, owner)
    yield lambda: inspector.head(question, owner, 1, 1)
    yield lambda: inspector.without_head(question, owner, 1, 1)
    yield lambda: inspector.matching(question, owner, 1)
    yield lambda: inspector.position_table(checkpoint, owner)
    yield lambda: inspector.pooling(question, owner, PAIR, "")
    yield lambda: inspector.training_step(question, owner, 0, 1e-4)
    yield lambda: inspector.before_after(question, owner)
    yield lambda: inspector.fill(question, owner, 1)


def test_another_owners_checkpoint_is_unknown_even_when_it_is_in_memory(
    inspector: Inspector, catalogue: Catalogue, folders: dict[str, Path]
) -> None:
    mine = publish(catalogue, folders["tuned"], "a")
    *calls, fill = everything(inspector, mine, "a")
    for call in calls:
        call()
    with pytest.raises(MaskHeadMissing):
        fill()
    for owner in ("b", ""):
        for call in everything(inspector, mine, owner):
            with pytest.raises(CheckpointUnknown) as caught:
                call()
            assert caught.value.values == {"checkpoint": mine}


def test_a_deleted_checkpoint_is_unknown_and_forgetting_it_leaves_nothing(
    inspector: Inspector, catalogue: Catalogue, folders: dict[str, Path]
) -> None:
    mine = publish(catalogue, folders["tuned"], "a")
    inspector.before_after(ask(checkpoint=mine), "a")
    inspector.look(ask(), "")
    catalogue.delete(mine, "a")
    for call in everything(inspector, mine, "a"):
        with pytest.raises(CheckpointUnknown):
            call()
    inspector.forget(mine)
    assert {key[0] for key in inspector._models} == {"local:headed"}
    assert {question.checkpoint for question, _ in inspector._traces} == {"local:headed"}


def test_traces_are_kept_within_their_bytes_and_the_last_used_ones_stay(
    inspector: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"the {word} film" for word in ("good", "bad", "poor", "nice", "great", "awful")]
    size = inspector.look(ask(texts[0]), "").nbytes
    monkeypatch.setattr(serving, "_KEPT_BYTES", 3 * size + 1)
    for text in texts:
        inspector.look(ask(text), "")
        inspector.look(ask(texts[0]), "")
        assert sum(seen.nbytes for seen in inspector._traces.values()) <= 3 * size + 1
    assert [question.text for question, _ in inspector._traces] == [texts[4], texts[5], texts[0]]
    monkeypatch.setattr(serving, "_KEPT_BYTES", size - 1)
    large = inspector.look(ask(TEXT), "")
    assert list(inspector._traces.values()) == [large]
    assert inspector.look(ask(TEXT), "") is large, "one that is too large by itself is still not computed twice"


def test_only_a_few_models_stay_open(inspector: Inspector) -> None:
    inspector.fill(ask(checkpoint="local:masked"), "", 1)
    for checkpoint in ("local:plain", "local:headed", "local:tuned"):
        inspector.look(ask(checkpoint=checkpoint), "")
    assert [key[0] for key in inspector._models] == ["local:plain", "local:headed", "local:tuned"]


# --- texts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " ", " \n\t\r", "\u3000\u00a0"])
def test_an_empty_text_is_missing_whatever_its_pair(shared: Inspector, text: str) -> None:
    for pair in ("", PAIR):
        with pytest.raises(TextMissing):
            shared.look(ask(text, pair), "")
    with pytest.raises(TextMissing):
        shared.head(ask(text), "", 1, 1)


def test_a_text_beyond_the_limit_is_refused_with_the_limit(catalogue: Catalogue, home: Path) -> None:
    small = Inspector(catalogue, Predictor(settings_with(home), catalogue), text_chars=10)
    assert small.look(ask("x" * 10, "y" * 10), "").trace.pieces == 20
    for question in (ask("x" * 11), ask("x", "y" * 11)):
        with pytest.raises(TextTooLong) as caught:
            small.look(question, "")
        assert caught.value.values == {"chars": 11, "limit": 10}
    with pytest.raises(TextTooLong):
        small.pooling(ask("x"), "", "y" * 11, "")


def test_600_tokens_are_cut_at_the_positions_and_the_trace_says_so(shared: Inspector) -> None:
    seen = shared.look(ask("love " * 600), "")
    assert seen.positions == len(seen.trace.tokens) == seen.trace.max_length == 128
    assert seen.trace.dropped_pieces == 602 - 128
    assert seen.trace.dropped == ((0, 126 * 5, 600 * 5 - 1),)
    assert seen.hidden.shape == (3, 128, 32)
    assert seen.trace.tokens[-1].piece == "[SEP]"
    assert shared.head(ask("love " * 600), "", 2, 2).layer_difference <= BOUND


def test_one_token_has_three_places(shared: Inspector) -> None:
    seen = shared.look(ask("cat"), "")
    assert [token.piece for token in seen.trace.tokens] == ["[CLS]", "cat", "[SEP]"]
    assert seen.attentions.shape == (2, 2, 3, 3)
    matching = shared.matching(ask("cat"), "", 1)
    assert matching and matching.pieces == ("cat",)
    assert shared.matching(ask("cat"), "", 0) is None


def test_a_typed_sep_is_plain_text(shared: Inspector, folders: dict[str, Path]) -> None:
    from transformers import BertTokenizer

    text = "good [SEP] bad [CLS] and [MASK]"
    tokens = shared.look(ask(text), "").trace.tokens
    reference = BertTokenizer.from_pretrained(folders["headed"])
    assert [token.id for token in tokens] == reference(text, split_special_tokens=True)["input_ids"]
    assert [token.position for token in tokens if token.special] == [0, len(tokens) - 1]
    assert not {reference.cls_token_id, reference.sep_token_id, reference.mask_token_id} & {
        token.id for token in tokens[1:-1]
    }
    assert {token.segment for token in tokens} == {0}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_text_is_looked_at_like_any_other(shared: Inspector, name: str) -> None:
    for question in (ask(ODD[name], checkpoint="bundled"), ask(ODD[name], ODD[name])):
        seen = shared.look(question, "")
        n = len(seen.trace.tokens)
        assert seen.attentions.shape == (seen.layers, seen.heads, n, n)
        assert apart(seen.attentions.sum(-1), 1) <= BOUND
        assert np.isfinite(seen.hidden).all()
        one = shared.head(question, "", seen.layers, seen.heads)
        assert max(one.difference, one.layer_difference, *seen.checks.values()) <= BOUND
        for position in range(n):
            found = shared.matching(question, "", position)
            assert (found is None) == seen.trace.tokens[position].special
        if name == "invisible":
            assert [token.piece for token in seen.trace.tokens] == ["[CLS]", "[SEP]", "[SEP]"][
                : 2 + bool(question.pair)
            ]


def test_the_numbers_are_those_of_transformers(shared: Inspector, folders: dict[str, Path]) -> None:
    import torch
    from transformers import BertForSequenceClassification, BertTokenizer

    seen = shared.look(ask(TEXT, PAIR), "")
    folder = folders["headed"]
    model = BertForSequenceClassification.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.inference_mode():
        inputs = BertTokenizer.from_pretrained(folder)(TEXT, PAIR, return_tensors="pt")
        out = model(**inputs, output_attentions=True, output_hidden_states=True)
    assert apart(seen.attentions, torch.cat(out.attentions)) <= 1e-6
    assert apart(seen.hidden, torch.cat(out.hidden_states)) <= BOUND
    assert apart(seen.logits, out.logits[0]) <= BOUND
    assert (seen.labels, seen.head_trained) == (LABELS, True)
    assert apart(shared.head(ask(TEXT, PAIR), "", 2, 1).weights, out.attentions[1][0, 0]) <= 1e-6


# --- what is not there --------------------------------------------------------------------------------------


def outside(inspector: Inspector) -> dict[str, tuple[Callable[[Any], object], str, list[Any]]]:
    last = len(inspector.look(ask(), "").trace.tokens) - 1
    masked = ask(checkpoint="local:masked")
    odd: list[Any] = [True, 1.0, "1", None, [1], 10**30, -1]
    return {
        "layer": (lambda value: inspector.head(ask(), "", value, 1), "1 to 2", [*odd, 0, 3]),
        "head": (lambda value: inspector.head(ask(), "", 1, value), "1 to 2", [*odd, 0, 3]),
        "layer to silence": (lambda value: inspector.without_head(ask(), "", value, 1), "1 to 2", [*odd, 0, 3]),
        "head to silence": (lambda value: inspector.without_head(ask(), "", 1, value), "1 to 2", [*odd, 0, 3]),
        "label": (lambda value: inspector.training_step(ask(), "", value, 1e-4), "0 to 2", [*odd, 3]),
        "position": (lambda value: inspector.matching(ask(), "", value), f"0 to {last}", [*odd, last + 1]),
        "position to mask": (lambda value: inspector.fill(masked, "", value), f"0 to {last}", [*odd, last + 1]),
    }  # fmt: skip


@pytest.mark.parametrize(
    "what", ["layer", "head", "layer to silence", "head to silence", "label", "position", "position to mask"]
)
def test_what_is_outside_is_refused_by_name_with_its_bounds(shared: Inspector, what: str) -> None:
    call, expected, values = outside(shared)[what]
    for value in values:
        with pytest.raises(ArgumentWrong) as caught:
            call(value)
        assert caught.value.values == {"name": what.split(maxsplit=1)[0], "expected": expected}, value


def test_the_first_and_the_last_of_everything_are_there(shared: Inspector) -> None:
    last = len(shared.look(ask(), "").trace.tokens) - 1
    for layer, head in ((1, 1), (2, 2)):
        assert shared.head(ask(), "", layer, head).head == head
        assert shared.without_head(ask(), "", layer, head).layer == layer
    for position in (0, last):
        assert shared.matching(ask(), "", position) is None
        assert shared.fill(ask(checkpoint="local:masked"), "", position).position == position
    for label in (0, 2):
        assert shared.training_step(ask(), "", label, 1e-4).label == label


def test_a_checkpoint_that_lacks_tensors_is_refused_with_their_names_and_never_drawn(
    inspector: Inspector, folders: dict[str, Path]
) -> None:
    for call in everything(inspector, "local:torn", ""):
        with pytest.raises(CheckpointIncomplete) as caught:
            call()
        assert caught.value.values["count"] == 2
        missing = str(caught.value.values["missing"]).split(", ")
        assert set(missing) == {"embeddings.LayerNorm.bias", "encoder.layer.1.attention.self.query.weight"}
    assert not inspector._traces
    assert not inspector._models


def test_a_checkpoint_that_is_not_there_is_told_as_such(inspector: Inspector) -> None:
    for checkpoint in ("local:nobody", "nobody", "../plain", "a/b/c"):
        with pytest.raises(BertDemoError) as caught:
            inspector.look(ask(checkpoint=checkpoint), "")
        assert caught.value.key in {"checkpoint_unknown", "checkpoint_id_malformed"}
