"""Parts of a data set by their names: train, validation, test."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bertdemo.errors import SplitUnknown

_NAMES = {
    "train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation",
    "dev": "validation", "eval": "validation", "test": "test", "testing": "test", "heldout": "test",
    "训练": "train", "训练集": "train", "验证": "validation", "验证集": "validation", "测试": "test", "测试集": "test",
}  # fmt: skip


def split_name(name: str) -> str:
    """Return train, validation or test for a file's or key's name that says so, else ""."""
    for word in re.split(r"[^a-z\u4e00-\u9fff]+", name.casefold()):
        if word in _NAMES:
            return _NAMES[word]
    return ""


def called(names: Sequence[str]) -> dict[str, str]:
    """Return {part: name}; a part is called by its whole name where two would be called the same, or nothing fits."""
    parts = [split_name(name) or name for name in names]
    return {name if parts.count(part) > 1 else part: name for part, name in zip(parts, names, strict=True)}


def choose_split(parts: Sequence[str], wanted: str, file: str) -> str:
    """Return the one that was asked for, else the training part, else the first. Raises SplitUnknown."""
    if wanted:
        found = [part for part in parts if wanted in {part, split_name(part)} or split_name(wanted) == part]
        if not found:
            raise SplitUnknown(file=file, split=wanted[:60], splits=", ".join(parts[:20]))
        return found[0]
    return next((part for part in parts if split_name(part) == "train"), parts[0])
