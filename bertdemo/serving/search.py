"""Semantic search, with a keyword ranking (TF-IDF) beside it: exact, by the dot product with every document."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bertdemo.errors import ArgumentWrong, DocumentsMissing, TextMissing, TooManyTexts
from bertdemo.serving.predictor import Predictor
from bertdemo.tasks.bi_encoder import fit_tfidf

if TYPE_CHECKING:
    from bertdemo.tasks.bi_encoder import Floats

# Documents of one search, which are all embedded while somebody waits.
MOST_DOCUMENTS = 20_000
MOST_HITS = 100
# Sentences of a document that are compared with the query: ten documents of 24 take about a second on two cores.
_SENTENCES = 24
# A sentence ends with its mark, and the quotes or brackets after it, or with its line.
_SENTENCE_END = re.compile(r"[.!?]+[\"')\]”’]*(?=\s)|[。！？]+[”’」』）]*|\n")
# Sets of documents whose vectors are kept: 20,000 by 768 numbers are 60 MB.
_KEPT = 3


@dataclass(frozen=True)
class Hit:
    """One of the best documents; `row` counts the documents in the order they were given, from 1."""

    rank: int
    row: int
    score: float
    """Cosine with the query."""
    text: str
    sentence: tuple[int, int] | None = None
    """Of a document with several sentences: the code points of the one that is nearest to the query by its cosine."""


@dataclass(frozen=True)
class SearchResult:
    """The best documents by meaning and by keywords; a duplicate document is ranked once."""

    by_meaning: tuple[Hit, ...]
    by_words: tuple[Hit, ...]
    documents: int
    again: int
    """Duplicates that were left out."""
    cut: int = 0
    """Documents whose vector is of their truncated text."""


@dataclass(frozen=True)
class _Index:
    """What a query is compared with, for one set of documents."""

    vectors: Floats
    """(documents, hidden), each of L2 norm 1."""
    cut: int
    """Documents that were truncated."""
    tfidf: Any
    """TfidfVectorizer, fitted on the documents."""
    weights: Any
    """(documents, words), sparse."""


class Searcher:
    """Safe to use from many threads. The vectors of the last few sets of documents are kept for the next query."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._indexes: OrderedDict[tuple[str, str], _Index] = OrderedDict()
        self._guard = threading.Lock()

    def search(
        self,
        query: str,
        documents: Sequence[str],
        checkpoint: str,
        owner: str,
        top_k: int = 10,
        progress: Callable[[float], None] = lambda share: None,
        sentences: bool = False,
    ) -> SearchResult:
        """Rank the documents for a query; with `sentences`, each hit names its sentence nearest to the query.

        Raises TextMissing, DocumentsMissing, TooManyTexts, ArgumentWrong, or what embedding raises.
        """
        if not query.strip():
            raise TextMissing
        if not 1 <= top_k <= MOST_HITS:
            raise ArgumentWrong(name="top_k", expected=f"1 to {MOST_HITS}")
        if len(documents) > MOST_DOCUMENTS:
            raise TooManyTexts(count=len(documents), limit=MOST_DOCUMENTS)
        rows: dict[str, int] = {}  # text -> the row of its first occurrence
        for row, text in enumerate(documents, 1):
            if text and text.strip():
                rows.setdefault(text.strip(), row)
        if not rows:
            raise DocumentsMissing
        texts = list(rows)
        index = self._index(texts, checkpoint, owner, progress)
        query_vector = self._predictor.unit_vectors([query], checkpoint, owner)[0]  # (hidden,)
        keyword_scores = index.weights @ index.tfidf.transform([query]).T  # (documents, 1), sparse
        filled = sum(bool(text and text.strip()) for text in documents)
        by_meaning = _best((index.vectors @ query_vector).tolist(), texts, rows, top_k)
        return SearchResult(
            by_meaning=self._with_sentences(by_meaning, query_vector, checkpoint, owner) if sentences else by_meaning,
            by_words=_best(keyword_scores.toarray()[:, 0].tolist(), texts, rows, top_k),
            documents=len(texts),
            again=filled - len(texts),
            cut=index.cut,
        )

    def _index(self, texts: Sequence[str], checkpoint: str, owner: str, progress: Callable[[float], None]) -> _Index:
        """Return the index of a set of documents, computed once."""
        self._predictor.unit_vectors([], checkpoint, owner)  # the owner is checked at every use
        key = (checkpoint, hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest())
        with self._guard:
            if key in self._indexes:
                self._indexes.move_to_end(key)
                return self._indexes[key]
        vectors = self._predictor.unit_vectors(texts, checkpoint, owner, progress)
        with self._predictor.inference_slot():
            tfidf = fit_tfidf(texts)
            weights = tfidf.transform(texts)
        index = _Index(vectors, self._predictor.count_truncated(texts, checkpoint, owner), tfidf, weights)
        with self._guard:
            self._indexes[key] = index
            while len(self._indexes) > _KEPT:
                self._indexes.popitem(last=False)
        return index

    def _with_sentences(
        self, hits: Sequence[Hit], query_vector: Floats, checkpoint: str, owner: str
    ) -> tuple[Hit, ...]:
        """Return the hits, each of several sentences with the one whose vector is nearest to that of the query."""
        spans = [sentences_of(hit.text)[:_SENTENCES] for hit in hits]
        texts = [
            hit.text[start:end] for hit, own in zip(hits, spans, strict=True) if len(own) > 1 for start, end in own
        ]
        if not texts:
            return tuple(hits)
        scores = iter((self._predictor.unit_vectors(texts, checkpoint, owner) @ query_vector).tolist())
        marked = []
        for hit, own in zip(hits, spans, strict=True):
            scored = [(next(scores), span) for span in own] if len(own) > 1 else []
            nearest = max(scored, key=lambda pair: pair[0])[1] if scored else None
            marked.append(replace(hit, sentence=nearest))
        return tuple(marked)

    def forget(self, checkpoint: str) -> None:
        """Drop the vectors of a checkpoint that was deleted."""
        with self._guard:
            for key in [key for key in self._indexes if key[0] == checkpoint]:
                del self._indexes[key]


def _best(scores: Sequence[float], texts: Sequence[str], rows: dict[str, int], top_k: int) -> tuple[Hit, ...]:
    """Return the best documents; of equal scores the earlier one comes first."""
    order = sorted(range(len(scores)), key=lambda at: (-scores[at], rows[texts[at]]))[:top_k]
    return tuple(Hit(rank, rows[texts[at]], scores[at], texts[at]) for rank, at in enumerate(order, 1))


def sentences_of(text: str) -> list[tuple[int, int]]:
    """Return the code points of each sentence, without the white space around it."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    spans = []
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        sentence = text[start:end]
        if any(letter.isalnum() for letter in sentence):
            first = start + len(sentence) - len(sentence.lstrip())
            spans.append((first, first + len(sentence.strip())))
    return spans
