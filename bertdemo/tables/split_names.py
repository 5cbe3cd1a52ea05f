"""Splits of a data set by their names: train, validation, test."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bertdemo.errors import SplitUnknown

# Words of file names and keys that name a split, in English and Chinese.
_WORDS = {
    "train": {"train", "training", "训练", "训练集"},
    "validation": {"validation", "valid", "val", "dev", "eval", "验证", "验证集"},
    "test": {"test", "testing", "heldout", "测试", "测试集"},
}


def split_name(name: str) -> str:
    """Return train, validation or test for a file's or key's name that contains such a word, else ""."""
    words = re.split(r"[^a-z\u4e00-\u9fff]+", name.casefold())
    return next((split for word in words for split, named in _WORDS.items() if word in named), "")


def by_split(names: Sequence[str]) -> dict[str, str]:
    """Return {split: name}; the key is the whole name where two would have the same split, or none."""
    splits = [split_name(name) or name for name in names]
    return {name if splits.count(split) > 1 else split: name for split, name in zip(splits, names, strict=True)}


def choose_split(splits: Sequence[str], requested: str, file: str) -> str:
    """Return the requested split; without a request the training split, else the first. Raises SplitUnknown."""
    if not requested:
        return next((split for split in splits if split_name(split) == "train"), splits[0])
    for split in splits:
        if requested in {split, split_name(split)} or split_name(requested) == split:
            return split
    raise SplitUnknown(file=file, split=requested[:60], splits=", ".join(splits[:20]))
