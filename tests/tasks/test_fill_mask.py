"""Hidden words: what is hidden depends on seed, epoch and row alone, in the shares that the paper gives."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bertdemo.checkpoints import bundled
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.errors import MaskMissing
from bertdemo.run_config import Truncation
from bertdemo.tables.table import Table
from bertdemo.tasks.base import EncodeOptions, HeadOptions, Inputs, LabeledTable
from bertdemo.tasks.fill_mask import FillMask, mask_tokens
from bertdemo.tasks.forward import IGNORED, Inference
from tests.tiny import build_tiny_checkpoint

TASK = FillMask()
ORDINARY = list(range(10, 1_000))


def test_what_is_hidden_is_the_same_for_the_same_seed_epoch_and_row_and_differs_otherwise() -> None:
    ids = [1, *range(100, 160), 2]
    first = mask_tokens(ids, 3, ORDINARY, (42, 0, 7))
    assert mask_tokens(ids, 3, ORDINARY, (42, 0, 7)) == first
    others = [mask_tokens(ids, 3, ORDINARY, key) for key in ((42, 1, 7), (43, 0, 7), (42, 0, 8))]
    assert all(other != first for other in others)


def test_fifteen_of_a_hundred_are_chosen_and_eight_of_ten_of_them_masked() -> None:
    seen: Counter[str] = Counter()
    for row in range(400):
        ids = [1, *range(100, 200), 2]
        read, labels = mask_tokens(ids, 3, ORDINARY, (0, 0, row))
        assert read[0] == 1 and read[-1] == 2 and labels[0] == labels[-1] == IGNORED  # special pieces stay
        for was, now, label in zip(ids, read, labels, strict=True):
            assert label in {IGNORED, was} and (label != IGNORED or was == now)
            if label != IGNORED:
                seen["mask" if now == 3 else "same" if now == was else "other"] += 1
    total = sum(seen.values())
    assert total == 400 * 15
    assert seen["mask"] / total == pytest.approx(0.8, abs=0.02)
    assert seen["other"] / total == pytest.approx(0.1, abs=0.02)


@pytest.mark.slow
def test_training_rows_are_hidden_anew_in_each_epoch_and_held_out_rows_never() -> None:
    tokenizer = SharedTokenizer.from_folder(bundled.folder())
    texts = tuple(f"the quick brown fox number {i} jumps over the lazy dog" for i in range(6))
    table = Table("t.csv", {"text": texts}, tuple(range(6)))
    collate = TASK.collator(tokenizer, seed=1)
    for train in (True, False):
        options = EncodeOptions(Truncation(32), train=train)
        rows = TASK.encode(LabeledTable(table, {"text": "text"}), range(6), tokenizer, options)
        batches: list[Any] = []
        for epoch in (0, 1, 0):
            batches.append(collate([{**rows[i], "epoch": epoch} for i in range(6)])["input_ids"].tolist())
        assert batches[0] == batches[2] and (batches[0] != batches[1]) == train


@pytest.mark.slow
def test_the_cost_is_that_of_the_models_own_loss_and_a_mask_is_filled_by_its_best_pieces(tmp_path: Path) -> None:
    import torch

    folder = build_tiny_checkpoint(tmp_path / "tiny")
    tokenizer = SharedTokenizer.from_folder(folder)
    model: Any = TASK.model(folder, HeadOptions((), seed=3)).model
    texts = ["the good film", "a bad book and the cat sat on the mat", "love"]
    said = TASK.predict_held_out(Inference(model, tokenizer, Truncation(32)), Inputs(texts))
    assert [one.masked for one in said] == [max(1, round(0.15 * (len(tokenizer.encode(t)) - 2))) for t in texts]
    alone = TASK.predict_held_out(Inference(model, tokenizer, Truncation(32)), Inputs(texts[:1]))[0]
    assert alone.nats == pytest.approx(said[0].nats, abs=1e-4)
    assert alone.perplexity == pytest.approx(math.exp(alone.nats / alone.masked))
    (found,) = TASK.predict(Inference(model, tokenizer, Truncation(32)), Inputs(["the [MASK] film [MASK]"]))
    ids = tokenizer.encode("the [MASK] film [MASK]", specials_in_text=True).ids
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids])).logits[0]
    places = [at for at, piece in enumerate(ids) if piece == tokenizer.mask_id]
    assert [best[0].id for best in found.masks] == [int(logits[at].argmax()) for at in places]
    assert len(found.masks) == 2 and all(len(best) == 5 for best in found.masks)
    with pytest.raises(MaskMissing):
        TASK.predict(Inference(model, tokenizer, Truncation(32)), Inputs(["no mask"]))
    none, one = TASK.predict(Inference(model, tokenizer, Truncation(32)), Inputs(["no mask", "the [MASK]"]))
    assert (none.cell, none.confidence) == ("", None) and one.cell  # a file is not refused for one of its rows
    assert TASK.predict(Inference(model, tokenizer, Truncation(32)), Inputs([])) == []
