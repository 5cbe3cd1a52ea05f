"""Vectors of texts under frozen checkpoints, kept for the next question about the same rows, bounded in bytes."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.analysis import baselines
from bertdemo.checkpoints import Catalogue
from bertdemo.run_config import Truncation
from bertdemo.tables.arrow_columns import cells_at
from bertdemo.tables.table import Table

if TYPE_CHECKING:
    from bertdemo.analysis.baselines import Floats

LENGTH = 128
"""Pieces of a text that the frozen encoder reads: enough for a mean, and it bounds the time."""
KEPT_BYTES = 64 * 2**20
_OVERHEAD = 300
"""Bytes that an entry needs beside its numbers."""


@dataclass(frozen=True)
class _Known:
    vector: Any
    """(width,), float32."""
    seconds: float


class Embeddings:
    """Safe to use from many threads. The caller holds the server's place for computing."""

    def __init__(self, catalogue: Catalogue, most_bytes: int = KEPT_BYTES) -> None:
        self._catalogue = catalogue
        self._most = most_bytes
        self._bytes = 0
        self._known: OrderedDict[tuple[str, bytes], _Known] = OrderedDict()
        self._guard = threading.Lock()

    def of(
        self,
        texts: Sequence[str],
        checkpoint: str,
        owner: str,
        progress: Callable[[float], None] = lambda share: None,
    ) -> tuple[Floats, float]:
        """Return (rows, width) vectors by `baseline.embed`, and the seconds that reading these texts takes.

        What is known is not read again; its seconds are those of the first time. Raises what the catalogue raises;
        the checkpoint must be on this machine.
        """
        import numpy as np

        info = self._catalogue.describe(checkpoint, owner)
        keys = [(info.id, hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()) for text in texts]
        found = self._recall(keys)
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if new:
            vectors, seconds = baselines.timed_embed(
                self._catalogue.folder(info.id, owner), self._catalogue.tokenizer(info.id, owner), list(new.values()),
                Truncation(min(LENGTH, info.positions)), progress=progress,
            )  # fmt: skip
            fresh = {key: _Known(vectors[at], seconds / len(new)) for at, key in enumerate(new)}
            self._keep(fresh)
            found |= fresh
        progress(1.0)
        return np.stack([found[key].vector for key in keys]), sum(known.seconds for known in found.values())

    def _recall(self, keys: Sequence[tuple[str, bytes]]) -> dict[tuple[str, bytes], _Known]:
        with self._guard:
            found = {key: self._known[key] for key in keys if key in self._known}
            for key in found:
                self._known.move_to_end(key)
        return found

    def _keep(self, fresh: Mapping[tuple[str, bytes], _Known]) -> None:
        with self._guard:
            for key, known in fresh.items():
                if key not in self._known:
                    # A row of the whole would keep the whole alive.
                    self._known[key] = _Known(known.vector.copy(), known.seconds)
                    self._bytes += known.vector.nbytes + _OVERHEAD
            while self._bytes > self._most:
                self._bytes -= self._known.popitem(last=False)[1].vector.nbytes + _OVERHEAD


def texts_of(table: Table, columns: Mapping[str, str], rows: Sequence[int]) -> list[str]:
    """Return what is embedded of these rows: the text of each, with the second one where there is one."""
    parts = [cells_at(table.columns[columns[role]], rows) for role in ("text", "pair") if role in columns]
    return [" ".join((part or "").strip() for part in row) for row in zip(*parts, strict=True)]
