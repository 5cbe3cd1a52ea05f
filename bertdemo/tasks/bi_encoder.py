"""Two texts read apart by one BERT, compared as vectors: what similarity and search share.

Each text becomes the mean of the last layer over its pieces, and two texts are as alike as the cosine of the angle
between their vectors. Unlike a sentence pair, a text is read once and can be compared with millions of others.
The checkpoint is a plain BertModel: there is no head.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bertdemo.run_config import Truncation
from bertdemo.tasks.base import EncodeOptions, HeadOptions
from bertdemo.tasks.forward import batches, columns_of, forward
from bertdemo.tasks.without_labels import TaskWithoutLabels

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from datasets import Dataset
    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from bertdemo.checkpoints import Opened
    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.tables.table import Table

    Floats = NDArray[np.float32]

_PAIR = "pair_"
_CHUNK = 1000


class BiEncoder(TaskWithoutLabels):
    """See the module. A subclass says what a pair is worth, and how far the vectors are from it."""

    def encode(
        self,
        table: Table,
        columns: Mapping[str, str],
        rows: Sequence[int],
        labels: Sequence[str],
        tokenizer: SharedTokenizer,
        options: EncodeOptions,
    ) -> Dataset:
        """Tokenize both texts of `rows`, each by itself; the second one's columns begin with `pair_`."""
        from datasets import Dataset

        targets = self.targets(table, columns, labels)
        inputs = self.inputs(table, columns, rows)
        found: dict[str, list[Any]] = {"length": [0] * len(rows)}
        for prefix, texts in (("", inputs.texts), (_PAIR, inputs.pairs or [])):
            for start in range(0, len(texts), _CHUNK):
                options.stop()
                for at, encoding in enumerate(
                    tokenizer.encode_batch(texts[start : start + _CHUNK], None, options.truncation), start
                ):
                    for name, ids in columns_of(encoding).items():
                        found.setdefault(prefix + name, []).append(ids)
                    found["length"][at] += len(encoding.ids)
        return Dataset.from_dict({**found, "labels": self.numbers([targets[row] for row in rows]), "row": list(rows)})

    def numbers(self, targets: Sequence[Any]) -> list[Any]:
        """Return the targets as numbers for the loss."""
        return list(targets)

    def model(self, folder: Path, options: HeadOptions) -> Opened:
        """Open the encoder without a head; what is pooled is the mean."""
        from bertdemo.checkpoints.loading import open_model

        opened = open_model(folder, head="none", seed=options.seed)
        model: Any = opened.model
        model.pooling = "mean"
        return opened

    def is_head(self, parameter: str) -> bool:
        """Nothing is new, so nothing should learn faster."""
        return False

    def vectors_of(self, model: Any, inputs: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return the (batch, width) vectors of both texts of a batch, of length 1 each."""
        first = {name: inputs[name] for name in ("input_ids", "attention_mask", "token_type_ids")}
        second = {name: inputs[_PAIR + name] for name in first}
        return _unit(model, first), _unit(model, second)


def _unit(model: Any, inputs: Mapping[str, Any]) -> Any:
    import torch

    from bertdemo.checkpoints.mean_pooling_head import masked_mean

    hidden = model(**inputs).last_hidden_state  # (batch, n, width)
    return torch.nn.functional.normalize(masked_mean(hidden.float(), inputs["attention_mask"]), dim=-1)


def unit_vectors(
    model: PreTrainedModel,
    tokenizer: SharedTokenizer,
    texts: Sequence[str],
    truncation: Truncation,
    *,
    progress: Callable[[float], None] = lambda share: None,
) -> Floats:
    """Return (texts, width) vectors of length 1, in float32."""
    import numpy as np

    read = batches(tokenizer, texts, None, truncation)
    rows = forward(
        lambda batch, _: _unit(model, batch).cpu().numpy(), read, len(texts), device=model.device, progress=progress
    )
    return np.asarray(rows, dtype=np.float32).reshape(len(rows), int(model.config.hidden_size))


def word_counts(texts: Sequence[str]) -> Any:
    """Return TF-IDF of words, or of characters and pairs of them in Chinese, fitted on `texts`; rows have length 1."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    han = sum(any("一" <= letter <= "鿿" for letter in text) for text in texts) > len(texts) / 2
    how: dict[str, Any] = {"analyzer": "char", "ngram_range": (1, 2)} if han else {"token_pattern": r"(?u)\b\w+\b"}
    try:
        return TfidfVectorizer(sublinear_tf=True, **how).fit(texts)
    except ValueError:  # there is no word at all, only marks
        return TfidfVectorizer(sublinear_tf=True, analyzer="char").fit(texts)
