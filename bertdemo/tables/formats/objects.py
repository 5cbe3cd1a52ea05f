"""JSON values as rows: nested fields get dotted names, lists stay JSON text unless none of a column has two items."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bertdemo.errors import TooManyColumns
from bertdemo.tables.formats import json_cell, without_surrogates
from bertdemo.tables.formats.header import Row
from bertdemo.tables.parse_options import Note, listed

# Levels of nesting that become dotted names; deeper values stay JSON text.
_DEPTH = 5


class Lists:
    """Finds columns whose values are lists of one item each, as some programs write a single label."""

    def __init__(self) -> None:
        self._single: Counter[str] = Counter()
        self._other: set[str] = set()

    def add(self, key: str, value: object) -> None:
        """Count one value; a missing one and an empty list do not count."""
        if value is None or value == []:
            return
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str | int | float):
            self._single[key] += 1
        else:
            self._other.add(key)

    @property
    def single(self) -> frozenset[str]:
        """Columns in which every value is such a list, and at least two are."""
        return frozenset(key for key, count in self._single.items() if count > 1) - self._other

    def notes(self) -> list[Note]:
        """Return a note with the columns that are unwrapped."""
        names = [without_surrogates(key) for key in self._single if key in self.single]
        return [Note("lists_unwrapped", {"count": len(names), "columns": listed(names)})] if names else []


def unwrapped(value: object) -> object:
    """Return the only item of a list; None for an empty one."""
    return (value[0] if value else None) if isinstance(value, list) else value


@dataclass(frozen=True)
class Keys:
    """The columns of objects, by their dotted names in order of first appearance."""

    names: tuple[str, ...]
    lists: Lists


def flat(item: Mapping[str, object], prefix: str = "", depth: int = 0) -> dict[str, object]:
    """Return {dotted name: value}; an empty object and what lies deeper than five levels stay as they are."""
    values: dict[str, object] = {}
    for key, value in item.items():
        if isinstance(value, dict) and value and depth < _DEPTH:
            values.update(flat(value, f"{prefix}{key}.", depth + 1))
        else:
            values[f"{prefix}{key}"] = value
    return values


def keys_of(items: Iterable[Mapping[str, object]], file: str, limit: int) -> Keys:
    """Return the columns of all items. Raises TooManyColumns."""
    keys: dict[str, None] = {}
    lists = Lists()
    for item in items:
        for key, value in flat(item).items():
            keys[key] = None
            lists.add(key, value)
        if len(keys) > limit:
            raise TooManyColumns(file=file, columns=len(keys), limit=limit)
    return Keys(tuple(keys), lists)


def rows_of(items: Iterable[tuple[int, Mapping[str, object]]], keys: Keys) -> Iterator[Row]:
    """Yield (number, cells)."""
    single = keys.lists.single
    for number, item in items:
        values = flat(item)
        cells = ((key, values.get(key)) for key in keys.names)
        yield number, [json_cell(unwrapped(value) if key in single else value) for key, value in cells]


def names_of(keys: Sequence[str]) -> list[str]:
    """Return the keys as column names."""
    return [without_surrogates(key) for key in keys]


def shape(value: object) -> str:
    """Return an abbreviated JSON value, short enough for a sentence."""
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
