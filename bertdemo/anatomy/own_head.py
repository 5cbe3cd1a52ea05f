"""What the head of another kind than labels of a whole text gives: tags, answer spans, generated tokens.

The numbers are those of transformers' own forward pass over the tokens of `layers.look`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from bertdemo.anatomy.layers import Floats

# Tokens that a decoder generates at most: each is one more forward pass.
MOST = 24


@dataclass(frozen=True)
class TokenScores:
    """One row of scores per token: `tags` have a softmax over the tags, `spans` one over the tokens."""

    kind: Literal["tags", "spans"]
    outputs: tuple[str, ...]
    logits: Floats
    """(n, outputs)."""
    probabilities: Floats
    """(n, outputs)."""


@dataclass(frozen=True)
class Generated:
    """What a decoder generates greedily: at each step the most probable token."""

    ids: tuple[int, ...]
    probabilities: tuple[float, ...]
    attention: Floats
    """(m, n): the cross-attention of each generated token to the n tokens read, last layer, mean over its heads."""


def token_scores(model: Any, inputs: Mapping[str, Tensor]) -> TokenScores:
    """Score each token of one text, (1, n), with a BertForTokenClassification or a BertForQuestionAnswering."""
    import torch

    with torch.inference_mode():
        out = model(**inputs)
        if hasattr(out, "start_logits"):
            logits = torch.stack([out.start_logits[0], out.end_logits[0]], -1)  # (n, 2)
            return TokenScores("spans", ("start", "end"), _floats(logits), _floats(logits.softmax(0)))
        logits = out.logits[0]  # (n, tags)
    names = model.config.id2label
    tags = tuple(str(names[i]) for i in range(logits.shape[-1]))
    return TokenScores("tags", tags, _floats(logits), _floats(logits.softmax(-1)))


def generate(model: Any, inputs: Mapping[str, Tensor]) -> Generated:
    """Generate with an EncoderDecoderModel in eager attention, greedily, until its end token."""
    import torch

    config = model.config
    read = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    ids: list[int] = [int(config.decoder_start_token_id)]
    chances: list[float] = []
    rows: list[Tensor] = []
    with torch.inference_mode():
        while len(chances) < MOST:
            out = model(**read, decoder_input_ids=torch.tensor([ids]), output_attentions=True, use_cache=False)
            chance, token = out.logits[0, -1].softmax(-1).max(-1)
            rows.append(out.cross_attentions[-1][0, :, -1].mean(0))  # (H, n) -> (n,)
            ids.append(int(token))
            chances.append(float(chance))
            if ids[-1] == config.eos_token_id:
                break
    return Generated(tuple(ids[1:]), tuple(chances), _floats(torch.stack(rows)))


def _floats(tensor: Tensor) -> Floats:
    array: Floats = tensor.detach().float().contiguous().numpy()
    return array
