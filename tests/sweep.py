"""How many of its cases a test that sweeps goes through: all in `make sweep`, a slice in `make test`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

WHOLE = os.environ.get("BERTDEMO_SWEEP") == "1"
Case = TypeVar("Case")


def cases(every: Sequence[Case], turn: int, count: int) -> Sequence[Case]:
    """Return every case in a sweep; else `count` of them, evenly spaced, beginning one further with each turn."""
    if WHOLE or count >= len(every):
        return every
    return [every[(turn + i * len(every) // count) % len(every)] for i in range(count)]
