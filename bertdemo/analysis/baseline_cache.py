"""The baselines of a table, computed once for each file, columns and checkpoint, and remembered for the run."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bertdemo.analysis import baselines
from bertdemo.analysis.baselines import Baseline
from bertdemo.analysis.embedding_cache import Embeddings, Key, key_of, texts_of
from bertdemo.checkpoints import Catalogue
from bertdemo.dataset.split import usable_rows
from bertdemo.tables.arrow_columns import cells_at
from bertdemo.tables.parse_options import DECIDE, ReadOptions
from bertdemo.tables.table import Table
from bertdemo.tasks.base import Task

_KEPT = 32
_NONE: Mapping[str, str] = MappingProxyType({})


class Baselines:
    """Safe to use from many threads. `lane` is the server's place for computing."""

    def __init__(
        self, catalogue: Catalogue, lane: Callable[[], AbstractContextManager[None]], embeddings: Embeddings
    ) -> None:
        self._catalogue = catalogue
        self._lane = lane
        self._embeddings = embeddings
        self._found: OrderedDict[Key, tuple[Baseline, ...]] = OrderedDict()
        self._guard = threading.Lock()

    def compute(
        self,
        path: Path,
        table: Table,
        task: Task,
        columns: Mapping[str, str],
        checkpoint: str,
        owner: str,
        *,
        mends: Sequence[str] = (),
        relabels: Mapping[str, str] = _NONE,
        reading: ReadOptions = DECIDE,
        most: int = baselines.MOST_ROWS,
        progress: Callable[[float], None] = lambda share: None,
    ) -> tuple[Baseline, ...]:
        """Return guessing, counted words, and the regression on this checkpoint's frozen embeddings.

        A task without categories has baselines of its own, see Task.reached; none where the checkpoint is not here.
        `path` is the file that `table` was read from, mended so. The last one is missing where the checkpoint
        is not on this machine; both regressions are where there are fewer than two labels with two rows each, or
        more than baseline.MOST_LABELS of them. Of a table with more than `most` usable rows, that many are scored,
        or two of each label where these are more. Raises what the catalogue raises.
        """
        key = key_of(path, columns, f"{checkpoint} {task.id} {most}", mends, relabels, reading)
        with self._guard:
            if key in self._found:
                return self._found[key]
        if task.categories:
            kept = self._of_categories(table, task.placed(columns), checkpoint, owner, most, progress)
        else:
            kept = self._own(table, task, columns, checkpoint, owner, most, progress)
        with self._guard:
            self._found[key] = kept
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)
        return kept

    def _of_categories(
        self,
        table: Table,
        columns: Mapping[str, str],
        checkpoint: str,
        owner: str,
        most: int,
        progress: Callable[[float], None],
    ) -> tuple[Baseline, ...]:
        usable = usable_rows(table, columns)
        labels = [(label or "").strip() for label in cells_at(table.columns[columns["label"]], usable)]
        found = [baselines.majority(labels)] if labels else []
        rows = baselines.sample(labels, most)
        texts = texts_of(table, columns, [usable[row] for row in rows])
        labels = [labels[row] for row in rows]
        if 1 < len(set(labels)) <= baselines.MOST_LABELS:
            found += self._regressions(texts, labels, checkpoint, owner, progress)
        return tuple(found)

    def _own(
        self,
        table: Table,
        task: Task,
        columns: Mapping[str, str],
        checkpoint: str,
        owner: str,
        most: int,
        progress: Callable[[float], None],
    ) -> tuple[Baseline, ...]:
        """Let the task score what it knows on rows that it can use, evenly spaced where there are many."""
        info = self._catalogue.describe(checkpoint, owner)
        if not info.ready or not task.has_baseline:
            return ()
        targets = task.targets(table, columns, task.labels(table, columns))
        usable = [row for row, target in enumerate(targets) if target is not None]
        rows = usable[:: max(1, -(-len(usable) // most))]
        started = time.monotonic()
        with self._lane():
            reader = baselines.Reader(
                self._catalogue.folder(info.id, owner), self._catalogue.tokenizer(info.id, owner),
                lambda texts: self._embeddings.of(texts, info.id, owner, progress=progress)[0], progress,
            )  # fmt: skip
            found = task.reached(table, columns, rows, reader)
        progress(1.0)
        spent = time.monotonic() - started
        return tuple(Baseline(one.kind, one.metrics, one.rows, one.folds, spent) for one in found)

    def remembered(
        self,
        path: Path,
        task: str,
        columns: Mapping[str, str],
        checkpoint: str,
        mends: Sequence[str] = (),
        relabels: Mapping[str, str] = _NONE,
        reading: ReadOptions = DECIDE,
        most: int = baselines.MOST_ROWS,
    ) -> tuple[Baseline, ...]:
        """Return what `compute` found for this file and so many rows before; nothing where it was not asked."""
        key = key_of(path, columns, f"{checkpoint} {task} {most}", mends, relabels, reading)
        with self._guard:
            return self._found.get(key, ())

    def _regressions(
        self,
        texts: Sequence[str],
        labels: Sequence[str],
        checkpoint: str,
        owner: str,
        progress: Callable[[float], None],
    ) -> list[Baseline]:
        with self._lane():
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
