"""JSON values as rows: nested fields get dotted names, lists stay JSON text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from bertdemo.data.formats import json_cell, without_surrogates
from bertdemo.data.formats.header import Row
from bertdemo.errors import TooManyColumns

_DEPTH = 5


def flat(item: Mapping[str, object], prefix: str = "", depth: int = 0) -> dict[str, object]:
    """Return {dotted name: value}; an empty object and what lies deeper than five levels stay as they are."""
    found: dict[str, object] = {}
    for key, value in item.items():
        if isinstance(value, dict) and value and depth < _DEPTH:
            found.update(flat(value, f"{prefix}{key}.", depth + 1))
        else:
            found[f"{prefix}{key}"] = value
    return found


def keys_of(items: Iterable[Mapping[str, object]], file: str, limit: int) -> list[str]:
    """Return the dotted names of all items, in order of first appearance. Raises TooManyColumns."""
    keys: dict[str, None] = {}
    for item in items:
        for key in flat(item):
            keys[key] = None
        if len(keys) > limit:
            raise TooManyColumns(file=file, columns=len(keys), limit=limit)
    return list(keys)


def rows_of(items: Iterable[tuple[int, Mapping[str, object]]], keys: list[str]) -> Iterator[Row]:
    """Yield (number, cells)."""
    for number, item in items:
        values = flat(item)
        yield number, [json_cell(values.get(key)) for key in keys]


def names_of(keys: list[str]) -> list[str]:
    """Return the keys as column names."""
    return [without_surrogates(key) for key in keys]


def shape(value: object) -> str:
    """Return what a JSON value is, in the signs of JSON and short enough for a sentence."""
    if isinstance(value, dict):
        keys = [json.dumps(str(key)[:30], ensure_ascii=False) for key in list(value)[:8]]
        parts = [f"{key}: {_inner(item)}" for key, item in zip(keys, value.values(), strict=False)]
        return without_surrogates("{" + ", ".join(parts) + (", …" if len(value) > 8 else "") + "}")
    if isinstance(value, list):
        return without_surrogates("[" + ", ".join(map(_inner, value[:5])) + (", …" if len(value) > 5 else "") + "]")
    return without_surrogates(_inner(value))


def _inner(value: object) -> str:
    if isinstance(value, dict):
        return "{…}" if value else "{}"
    if isinstance(value, list):
        return "[…]" if value else "[]"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 30 else text[:29] + "…"
