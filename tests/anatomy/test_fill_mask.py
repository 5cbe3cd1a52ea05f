"""Hiding a piece: the probabilities of transformers itself, on a tiny model with its masked-word head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, BertForMaskedLM

from bertdemo.anatomy.fill_mask import Filling, fill
from bertdemo.anatomy.layers import inputs_of
from bertdemo.anatomy.tokens import trace
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from tests.tiny import build_tiny_checkpoint

TEXT, PAIR = "paris is the capital of france.", "the cat sat on the mat"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_checkpoint(tmp_path_factory.mktemp("mask") / "mlm", head="mlm", seed=4)


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    """With larger weights than a new model's, whose probabilities are all alike."""
    found = BertForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        found.bert.embeddings.word_embeddings.weight.mul_(20)
    return found


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> SharedTokenizer:
    return SharedTokenizer.from_folder(folder)


def filled(model: Any, tokenizer: SharedTokenizer, position: int, **options: int) -> Filling:
    names = {index: piece for piece, index in tokenizer.vocabulary.items()}
    assert tokenizer.mask_id is not None
    return fill(model, inputs_of(trace(tokenizer, TEXT, PAIR)), position, names, tokenizer.mask_id, **options)


@pytest.mark.parametrize("position", [1, 4, 10])
def test_the_pieces_are_those_of_plain_transformers(
    folder: Path, model: Any, tokenizer: SharedTokenizer, position: int
) -> None:
    plain = AutoTokenizer.from_pretrained(folder)
    inputs = plain(TEXT, PAIR, return_tensors="pt")
    hidden = int(inputs["input_ids"][0, position])
    inputs["input_ids"][0, position] = plain.mask_token_id
    with torch.no_grad():
        probabilities = model(**inputs).logits[0, position].softmax(-1)
    order = probabilities.argsort(descending=True).tolist()

    found = filled(model, tokenizer, position)
    assert [piece.id for piece in found.pieces] == order[:5]
    assert [piece.piece for piece in found.pieces] == plain.convert_ids_to_tokens(order[:5])
    for piece in (*found.pieces, found.original):
        assert piece.probability == pytest.approx(float(probabilities[piece.id]), abs=1e-5)
    assert (found.position, found.original.id, found.original_rank) == (position, hidden, order.index(hidden) + 1)
    assert found.original.piece == plain.convert_ids_to_tokens([hidden])[0]


def test_the_probabilities_of_the_whole_vocabulary_sum_to_one(model: Any, tokenizer: SharedTokenizer) -> None:
    pieces = filled(model, tokenizer, 2, top=10**6).pieces
    assert len(pieces) == len(tokenizer.vocabulary) == len({piece.id for piece in pieces})
    assert sum(piece.probability for piece in pieces) == pytest.approx(1.0, abs=1e-5)
    assert [piece.probability for piece in pieces] == sorted((piece.probability for piece in pieces), reverse=True)


def test_the_hidden_piece_does_not_reach_the_model(model: Any, tokenizer: SharedTokenizer) -> None:
    inputs = inputs_of(trace(tokenizer, TEXT))
    before = inputs["input_ids"].clone()
    first = fill(model, inputs, 4, {}, tokenizer.mask_id or 0)
    assert torch.equal(inputs["input_ids"], before)
    inputs["input_ids"][0, 4] = tokenizer.vocabulary["cat"]
    second = fill(model, inputs, 4, {}, tokenizer.mask_id or 0)
    assert first.pieces == second.pieces and first.original != second.original


def test_ids_without_a_piece_have_no_name(model: Any, tokenizer: SharedTokenizer) -> None:
    found = fill(model, inputs_of(trace(tokenizer, TEXT)), 1, {}, tokenizer.mask_id or 0)
    assert {piece.piece for piece in found.pieces} == {""}


@pytest.mark.parametrize("position", [-1, 99])
def test_a_position_outside_the_text_is_refused(model: Any, tokenizer: SharedTokenizer, position: int) -> None:
    with pytest.raises(ValueError, match="a position in it"):
        filled(model, tokenizer, position)


def test_a_model_in_train_mode_is_refused(folder: Path, tokenizer: SharedTokenizer) -> None:
    with pytest.raises(ValueError, match="eval mode"):
        filled(BertForMaskedLM.from_pretrained(folder).train(), tokenizer, 1)
