"""Two texts read separately by one BERT and compared as vectors: what similarity and search share.

The vector of a text is the mean of the last layer over its tokens; the similarity of two texts is the cosine of their
vectors. Unlike in sentence-pair classification, a text is read once and can be compared with millions of others. The
checkpoint is a plain BertModel: there is no head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bertdemo.tasks.base import EncodeOptions, HeadOptions, Inputs, LabeledTable
from bertdemo.tasks.forward import Inference, columns_of, encode_chunks, too_long
from bertdemo.tasks.without_labels import TaskWithoutLabels

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import torch
    from datasets import Dataset
    from numpy.typing import NDArray

    from bertdemo.checkpoints import Opened
    from bertdemo.checkpoints.tokenizers import SharedTokenizer

    Floats = NDArray[np.float32]

# Prefix of the columns of the second text in an encoded row.
_PAIR = "pair_"


class BiEncoder(TaskWithoutLabels):
    """See the module. A subclass defines the target of a pair, and the loss of the two vectors against it."""

    architecture = "BertModel"
    adds_head = False

    def encode(
        self, source: LabeledTable, rows: Sequence[int], tokenizer: SharedTokenizer, options: EncodeOptions
    ) -> Dataset:
        """Tokenize both texts of `rows` separately; the columns of the second one begin with `pair_`."""
        from datasets import Dataset

        targets = self.targets(source.table, source.columns, source.labels)
        inputs = self.inputs(source.table, source.columns, rows)
        columns: dict[str, list[Any]] = {"length": [0] * len(rows)}
        for prefix, texts in (("", inputs.texts), (_PAIR, inputs.pairs or [])):
            for index, encoding in enumerate(encode_chunks(tokenizer, texts, None, options)):
                for name, ids in columns_of(encoding).items():
                    columns.setdefault(prefix + name, []).append(ids)
                columns["length"][index] += len(encoding.ids)  # of both texts together
        return Dataset.from_dict({**columns, "labels": self.numbers([targets[row] for row in rows]), "row": list(rows)})

    def truncated(self, inference: Inference, inputs: Inputs) -> list[bool]:
        """Return whether the model reads less than the whole of either text, which it reads separately."""
        first = too_long(inference, inputs.texts)
        second = too_long(inference, inputs.pairs) if inputs.pairs is not None else [False] * len(first)
        return [one or other for one, other in zip(first, second, strict=True)]

    def numbers(self, targets: Sequence[Any]) -> list[Any]:
        """Return the targets as numbers for the loss."""
        return list(targets)

    def model(self, folder: Path, options: HeadOptions) -> Opened:
        """Open the encoder without a head, with mean pooling."""
        opened = super().model(folder, replace(options, labels=()))  # the ends of a scale are no labels of a head
        model: Any = opened.model
        model.pooling = "mean"
        return opened

    def is_head(self, parameter: str) -> bool:
        """Return False: no parameter is new, so none needs a higher learning rate."""
        return False

    def vectors_of(self, model: Any, inputs: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the (batch, hidden) vectors of both texts of a batch, each of L2 norm 1."""
        first = {name: inputs[name] for name in ("input_ids", "attention_mask", "token_type_ids")}
        second = {name: inputs[_PAIR + name] for name in first}
        return _unit(model, first), _unit(model, second)


def _unit(model: Any, inputs: Mapping[str, Any]) -> torch.Tensor:
    import torch

    from bertdemo.checkpoints.mean_pooling_head import masked_mean

    hidden = model(**inputs).last_hidden_state  # (batch, tokens, hidden)
    pooled = masked_mean(hidden.float(), inputs["attention_mask"])  # (batch, hidden)
    return torch.nn.functional.normalize(pooled, dim=-1)


def unit_vectors(inference: Inference, texts: Sequence[str]) -> Floats:
    """Return (texts, hidden) mean-pooled vectors of L2 norm 1, in float32."""
    import numpy as np

    rows = inference.forward(lambda batch, _: _unit(inference.model, batch).cpu().numpy(), texts)
    # reshape: without a text there is no row to tell the hidden size
    return np.asarray(rows, dtype=np.float32).reshape(len(rows), int(inference.model.config.hidden_size))


def unit_vectors_of_pairs(inference: Inference, inputs: Inputs) -> tuple[Floats, Floats]:
    """Return the `unit_vectors` of the first and of the second texts; each takes half of the progress."""
    first = replace(inference, progress=lambda share: inference.progress(share / 2))
    second = replace(inference, progress=lambda share: inference.progress(0.5 + share / 2))
    return unit_vectors(first, inputs.texts), unit_vectors(second, inputs.pairs or [])


def fit_tfidf(texts: Sequence[str]) -> Any:
    """Return a TfidfVectorizer fitted on `texts`, whose rows have L2 norm 1.

    It counts words, or characters and pairs of characters where most texts are Chinese, which has no spaces.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    chinese = sum(any("一" <= letter <= "鿿" for letter in text) for text in texts) > len(texts) / 2
    # scikit-learn's default pattern drops words of one letter
    options: dict[str, Any] = (
        {"analyzer": "char", "ngram_range": (1, 2)} if chinese else {"token_pattern": r"(?u)\b\w+\b"}
    )
    try:
        return TfidfVectorizer(sublinear_tf=True, **options).fit(texts)
    except ValueError:  # no text has a word, only punctuation
        return TfidfVectorizer(sublinear_tf=True, analyzer="char").fit(texts)
