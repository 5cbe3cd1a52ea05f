"""Heads of other kinds: a decoder's tokens and probabilities are those of transformers' own greedy generation."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bertdemo.anatomy import own_head
from bertdemo.checkpoints.loading import open_model
from tests.tiny import build_tiny_checkpoint

pytestmark = pytest.mark.slow


def test_a_decoder_generates_what_transformers_generates(tmp_path: Path) -> None:
    folder = build_tiny_checkpoint(tmp_path / "tiny")
    model = open_model(folder, "EncoderDecoderModel", attention="eager", seed=0).model
    inputs = {"input_ids": torch.tensor([[2, 7, 8, 9, 3]]), "attention_mask": torch.ones(1, 5, dtype=torch.long)}
    generated = own_head.generate(model, inputs)
    wanted = model.generate(**inputs, num_beams=1, do_sample=False, max_new_tokens=own_head.MOST)[0, 1:].tolist()
    assert list(generated.ids) == wanted and len(generated.probabilities) == len(wanted) <= own_head.MOST
    assert generated.attention.shape == (len(wanted), 5)
    assert generated.attention.sum(-1) == pytest.approx(1, abs=1e-5)
    first = model(**inputs, decoder_input_ids=torch.tensor([[model.config.decoder_start_token_id]])).logits[0, -1]
    assert generated.probabilities[0] == pytest.approx(float(first.detach().softmax(-1).max()), abs=1e-5)
