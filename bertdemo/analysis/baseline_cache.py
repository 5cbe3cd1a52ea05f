"""The baselines of a dataset, computed once per dataset and checkpoint, and kept for the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bertdemo.analysis import baselines
from bertdemo.analysis.baselines import Baseline
from bertdemo.analysis.embedding_cache import Embeddings, texts_of
from bertdemo.checkpoints import Catalogue
from bertdemo.dataset.prepared import PreparedDataset
from bertdemo.slots import HoldSlot, giving_way
from bertdemo.tables.arrow_columns import cells_at
from bertdemo.tables.once_cache import OnceCache

# A result is a few numbers.
_MOST_RESULTS = 32
# Progress after TF-IDF, and what embedding the texts adds to it, which takes longest.
_TFIDF_DONE, _EMBEDDING = 0.2, 0.6


@dataclass(frozen=True)
class _Request:
    """What is scored; `most` bounds the rows."""

    prepared: PreparedDataset
    checkpoint: str
    owner: str
    most: int
    progress: Callable[[float], None]


class Baselines:
    """Safe to use from many threads. `inference_slot` is held while a model computes."""

    def __init__(
        self,
        catalogue: Catalogue,
        inference_slot: HoldSlot,
        embeddings: Embeddings,
    ) -> None:
        self._catalogue = catalogue
        self._inference_slot = inference_slot
        self._embeddings = embeddings
        self._results: OnceCache[tuple[Hashable, str, int], tuple[Baseline, ...]] = OnceCache(_MOST_RESULTS)

    def compute(
        self,
        prepared: PreparedDataset,
        checkpoint: str,
        owner: str,
        *,
        most: int = baselines.MOST_ROWS,
        progress: Callable[[float], None] = lambda share: None,
    ) -> tuple[Baseline, ...]:
        """Return the majority class, TF-IDF, and a linear probe on this checkpoint's frozen embeddings.

        A task without categories has its own baselines, see Task.baseline_scores. Those that need the checkpoint are
        missing where it is not on this machine. Both linear models are missing where there are fewer than two labels
        with two rows each, or more than baselines.MOST_LABELS. Of a dataset with more than `most` usable rows, that
        many are scored, or two per label where this is more. Raises what the catalogue raises.
        """
        score = self._of_categories if prepared.task.categories else self._of_task
        request = _Request(prepared, checkpoint, owner, most, progress)
        return self._results.get((prepared.key, checkpoint, most), lambda: score(request))

    def remembered(self, key: Hashable, checkpoint: str, most: int = baselines.MOST_ROWS) -> tuple[Baseline, ...]:
        """Return what `compute` returned before for the dataset with this `key`; () if it was never computed."""
        return self._results.peek((key, checkpoint, most)) or ()

    def _of_categories(self, request: _Request) -> tuple[Baseline, ...]:
        prepared = request.prepared
        table, usable, columns = prepared.table, prepared.usable, prepared.task.columns_by_slot(prepared.columns)
        labels = [(label or "").strip() for label in cells_at(table.columns[columns["label"]], usable)]
        scored = [baselines.majority(labels)] if labels else []
        rows = baselines.sample(labels, request.most)
        texts = texts_of(table, columns, [usable[row] for row in rows])
        labels = [labels[row] for row in rows]
        if 1 < len(set(labels)) <= baselines.MOST_LABELS:
            scored += self._linear(texts, labels, request)
        return tuple(scored)

    def _of_task(self, request: _Request) -> tuple[Baseline, ...]:
        """Let the task score its own baselines on usable rows, evenly spaced where there are many."""
        prepared, owner = request.prepared, request.owner
        info, task = self._catalogue.describe(request.checkpoint, owner), prepared.task
        if not info.ready or not task.has_baseline:
            return ()
        rows = prepared.usable[:: max(1, -(-len(prepared.usable) // request.most))]  # every n-th, n rounded up
        started = time.monotonic()
        with self._inference_slot() as give_way:
            progress = giving_way(request.progress, give_way)
            reader = baselines.Reader(
                folder=self._catalogue.folder(info.id, owner),
                tokenizer=self._catalogue.tokenizer(info.id, owner),
                embed=lambda texts: self._embeddings.of(texts, info.id, owner, progress=progress)[0],
                progress=progress,
            )
            scored = task.baseline_scores(prepared.table, prepared.columns, rows, reader)
        request.progress(1.0)
        spent = time.monotonic() - started
        return tuple(Baseline(score.kind, score.metrics, score.rows, score.folds, spent) for score in scored)

    def _linear(self, texts: Sequence[str], labels: Sequence[str], request: _Request) -> list[Baseline]:
        owner = request.owner
        with self._inference_slot() as give_way:
            scored = [baselines.tfidf(texts, labels)]
            progress = giving_way(request.progress, give_way)
            progress(_TFIDF_DONE)
            info = self._catalogue.describe(request.checkpoint, owner)
            if info.ready:
                vectors, seconds = self._embeddings.of(
                    texts, info.id, owner, progress=lambda share: progress(_TFIDF_DONE + _EMBEDDING * share)
                )
                scored.append(baselines.frozen(vectors, labels, seconds=seconds))
        request.progress(1.0)
        return scored


def as_fields(results: Sequence[Baseline]) -> dict[str, Mapping[str, Any]]:
    """Return what a run keeps: kind -> headline metric with its interval, other metrics, rows, folds, seconds."""
    return {baseline.kind: _fields(baseline) for baseline in results}


def _fields(baseline: Baseline) -> Mapping[str, Any]:
    (name, headline), *others = baseline.metrics.items()
    return {
        "metric": name,
        "value": headline.value,
        "low": headline.low,
        "high": headline.high,
        **{other: score.value for other, score in others},
        "rows": baseline.rows,
        "folds": baseline.folds,
        "seconds": round(baseline.seconds, 2),
    }
