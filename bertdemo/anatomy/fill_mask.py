"""BERT's pretraining task at one position: mask a token and predict it (see `fill`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import BertForMaskedLM


@dataclass(frozen=True)
class Piece:
    """One entry of the vocabulary and its probability."""

    piece: str
    """"" where the tokenizer has no token of that id: some models have spare rows of embeddings."""
    id: int
    probability: float


@dataclass(frozen=True)
class Filling:
    """The prediction for one masked token."""

    position: int
    original: Piece
    original_rank: int
    """Rank of the masked token by its probability; 1 is the most probable."""
    pieces: tuple[Piece, ...]
    """The most probable tokens, best first."""


def fill(
    model: BertForMaskedLM,
    inputs: Mapping[str, Tensor],
    position: int,
    pieces_by_id: Mapping[int, str],
    mask_id: int,
    top: int = 5,
) -> Filling:
    """Put [MASK] at `position` and return the `top` tokens by their probability over the whole vocabulary.

    `inputs` are those of one text, (1, n) each, and are not changed. The other tokens stay visible on both sides, as in
    pretraining (Devlin et al., 2019, section 3.1). Raises ValueError for a model in train mode, for more than one text
    and for a position that the text does not have.
    """
    import torch

    ids = inputs["input_ids"]  # (1, n)
    if model.training:
        raise ValueError("fill-mask needs eval mode")
    if ids.shape[0] != 1 or not 0 <= position < ids.shape[1]:
        raise ValueError("fill-mask needs one text and a position in it")
    original = int(ids[0, position])
    with torch.inference_mode():
        masked = ids.clone()
        masked[0, position] = mask_id
        logits = model(**{**inputs, "input_ids": masked}, return_dict=True).logits[0, position]  # (vocabulary,)
        probabilities = logits.softmax(-1)  # (vocabulary,)
        best = probabilities.topk(min(top, len(probabilities)))  # (top,)
        rank = 1 + int((probabilities > probabilities[original]).sum())

    def named(index: int) -> Piece:
        return Piece(pieces_by_id.get(index, ""), index, float(probabilities[index]))

    return Filling(position, named(original), rank, tuple(named(index) for index in best.indices.tolist()))
