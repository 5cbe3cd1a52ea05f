"""BERT's pretraining task on one position: hide a piece, ask which pieces would fit (see `fill`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import BertForMaskedLM


@dataclass(frozen=True)
class Piece:
    """One entry of the vocabulary and how probable the model finds it."""

    piece: str
    """"" where the tokenizer has no piece of that id: some models have spare rows."""
    id: int
    probability: float


@dataclass(frozen=True)
class Filling:
    """What the model puts in the place of one hidden piece."""

    position: int
    original: Piece
    original_rank: int
    """1 where the model finds the hidden piece the most probable of all."""
    pieces: tuple[Piece, ...]
    """The most probable ones, best first."""


def fill(
    model: BertForMaskedLM,
    inputs: Mapping[str, Tensor],
    position: int,
    pieces_by_id: Mapping[int, str],
    mask_id: int,
    top: int = 5,
) -> Filling:
    """Put [MASK] at `position` and return the `top` pieces by their probability over the whole vocabulary.

    `inputs` are those of one text, (1, n) each, and are not changed. The other pieces stay visible on both sides:
    that is what BERT was trained on (Devlin et al., 2019, section 3.1). Raises ValueError for a model in train
    mode, for more than one text and for a position that the text does not have.
    """
    import torch

    ids = inputs["input_ids"]  # (1, n)
    if model.training:
        raise ValueError("fill-mask needs eval mode")
    if ids.shape[0] != 1 or not 0 <= position < ids.shape[1]:
        raise ValueError("fill-mask needs one text and a position in it")
    hidden = int(ids[0, position])
    with torch.inference_mode():
        masked = ids.clone()
        masked[0, position] = mask_id
        logits = model(**{**inputs, "input_ids": masked}, return_dict=True).logits[0, position]  # (vocabulary,)
        probabilities = logits.softmax(-1)
        best = probabilities.topk(min(top, len(probabilities)))
        rank = 1 + int((probabilities > probabilities[hidden]).sum())

    def named(index: int) -> Piece:
        return Piece(pieces_by_id.get(index, ""), index, float(probabilities[index]))

    return Filling(position, named(hidden), rank, tuple(named(index) for index in best.indices.tolist()))
