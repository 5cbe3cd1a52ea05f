"""Search: documents ranked by how near their meaning is to a query's.

It works before any training: each document is read once, and a query is compared with all of them. Trained on pairs
of a query and its document, a query is drawn to its own document and away from the others of the batch (the loss is
-log of the softmax over the cosines times 20, as Sentence-BERT's multiple negatives ranking does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.run_config import Truncation
from bertdemo.tables.fold_text import fold_text
from bertdemo.tasks.base import Frozen, HeldOut, Inputs
from bertdemo.tasks.bi_encoder import BiEncoder, unit_vectors, word_counts
from bertdemo.tasks.results import BaselineScore, Degree, Judged, Prediction, Problem, Score
from bertdemo.tasks.roles import PAIR, TEXT

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel

    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.tables.table import Table

_SHARPNESS = 20.0
_DEPTH = 10


@dataclass(frozen=True)
class Match(Prediction):
    """How near a document is to a query."""

    score: float
    """The cosine of their vectors."""
    rank: int = 0
    """Where the document came among those that were searched, from 1; 0 where nothing was searched."""
    first: str = ""
    """The document that came first."""
    view = "cosine"

    @property
    def words(self) -> str:
        """The cosine."""
        return f"{self.score:.6f}"

    def to_api(self) -> dict[str, Any]:
        """Return {score}."""
        return {"score": round(self.score, 6)}


class Search(BiEncoder):
    """`text` is the query, `pair` the document that answers it."""

    id = "search"
    roles = (TEXT, PAIR)
    metrics = ("recall_at_10", "mrr")
    chosen_by = "mrr"

    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[str | None]:
        """Return each row's document as it is compared, None where a text is missing."""
        cells = zip(table.columns[columns["text"]], table.columns[columns["pair"]], strict=True)
        return [
            fold_text(pair) if text and not text.isspace() and pair and pair.strip() else None for text, pair in cells
        ]

    def numbers(self, targets: Sequence[str]) -> list[int]:
        """Number the documents, equal ones alike."""
        ids: dict[str, int] = {}
        return [ids.setdefault(target, len(ids)) for target in targets]

    def problems(self, table: Table, columns: Mapping[str, str]) -> list[Problem]:
        """Count documents that come more than once."""
        seen: set[str] = set()
        again = []
        for row, target in enumerate(self.targets(table, columns, ())):
            if target is not None and target in seen:
                again.append(row)
            seen.add(target or "")
        return [Problem("pass", "documents_again", {"count": len(again)}, tuple(again[:20]))] if again else []

    def loss(self, model: Any, inputs: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return -log softmax of each query's own document, and both vectors as `logits` (batch, 2, width)."""
        import torch

        first, second = self.vectors_of(model, inputs)
        cosines = first @ second.T * _SHARPNESS  # (queries, documents)
        own, places = inputs["labels"], torch.arange(len(first), device=first.device)
        twins = (own.unsqueeze(0) == own.unsqueeze(1)) & (places.unsqueeze(0) != places.unsqueeze(1))
        cosines = cosines.masked_fill(twins, float("-inf"))  # the same document again is no wrong answer
        return torch.nn.functional.cross_entropy(cosines, places), {"logits": torch.stack([first, second], 1)}

    def score(self, logits: Any, references: Any, dataset: Dataset, held_out: HeldOut) -> dict[str, float]:
        """Rank the validation rows' documents for each of their queries."""
        from bertdemo import metrics

        return metrics.compute(self.metrics, ranks=ranks(logits[:, 0], logits[:, 1], list(references)))

    def intervals(self, said: Sequence[Match], targets: Sequence[str], labels: Sequence[str]) -> dict[str, Score]:
        """Return recall at 10 with a Wilson interval, the mean reciprocal rank with a bootstrap one."""
        return ranked([one.rank for one in said])

    def judge(self, said: Match, target: str, labels: Sequence[str]) -> Judged:
        """A query is right where its document is among the first ten; what came first instead is shown."""
        return Judged(target, said.first if said.rank > 1 else target, Degree("rank", said.rank), said.rank <= _DEPTH)

    def older_degree(self, stored: float) -> Degree:
        """Older runs stored 1 - 1/rank."""
        return Degree("rank", round(1 / (1 - stored)))

    def predict(
        self,
        model: PreTrainedModel,
        tokenizer: SharedTokenizer,
        inputs: Inputs,
        truncation: Truncation,
        *,
        progress: Callable[[float], None] = lambda share: None,
    ) -> list[Match]:
        """Return the cosine of each query with its own document."""
        first, second = _both(model, tokenizer, inputs, truncation, progress)
        return [Match(float(score)) for score in (first * second).sum(-1)]

    def answer(
        self,
        model: PreTrainedModel,
        tokenizer: SharedTokenizer,
        inputs: Inputs,
        truncation: Truncation,
        *,
        progress: Callable[[float], None] = lambda share: None,
    ) -> list[Match]:
        """Search all documents for each query, and say where its own came."""
        first, second = _both(model, tokenizer, inputs, truncation, progress)
        documents = inputs.pairs or []
        found = ranks(first, second, self.numbers([fold_text(text) for text in documents]))
        best = (first @ second.T).argmax(1)
        own = (first * second).sum(-1)
        return [Match(float(score), rank, documents[int(at)]) for score, rank, at in zip(own, found, best, strict=True)]

    def baseline_scores(
        self, table: Table, columns: Mapping[str, str], rows: Sequence[int], frozen: Frozen
    ) -> list[BaselineScore]:
        """Score counted words and the frozen encoder: neither is fitted on a pair."""
        import numpy as np

        inputs = self.inputs(table, columns, rows)
        ids = self.numbers([fold_text(text) for text in inputs.pairs or []])
        counted = word_counts(inputs.pairs or [])
        words = [np.asarray(counted.transform(texts).todense()) for texts in (inputs.texts, inputs.pairs or [])]
        vectors = [_unit_rows(frozen.vectors(texts)) for texts in (inputs.texts, inputs.pairs or [])]
        return [
            BaselineScore("ranked_tfidf", ranked(ranks(words[0], words[1], ids)), len(rows), 0),
            BaselineScore("ranked_frozen", ranked(ranks(vectors[0], vectors[1], ids)), len(rows), 0),
        ]


def _both(
    model: Any,
    tokenizer: SharedTokenizer,
    inputs: Inputs,
    truncation: Truncation,
    progress: Callable[[float], None],
) -> tuple[Any, Any]:
    first = unit_vectors(model, tokenizer, inputs.texts, truncation, progress=lambda share: progress(share / 2))
    second = unit_vectors(
        model, tokenizer, inputs.pairs or [], truncation, progress=lambda share: progress(0.5 + share / 2)
    )
    return first, second


def _unit_rows(vectors: Any) -> Any:
    import numpy as np

    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def ranks(queries: Any, documents: Any, ids: Sequence[int]) -> list[int]:
    """Return where each query's own document comes among all documents, from 1; equal documents count once.

    `ids` number the documents, row by row; a document that is as near as one's own comes before it.
    """
    import numpy as np

    numbers = np.asarray(ids)
    firsts = np.unique(numbers, return_index=True)[1]
    there = documents[firsts]  # (different documents, width)
    found = []
    for start in range(0, len(queries), 512):
        part = queries[start : start + 512] @ there.T  # (queries, documents)
        own = np.searchsorted(np.sort(numbers[firsts]), numbers[start : start + 512])
        mine = part[np.arange(len(part)), own]
        better = (part >= mine[:, None]).sum(1)  # one's own is among them
        found += [int(one) for one in better]
    return found


def ranked(found: Sequence[int]) -> dict[str, Score]:
    """Return both metrics of ranks from 1, with intervals."""
    from bertdemo import metrics

    return {name: Score(*estimate) for name, estimate in metrics.estimate(Search.metrics, ranks=found).items()}
