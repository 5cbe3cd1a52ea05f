"""The baselines of a dataset, computed once per dataset and checkpoint, and remembered for the run."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from bertdemo.analysis import baselines
from bertdemo.analysis.baselines import Baseline
from bertdemo.analysis.embedding_cache import Embeddings, texts_of
from bertdemo.checkpoints import Catalogue
from bertdemo.dataset.prepared import PreparedDataset
from bertdemo.tables.arrow_columns import cells_at

_KEPT = 32


class Baselines:
    """Safe to use from many threads. `lane` is the server's place for computing."""

    def __init__(
        self, catalogue: Catalogue, inference_slot: Callable[[], AbstractContextManager[None]], embeddings: Embeddings
    ) -> None:
        self._catalogue = catalogue
        self._inference_slot = inference_slot
        self._embeddings = embeddings
        self._found: OrderedDict[tuple[Hashable, str, int], tuple[Baseline, ...]] = OrderedDict()
        self._guard = threading.Lock()

    def compute(
        self,
        prepared: PreparedDataset,
        checkpoint: str,
        owner: str,
        *,
        most: int = baselines.MOST_ROWS,
        progress: Callable[[float], None] = lambda share: None,
    ) -> tuple[Baseline, ...]:
        """Return the majority class, TF-IDF, and the linear probe on this checkpoint's frozen embeddings.

        A task without categories has baselines of its own, see Task.reached; none where the checkpoint is not here.
        The last one is missing where the checkpoint is not on this machine; both linear models are where there are
        fewer than two labels with two rows each, or more than baselines.MOST_LABELS of them. Of a dataset with more
        than `most` usable rows, that many are scored, or two of each label where these are more. Raises what the
        catalogue raises.
        """
        key = (prepared.key, checkpoint, most)
        with self._guard:
            if key in self._found:
                return self._found[key]
        score = self._of_categories if prepared.task.categories else self._own
        kept = score(prepared, checkpoint, owner, most, progress)
        with self._guard:
            self._found[key] = kept
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)
        return kept

    def _of_categories(
        self,
        prepared: PreparedDataset,
        checkpoint: str,
        owner: str,
        most: int,
        progress: Callable[[float], None],
    ) -> tuple[Baseline, ...]:
        table, usable, columns = prepared.table, prepared.usable, prepared.task.columns_by_slot(prepared.columns)
        labels = [(label or "").strip() for label in cells_at(table.columns[columns["label"]], usable)]
        scored = [baselines.majority(labels)] if labels else []
        rows = baselines.sample(labels, most)
        texts = texts_of(table, columns, [usable[row] for row in rows])
        labels = [labels[row] for row in rows]
        if 1 < len(set(labels)) <= baselines.MOST_LABELS:
            scored += self._regressions(texts, labels, checkpoint, owner, progress)
        return tuple(scored)

    def _own(
        self,
        prepared: PreparedDataset,
        checkpoint: str,
        owner: str,
        most: int,
        progress: Callable[[float], None],
    ) -> tuple[Baseline, ...]:
        """Let the task score what it knows on rows that it can use, evenly spaced where there are many."""
        info, task = self._catalogue.describe(checkpoint, owner), prepared.task
        if not info.ready or not task.has_baseline:
            return ()
        rows = prepared.usable[:: max(1, -(-len(prepared.usable) // most))]
        started = time.monotonic()
        with self._inference_slot():
            reader = baselines.Reader(
                self._catalogue.folder(info.id, owner), self._catalogue.tokenizer(info.id, owner),
                lambda texts: self._embeddings.of(texts, info.id, owner, progress=progress)[0], progress,
            )  # fmt: skip
            scored = task.baseline_scores(prepared.table, prepared.columns, rows, reader)
        progress(1.0)
        spent = time.monotonic() - started
        return tuple(Baseline(score.kind, score.metrics, score.rows, score.folds, spent) for score in scored)

    def remembered(self, key: Hashable, checkpoint: str, most: int = baselines.MOST_ROWS) -> tuple[Baseline, ...]:
        """Return what `compute` returned for the dataset of this `key` before; nothing where it was not asked."""
        with self._guard:
            return self._found.get((key, checkpoint, most), ())

    def _regressions(
        self,
        texts: Sequence[str],
        labels: Sequence[str],
        checkpoint: str,
        owner: str,
        progress: Callable[[float], None],
    ) -> list[Baseline]:
        with self._inference_slot():
            found = [baselines.tfidf(texts, labels)]
            progress(0.2)
            info = self._catalogue.describe(checkpoint, owner)
            if info.ready:
                vectors, seconds = self._embeddings.of(
                    texts, info.id, owner, progress=lambda share: progress(0.2 + 0.6 * share)
                )
                found.append(baselines.frozen(vectors, labels, seconds=seconds))
        progress(1.0)
        return found


def as_fields(found: Sequence[Baseline]) -> dict[str, dict[str, Any]]:
    """Return what a run keeps: kind -> the first metric with its interval, all others, rows, folds, seconds."""
    return {one.kind: _fields(one) for one in found}


def _fields(one: Baseline) -> dict[str, Any]:
    (name, first), *others = one.metrics.items()
    return {
        "metric": name,
        "value": first.value,
        "low": first.low,
        "high": first.high,
        **{other: score.value for other, score in others},
        "rows": one.rows,
        "folds": one.folds,
        "seconds": round(one.seconds, 2),
    }
