"""The baselines of a table, computed once for each file, columns and checkpoint, and remembered for the run."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from bertdemo.checkpoints import Catalogue
from bertdemo.data import baseline
from bertdemo.data.baseline import Baseline
from bertdemo.data.split import usable_rows
from bertdemo.data.stored import cells_at
from bertdemo.data.tables import Table

_KEPT = 32
_LENGTH = 128
"""Pieces of a text that the frozen encoder reads: enough for a mean, and it bounds the time."""

_Key = tuple[str, tuple[tuple[str, str], ...], str, tuple[str, ...]]


class Baselines:
    """Safe to use from many threads. `lane` is the server's place for computing."""

    def __init__(self, catalogue: Catalogue, lane: Callable[[], AbstractContextManager[None]]) -> None:
        self._catalogue = catalogue
        self._lane = lane
        self._found: OrderedDict[_Key, tuple[Baseline, ...]] = OrderedDict()
        self._guard = threading.Lock()

    def compute(
        self,
        path: Path,
        table: Table,
        columns: Mapping[str, str],
        checkpoint: str,
        owner: str,
        *,
        mends: Sequence[str] = (),
        most: int = baseline.MOST_ROWS,
        progress: Callable[[float], None] = lambda share: None,
    ) -> tuple[Baseline, ...]:
        """Return guessing, counted words, and the regression on this checkpoint's frozen embeddings.

        `path` is the file that `table` was read from, with these mends. The last one is missing where the checkpoint
        is not on this machine; both regressions are where there are fewer than two labels with two rows each. Of a
        table with more than `most` usable rows, that many are scored. Raises what the catalogue raises.
        """
        key = _key(path, columns, checkpoint, mends)
        with self._guard:
            if key in self._found:
                return self._found[key]
        usable = usable_rows(table, columns)
        labels = [(label or "").strip() for label in cells_at(table.columns[columns["label"]], usable)]
        found = [baseline.majority(labels)] if labels else []
        rows = baseline.sample(labels, most)
        texts = _texts(table, columns, [usable[row] for row in rows])
        labels = [labels[row] for row in rows]
        if len(set(labels)) > 1:
            found += self._regressions(texts, labels, checkpoint, owner, progress)
        kept = tuple(found)
        with self._guard:
            self._found[key] = kept
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)
        return kept

    def remembered(
        self, path: Path, columns: Mapping[str, str], checkpoint: str, mends: Sequence[str] = ()
    ) -> tuple[Baseline, ...]:
        """Return what `compute` found for this file before; nothing where it was not asked."""
        with self._guard:
            return self._found.get(_key(path, columns, checkpoint, mends), ())

    def _regressions(
        self,
        texts: Sequence[str],
        labels: Sequence[str],
        checkpoint: str,
        owner: str,
        progress: Callable[[float], None],
    ) -> list[Baseline]:
        with self._lane():
            found = [baseline.tfidf(texts, labels)]
            progress(0.2)
            info = self._catalogue.describe(checkpoint, owner)
            if info.ready:
                tokenizer = self._catalogue.tokenizer(info.id, owner)
                vectors, seconds = baseline.timed_embed(
                    self._catalogue.folder(info.id, owner), tokenizer, texts,
                    max_length=min(_LENGTH, info.positions), progress=lambda share: progress(0.2 + 0.6 * share),
                )  # fmt: skip
                found.append(baseline.frozen(vectors, labels, seconds=seconds))
        progress(1.0)
        return found


def as_fields(found: Sequence[Baseline]) -> dict[str, dict[str, float]]:
    """Return what a run keeps: kind -> accuracy with its interval, macro-F1, rows, folds, seconds."""
    return {
        one.kind: {
            "value": one.metrics["accuracy"].value,
            "low": one.metrics["accuracy"].low,
            "high": one.metrics["accuracy"].high,
            "macro_f1": one.metrics["macro_f1"].value,
            "rows": one.rows,
            "folds": one.folds,
            "seconds": round(one.seconds, 2),
        }
        for one in found
    }


def _texts(table: Table, columns: Mapping[str, str], rows: Sequence[int]) -> list[str]:
    parts = [cells_at(table.columns[columns[role]], rows) for role in ("text", "pair") if role in columns]
    return [" ".join((part or "").strip() for part in row) for row in zip(*parts, strict=True)]


def _key(path: Path, columns: Mapping[str, str], checkpoint: str, mends: Sequence[str]) -> _Key:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return digest, tuple(sorted(columns.items())), checkpoint, tuple(sorted(mends))
