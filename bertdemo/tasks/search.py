"""Semantic search: documents ranked by the cosine similarity of their vectors to a query's.

It works before any training: each document is read once, and a query is compared with all of them. Trained on pairs
of a query and its document, a query is drawn to its own document and away from the others of the batch: the loss is
-log of the softmax over the cosines times 20, the multiple negatives ranking loss of Sentence-BERT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.tables.fold_text import fold_text
from bertdemo.tasks.base import PLAIN, Frozen, Inputs, LabeledTable, LossOptions
from bertdemo.tasks.bi_encoder import BiEncoder, fit_tfidf, unit_vectors_of_pairs
from bertdemo.tasks.forward import Inference
from bertdemo.tasks.results import (
    BaselineScore,
    Degree,
    Judged,
    Prediction,
    Problem,
    Score,
    scores_with_intervals,
)
from bertdemo.tasks.roles import PAIR, TEXT, two_texts

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset
    from numpy.typing import NDArray

    from bertdemo.tables.table import Table

    Floats = NDArray[np.float32]

# The inverse temperature of the softmax: the default scale of MultipleNegativesRankingLoss in Sentence-Transformers.
_SCALE = 20.0
# A query is right where its document is among the first ten: the headline metric is recall at 10.
_DEPTH = 10
# Queries compared with all documents at a time, which bounds the memory of the score matrix.
_QUERIES_AT_ONCE = 512


@dataclass(frozen=True)
class Match(Prediction):
    """The similarity of a document to a query."""

    score: float
    """The cosine of their vectors."""
    rank: int = 0
    """The rank of the document among all that were searched, from 1; 0 where nothing was searched."""
    first: str = ""
    """The document that came first."""
    view = "cosine"

    @property
    def cell(self) -> str:
        """The cosine."""
        return f"{self.score:.6f}"

    def to_api(self) -> dict[str, object]:
        """Return {score}."""
        return {"score": round(self.score, 6)}


class Search(BiEncoder):
    """Input: `text`, the query, and `pair`, the document that answers it. Output: a ranking of all documents."""

    id = "search"
    judges_alone = False
    rows_are_independent = False  # each query is compared with the documents of the whole batch
    roles = (TEXT, PAIR)
    metrics = ("recall_at_10", "mrr")
    chosen_by = "mrr"

    def fits(self, table: Table) -> float:
        """Return 0: any two columns of prose would do, so a person has to choose it."""
        return 0.0

    def possible_columns(self, table: Table) -> Mapping[str, str]:
        """Return two columns of prose, the first of the file as the query."""
        texts = two_texts(table)
        return dict(zip(("text", "pair"), texts, strict=True)) if texts else {}

    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[str | None]:
        """Return each row's document as it is compared, None where a text is missing."""
        cells = zip(table.columns[columns["text"]], table.columns[columns["pair"]], strict=True)
        return [
            fold_text(pair) if text and not text.isspace() and pair and pair.strip() else None for text, pair in cells
        ]

    def numbers(self, targets: Sequence[str]) -> list[int]:
        """Number the documents; equal documents have equal numbers."""
        ids: dict[str, int] = {}
        return [ids.setdefault(target, len(ids)) for target in targets]

    def problems(self, table: Table, columns: Mapping[str, str]) -> list[Problem]:
        """Count documents that occur more than once."""
        known: set[str] = set()
        repeated = []
        for row, target in enumerate(self.targets(table, columns, ())):
            if target is not None and target in known:
                repeated.append(row)
            known.add(target or "")
        return [Problem.at_rows("pass", "documents_again", repeated)] if repeated else []

    def loss(self, model: Any, inputs: Mapping[str, Any], options: LossOptions = PLAIN) -> tuple[Any, Any]:
        """Return -log softmax of each query's own document, and both vectors as `logits` (batch, 2, hidden)."""
        import torch

        queries, documents = self.vectors_of(model, inputs)  # (batch, hidden) each
        cosines = queries @ documents.T * _SCALE  # (queries, documents)
        ids, own = inputs["labels"], torch.arange(len(queries), device=queries.device)
        # Another row of the batch with the same document is not a negative: it is left out of the softmax.
        same = (ids.unsqueeze(0) == ids.unsqueeze(1)) & (own.unsqueeze(0) != own.unsqueeze(1))  # (batch, batch)
        cosines = cosines.masked_fill(same, float("-inf"))
        return torch.nn.functional.cross_entropy(cosines, own), {"logits": torch.stack([queries, documents], 1)}

    def score(self, logits: Any, references: Any, dataset: Dataset, held_out: LabeledTable) -> dict[str, float]:
        """Rank the documents of the validation set for each of its queries."""
        from bertdemo import metrics

        # logits: (rows, 2, hidden), the vectors of query and document
        return metrics.compute(self.metrics, ranks=ranks(logits[:, 0], logits[:, 1], list(references)))

    def intervals(
        self, predictions: Sequence[Match], targets: Sequence[str], labels: Sequence[str]
    ) -> dict[str, Score]:
        """Return recall at 10 with a Wilson interval, the mean reciprocal rank with a bootstrap one."""
        return scores_with_intervals(self.metrics, ranks=[prediction.rank for prediction in predictions])

    def judge(self, prediction: Match, target: str, labels: Sequence[str]) -> Judged:
        """Return the document that came first; the query is right where its own is among the first ten."""
        first = prediction.first if prediction.rank > 1 else target
        return Judged(target, first, Degree("rank", prediction.rank), prediction.rank <= _DEPTH)

    def older_degree(self, stored: float) -> Degree:
        """Older runs stored 1 - 1/rank."""
        return Degree("rank", round(1 / (1 - stored)))

    def predict(self, inference: Inference, inputs: Inputs) -> list[Match]:
        """Return the cosine of each query with its own document."""
        queries, documents = unit_vectors_of_pairs(inference, inputs)
        return [Match(float(score)) for score in (queries * documents).sum(-1)]

    def predict_held_out(self, inference: Inference, inputs: Inputs) -> list[Match]:
        """Search all documents for each query, and return the rank of its own document."""
        queries, documents = unit_vectors_of_pairs(inference, inputs)  # (rows, hidden) each
        texts = inputs.pairs or []
        own_ranks = ranks(queries, documents, self.numbers([fold_text(text) for text in texts]))
        first = (queries @ documents.T).argmax(1)  # (rows,)
        own = (queries * documents).sum(-1)  # (rows,)
        return [
            Match(float(score), rank, texts[int(best)]) for score, rank, best in zip(own, own_ranks, first, strict=True)
        ]

    def baseline_scores(
        self, table: Table, columns: Mapping[str, str], rows: Sequence[int], frozen: Frozen
    ) -> list[BaselineScore]:
        """Score TF-IDF and the frozen encoder: neither is fitted on pairs, so no row has to be held out."""
        import numpy as np
        from sklearn.preprocessing import normalize

        inputs = self.inputs(table, columns, rows)
        texts, documents = inputs.texts, inputs.pairs or []
        ids = self.numbers([fold_text(document) for document in documents])
        tfidf = fit_tfidf(documents)
        vectors_by_kind = {
            "ranked_tfidf": [np.asarray(tfidf.transform(part).todense()) for part in (texts, documents)],
            "ranked_frozen": [normalize(frozen.vectors(part)) for part in (texts, documents)],
        }
        return [
            BaselineScore(kind, scores_with_intervals(self.metrics, ranks=ranks(queries, targets, ids)), len(rows), 0)
            for kind, (queries, targets) in vectors_by_kind.items()
        ]


def ranks(queries: Floats, documents: Floats, ids: Sequence[int]) -> list[int]:
    """Return the rank of each query's own document among all documents, from 1; equal documents count once.

    `queries` and `documents` are (rows, hidden), `ids` number the documents row by row. A document with the same
    score as one's own is ranked before it, so that a model that scores everything alike gets the worst ranks.
    """
    import numpy as np

    numbers = np.asarray(ids)
    distinct, first_rows = np.unique(numbers, return_index=True)  # both ascending by number
    candidates = documents[first_rows]  # (distinct documents, hidden)
    own_ranks: list[int] = []
    for start in range(0, len(queries), _QUERIES_AT_ONCE):
        scores = queries[start : start + _QUERIES_AT_ONCE] @ candidates.T  # (queries, distinct documents)
        own = np.searchsorted(distinct, numbers[start : start + _QUERIES_AT_ONCE])  # (queries,)
        own_scores = scores[np.arange(len(scores)), own]
        own_ranks += (scores >= own_scores[:, None]).sum(1).tolist()  # one's own document is counted, so from 1
    return own_ranks
