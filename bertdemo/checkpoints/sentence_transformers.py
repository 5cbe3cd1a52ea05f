"""How a text vector was taken in training, as a folder of sentence-transformers says it in 1_Pooling/config.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

Pooling = Literal["cls", "mean", "max"]
FILE = Path("1_Pooling", "config.json")
_MAX_BYTES = 16 * 1024
_MODE = "pooling_mode_"
_NAMES: dict[str, Pooling] = {"cls_token": "cls", "mean_tokens": "mean", "max_tokens": "max"}


def read(folder: Path) -> Pooling | None:
    """Return the one way that is switched on; None without the file, for any other way, and for several at once."""
    try:
        path = (folder / FILE).resolve(strict=True)
        # A snapshot of the Hub links into its own cache, so that a link may leave the folder; what is read is a flag.
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
