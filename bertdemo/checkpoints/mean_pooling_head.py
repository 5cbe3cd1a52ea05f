"""The one model class of our own: the mean of BERT's last layer over a text's pieces, then one linear layer.

A logistic regression on frozen embeddings is exactly that, so it can be kept as a checkpoint like any other. Plain
BertForSequenceClassification reads [CLS] through a tanh pooler and has no place for it; the file says what it is by
the class that its config names and by the two tensors of the linear layer.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor
    from transformers import BertModel

    Floats = NDArray[np.float32]

ARCHITECTURE = "BertMeanLinear"
"""What config.json names; no class of transformers has this name."""


def masked_mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of (batch, n, d) over the positions where the (batch, n) mask is 1: (batch, d)."""
    wide = mask.unsqueeze(-1).to(hidden.dtype)  # (batch, n, 1)
    return (hidden * wide).sum(1) / wide.sum(1)


@cache
def model_class() -> Any:
    """Return the class: BertModel without its pooler as `bert`, and `linear`, (labels, d) and (labels,)."""
    import torch
    from transformers import BertModel, BertPreTrainedModel
    from transformers.modeling_outputs import SequenceClassifierOutput

    class BertMeanLinear(BertPreTrainedModel):  # type: ignore[no-untyped-call]
        """logits = linear(mean of the last layer over the pieces that are not padding)."""

        pooling = "mean"

        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.bert = BertModel(config, add_pooling_layer=False)
            self.linear = torch.nn.Linear(config.hidden_size, config.num_labels)
            self.post_init()  # type: ignore[no-untyped-call]

        def forward(
            self,
            input_ids: Tensor,
            attention_mask: Tensor | None = None,
            token_type_ids: Tensor | None = None,
            labels: Tensor | None = None,
            **options: Any,
        ) -> SequenceClassifierOutput:
            """Return logits (batch, labels); with `labels` the cross entropy too. Options are BertModel's."""
            mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
            options["return_dict"] = True
            out = self.bert(input_ids, attention_mask=mask, token_type_ids=token_type_ids, **options)
            logits = self.linear(masked_mean(out.last_hidden_state, mask))  # (batch, labels)
            loss = None if labels is None else torch.nn.functional.cross_entropy(logits, labels)
            return SequenceClassifierOutput(
                loss=loss, logits=logits, hidden_states=out.hidden_states, attentions=out.attentions
            )

    return BertMeanLinear


def from_parts(encoder: BertModel, labels: tuple[str, ...], weight: Floats, bias: Floats) -> Any:
    """Return a model of that class, in eval mode: this encoder as it is, and a linear layer of (labels, d).

    Raises ValueError where the layer does not fit the labels or the encoder's width.
    """
    import torch

    config: Any = copy.deepcopy(encoder.config)
    if weight.shape != (len(labels), config.hidden_size) or bias.shape != (len(labels),):
        raise ValueError("one row of weights and one bias a label are needed")
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    model = model_class()(config)
    encoder.pooler = None  # the mean does not read it, and a file without it says so
    model.bert = encoder
    with torch.no_grad():
        model.linear.weight.copy_(torch.from_numpy(weight))
        model.linear.bias.copy_(torch.from_numpy(bias))
    return model.eval()


def pooling_of(model: Any) -> str:
    """Return what this model's head reads: `mean`, else `pooler`."""
    return str(getattr(model, "pooling", "pooler"))
