"""Documents ranked by meaning, with a ranking by counted words beside it: exact, by the dot product with every one."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.errors import ArgumentWrong, DocumentsMissing, TextMissing, TooManyTexts
from bertdemo.serving.predictor import Predictor
from bertdemo.tasks.bi_encoder import word_counts

if TYPE_CHECKING:
    from bertdemo.tasks.bi_encoder import Floats

MOST_DOCUMENTS = 20_000
MOST_HITS = 100
_KEPT = 3


@dataclass(frozen=True)
class Hit:
    """One document among the first; `row` counts the documents as they came, from 1."""

    rank: int
    row: int
    score: float
    """Cosine with the query."""
    text: str


@dataclass(frozen=True)
class Found:
    """What was found by meaning and what by counted words; documents that come again are ranked once."""

    by_meaning: tuple[Hit, ...]
    by_words: tuple[Hit, ...]
    documents: int
    again: int
    """Documents left out because an earlier one is the same."""
    cut: int = 0
    """Documents of which only the beginning was read for their meaning."""


@dataclass(frozen=True)
class _Index:
    """What a set of documents is compared by."""

    vectors: Floats
    """(documents, width), each of length 1."""
    cut: int
    """Documents of which only the beginning was read."""
    counted: Any
    """TF-IDF, fitted on the documents."""
    weights: Any
    """(documents, words), sparse."""


class Searcher:
    """Safe to use from many threads. What the newest documents are compared by is kept for the next query."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._known: OrderedDict[tuple[str, str], _Index] = OrderedDict()
        self._guard = threading.Lock()

    def search(
        self,
        query: str,
        documents: Sequence[str],
        checkpoint: str,
        owner: str,
        top_k: int = 10,
        progress: Callable[[float], None] = lambda share: None,
    ) -> Found:
        """Rank the documents for a query.

        Raises TextMissing, DocumentsMissing, TooManyTexts, ArgumentWrong, or what embedding raises.
        """
        if not query.strip():
            raise TextMissing
        if not 1 <= top_k <= MOST_HITS:
            raise ArgumentWrong(name="top_k", expected=f"1 to {MOST_HITS}")
        if len(documents) > MOST_DOCUMENTS:
            raise TooManyTexts(count=len(documents), limit=MOST_DOCUMENTS)
        rows: dict[str, int] = {}
        for row, text in enumerate(documents, 1):
            if text and text.strip():
                rows.setdefault(text.strip(), row)
        if not rows:
            raise DocumentsMissing
        texts = list(rows)
        index = self._index(texts, checkpoint, owner, progress)
        asked = self._predictor.unit_vectors([query], checkpoint, owner)
        words = index.weights @ index.counted.transform([query]).T  # (documents, 1)
        filled = sum(bool(text and text.strip()) for text in documents)
        return Found(
            by_meaning=_best((index.vectors @ asked[0]).tolist(), texts, rows, top_k),
            by_words=_best([float(x) for x in words.toarray()[:, 0]], texts, rows, top_k),
            documents=len(texts),
            again=filled - len(texts),
            cut=index.cut,
        )

    def _index(self, texts: Sequence[str], checkpoint: str, owner: str, progress: Callable[[float], None]) -> _Index:
        """Return what the documents are compared by, computed once for each set of them."""
        self._predictor.unit_vectors([], checkpoint, owner)  # the owner is checked at every use
        key = (checkpoint, hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest())
        with self._guard:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        vectors = self._predictor.unit_vectors(texts, checkpoint, owner, progress)
        with self._predictor.inference_slot():
            counted = word_counts(texts)
            weights = counted.transform(texts)
        index = _Index(vectors, self._predictor.beyond(texts, checkpoint, owner), counted, weights)
        with self._guard:
            self._known[key] = index
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return index

    def forget(self, checkpoint: str) -> None:
        """Let go of a checkpoint that was deleted."""
        with self._guard:
            for key in [key for key in self._known if key[0] == checkpoint]:
                del self._known[key]


def _best(scores: Sequence[float], texts: Sequence[str], rows: dict[str, int], top_k: int) -> tuple[Hit, ...]:
    """Return the first hits; of equal scores the earlier document comes first."""
    order = sorted(range(len(scores)), key=lambda at: (-scores[at], rows[texts[at]]))[:top_k]
    return tuple(Hit(rank, rows[texts[at]], scores[at], texts[at]) for rank, at in enumerate(order, 1))
