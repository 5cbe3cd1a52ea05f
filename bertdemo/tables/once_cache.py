"""A bounded cache of values that take long to compute: whoever asks for one in the making waits for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class OnceCache(Generic[K, V]):
    """Keeps the `most` values that were used last. Safe to use from many threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[K, V] = OrderedDict()
        self._in_progress: dict[K, threading.Lock] = {}
        self._guard = threading.Lock()

    def get(self, key: K, compute: Callable[[], V]) -> V:
        """Return the value of `key`, computed by one caller at a time; what `compute` raises is not kept."""
        with self._guard:
            turn = self._in_progress.setdefault(key, threading.Lock())
        try:
            # Callers of other keys go on meanwhile: only those of this key wait.
            with turn:
                value = self.peek(key)
                return self._keep(key, compute()) if value is None else value
        finally:
            with self._guard:
                self._in_progress.pop(key, None)

    def peek(self, key: K) -> V | None:
        """Return the value of `key` if it is there."""
        with self._guard:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def _keep(self, key: K, value: V) -> V:
        with self._guard:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value
