"""Embeddings of texts by frozen checkpoints: baselines and label issues of the same rows share them."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertdemo.analysis import baselines
from bertdemo.checkpoints import Catalogue
from bertdemo.run_config import Truncation
from bertdemo.tables.arrow_columns import cells_at
from bertdemo.tables.table import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bertdemo.analysis.baselines import Floats

    Vector = NDArray[np.float32]

# Tokens of a text that the frozen encoder reads: enough for a mean, and it bounds the time.
LENGTH = 128
# About 36,000 vectors of the bundled model, whose hidden size is 384.
KEPT_BYTES = 64 * 2**20
# Bytes that an entry needs beside its vector.
_OVERHEAD = 300

# (checkpoint, SHA-256 of the text)
_Key = tuple[str, bytes]


@dataclass(frozen=True)
class _Entry:
    vector: Vector
    """(hidden,)"""
    seconds: float


class Embeddings:
    """Safe to use from many threads. The caller holds the inference slot."""

    def __init__(self, catalogue: Catalogue, most_bytes: int = KEPT_BYTES) -> None:
        self._catalogue = catalogue
        self._most = most_bytes
        self._bytes = 0
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()
        self._guard = threading.Lock()

    def of(
        self,
        texts: Sequence[str],
        checkpoint: str,
        owner: str,
        progress: Callable[[float], None] = lambda share: None,
    ) -> tuple[Floats, float]:
        """Return (texts, hidden) embeddings by `baselines.embed`, and the seconds that these texts take.

        A text that was embedded before is not read again; its seconds are those of the first time. Raises what the
        catalogue raises; the checkpoint must be on this machine.
        """
        import numpy as np

        info = self._catalogue.describe(checkpoint, owner)
        keys = [(info.id, hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()) for text in texts]
        entries = self._recall(keys)
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in entries}
        if new:
            folder, tokenizer = self._catalogue.folder(info.id, owner), self._catalogue.tokenizer(info.id, owner)
            truncation = Truncation(min(LENGTH, info.positions))
            started = time.monotonic()
            vectors = baselines.embed(folder, tokenizer, list(new.values()), truncation, progress=progress)
            seconds = (time.monotonic() - started) / len(new)
            # Copies: a row of the array would keep the whole array in memory.
            fresh = {key: _Entry(vector.copy(), seconds) for key, vector in zip(new, vectors, strict=True)}
            self._keep(fresh)
            entries |= fresh
        progress(1.0)
        return np.stack([entries[key].vector for key in keys]), sum(entry.seconds for entry in entries.values())

    def _recall(self, keys: Sequence[_Key]) -> dict[_Key, _Entry]:
        with self._guard:
            entries = {key: self._entries[key] for key in keys if key in self._entries}
            for key in entries:
                self._entries.move_to_end(key)
        return entries

    def _keep(self, fresh: Mapping[_Key, _Entry]) -> None:
        with self._guard:
            for key, entry in fresh.items():
                if key not in self._entries:
                    self._entries[key] = entry
                    self._bytes += entry.vector.nbytes + _OVERHEAD
            while self._bytes > self._most:
                self._bytes -= self._entries.popitem(last=False)[1].vector.nbytes + _OVERHEAD


def texts_of(table: Table, columns: Mapping[str, str], rows: Sequence[int]) -> list[str]:
    """Return the texts that are embedded for these rows: text and pair, joined by a space."""
    parts = [cells_at(table.columns[columns[slot]], rows) for slot in ("text", "pair") if slot in columns]
    return [" ".join((part or "").strip() for part in row) for row in zip(*parts, strict=True)]
