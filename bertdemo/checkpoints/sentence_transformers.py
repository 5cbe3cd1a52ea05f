"""The pooling that a model was trained with, from 1_Pooling/config.json in a folder of Sentence-Transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

Pooling = Literal["cls", "mean", "max"]
FILE = Path("1_Pooling", "config.json")
# The file has a dozen flags; a larger one is something else.
_MAX_BYTES = 16 * 1024
_MODE = "pooling_mode_"
_NAMES: dict[str, Pooling] = {"cls_token": "cls", "mean_tokens": "mean", "max_tokens": "max"}


def read(folder: Path) -> Pooling | None:
    """Return the pooling that is switched on; None without the file, for an unknown pooling, and for several."""
    try:
        path = (folder / FILE).resolve(strict=True)
        # A snapshot of the Hub links into its cache, so a link may leave the folder; only flags are read.
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return None
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    modes = {name: value for name, value in raw.items() if name.startswith(_MODE)} if isinstance(raw, dict) else {}
    if not all(isinstance(value, bool) for value in modes.values()):
        return None
    chosen = [name.removeprefix(_MODE) for name, value in modes.items() if value]
    return _NAMES.get(chosen[0]) if len(chosen) == 1 else None
