"""The only model class of our own: the mean of BERT's last layer over the tokens of a text, then one linear layer.

A linear probe is exactly that, so it can be kept as a checkpoint like any other. BertForSequenceClassification reads
[CLS] through a tanh pooler and cannot represent it; the file is recognized by the class that its config names and by
the two tensors of the linear layer.
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

# The class in config.json; no class of transformers has this name.
ARCHITECTURE = "BertMeanLinear"


def masked_mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """Return (batch, hidden), the mean of (batch, tokens, hidden) where the (batch, tokens) mask is 1."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)  # (batch, tokens, 1)
    return (hidden * weights).sum(1) / weights.sum(1)  # (batch, hidden)


@cache
def model_class() -> Any:
    """Return the class: BertModel without its pooler as `bert`, and `linear`, (labels, hidden) and (labels,)."""
    import torch
    from transformers import BertModel, BertPreTrainedModel
    from transformers.modeling_outputs import SequenceClassifierOutput

    class BertMeanLinear(BertPreTrainedModel):  # type: ignore[no-untyped-call]
        """logits = linear(mean of the last layer over the tokens that are not padding)."""

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
            """Return logits (batch, labels); with `labels` the cross-entropy too. Options are those of BertModel."""
            mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
            options["return_dict"] = True
            out = self.bert(input_ids, attention_mask=mask, token_type_ids=token_type_ids, **options)
            # A count of tokens above 256 is not a number of bfloat16, so the mean is taken in float32.
            mean = masked_mean(out.last_hidden_state.float(), mask).to(self.linear.weight.dtype)  # (batch, hidden)
            logits = self.linear(mean)  # (batch, labels)
            loss = None if labels is None else torch.nn.functional.cross_entropy(logits, labels)
            return SequenceClassifierOutput(
                loss=loss, logits=logits, hidden_states=out.hidden_states, attentions=out.attentions
            )

    return BertMeanLinear


def from_parts(encoder: BertModel, labels: tuple[str, ...], weight: Floats, bias: Floats) -> Any:
    """Return a model of that class in eval mode: this encoder as it is, and a linear layer of (labels, hidden).

    Raises ValueError where the layer does not fit the labels or the hidden size of the encoder.
    """
    import torch

    config: Any = copy.deepcopy(encoder.config)
    if weight.shape != (len(labels), config.hidden_size) or bias.shape != (len(labels),):
        raise ValueError("one row of weights and one bias per label are needed")
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    model = model_class()(config)
    encoder.pooler = None  # mean pooling does not use it, and a file without a pooler is recognized by that
    model.bert = encoder
    with torch.no_grad():
        model.linear.weight.copy_(torch.from_numpy(weight))
        model.linear.bias.copy_(torch.from_numpy(bias))
    return model.eval()


def pooling_of(model: Any) -> str:
    """Return the pooling of this model's head: `mean`, else `pooler`."""
    return str(getattr(model, "pooling", "pooler"))
