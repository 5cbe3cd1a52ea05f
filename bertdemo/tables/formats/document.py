"""JSON documents: a list of objects, lists by column, splits by name, the tables that pandas writes, SQuAD."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bertdemo.errors import JsonBroken, JsonWithoutTable
from bertdemo.settings import Limits
from bertdemo.tables.annotations import exports, passages
from bertdemo.tables.annotations.exports import Item
from bertdemo.tables.formats import Grid, json_cell
from bertdemo.tables.formats.encoding import TextFile
from bertdemo.tables.formats.header import split_header
from bertdemo.tables.formats.jsonl import grid_of_objects, is_jsonl, read_jsonl
from bertdemo.tables.formats.objects import Lists, names_of, shape, unwrapped
from bertdemo.tables.parse_options import DetectedFormat, Note, ParseOptions
from bertdemo.tables.split_names import by_split, choose_split, split_name


def read_json(text: TextFile, name: str, limits: Limits, options: ParseOptions) -> Grid:
    """Return the grid of a JSON document; rows count from 1. Raises JsonBroken, JsonWithoutTable, SplitUnknown."""
    with text.open() as file:
        content = file.read().replace("\0", "\ufffd") if text.nul else file.read()
    if not content.strip():
        return Grid([], (), DetectedFormat(kind="json"))
    notes: list[Note] = []
    try:
        value = json.loads(content)
    except RecursionError:
        raise JsonBroken(file=name, line=1) from None
    except ValueError as error:
        if is_jsonl(text):
            return read_jsonl(text, name, limits.columns)
        value = _several(content)
        if value is None:
            raise JsonBroken(file=name, line=getattr(error, "lineno", 1)) from None
        notes = [Note("json_several", {"count": len(value)})]
    del content
    detected = DetectedFormat(kind="json", encoding=text.encoding, encoding_sure=text.sure)
    return _Document(name, limits, options).grid(value, detected, [*text.notes, *notes])


def _several(content: str) -> list[Any] | None:
    """Return JSON objects that follow one another without a comma; None where anything else is among them."""
    decoder, objects, at = json.JSONDecoder(), list[Any](), 0
    while at < len(content):
        try:
            value, at = decoder.raw_decode(content, at)
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, dict):
            return None
        objects.append(value)
        # White space, and a comma where the brackets were removed.
        at = next((end for end in range(at, len(content)) if content[end] not in " \t\r\n,"), len(content))
    return objects


class _Document:
    """Turns one parsed document into a grid."""

    def __init__(self, name: str, limits: Limits, options: ParseOptions) -> None:
        self._name, self._limits, self._options = name, limits, options

    def grid(self, value: object, detected: DetectedFormat, notes: list[Note], depth: int = 0) -> Grid:
        """Return the grid of a list, of columns, or of a table somewhere inside an object.

        Raises JsonWithoutTable.
        """
        if passages.are_passages(value):
            detected = replace(detected, kind="squad")
            return Grid(list(passages.COLUMNS), passages.questions_of(value), detected, notes=notes)
        if isinstance(value, list):
            return self._from_list(value, detected, notes)
        if not isinstance(value, dict):
            raise JsonWithoutTable(file=self._name, found=shape(value))
        if _is_pandas_split(value):  # as DataFrame.to_json(orient="split") writes it
            return self._from_list([value["columns"], *value["data"]], detected, notes)
        columns = _columns(value)
        if columns is not None:
            return _grid_of(columns, detected, notes)
        return self._inside(value, detected, notes, depth)

    def _inside(self, value: Mapping[str, Any], detected: DetectedFormat, notes: list[Note], depth: int) -> Grid:
        """Look for a table under the keys of an object, two levels down: splits by name, else the longest."""
        tables = [key for key, item in value.items() if _is_table(item)]
        named = [key for key in tables if split_name(key)]
        if len(named) > 1 or (named and len(tables) == 1):
            parts = by_split(named)
            chosen = choose_split(list(parts), self._options.split, self._name)
            detected = replace(detected, split=chosen, splits=tuple(parts))
            return self.grid(value[parts[chosen]], detected, notes, depth + 1)
        if tables:
            key = max(tables, key=lambda key: len(value[key]))
            return self.grid(value[key], detected, [*notes, Note("json_inside", {"under": key})], depth + 1)
        for key, item in value.items():
            # Two more levels: deeper objects are settings or metadata, and their lists no tables.
            if (
                isinstance(item, dict)
                and depth < 2
                and (passages.are_passages(item) or any(map(_is_table, item.values())))
            ):
                return self.grid(item, detected, [*notes, Note("json_inside", {"under": key})], depth + 1)
        raise JsonWithoutTable(file=self._name, found=shape(value))

    def _from_list(self, items: list[Any], detected: DetectedFormat, notes: list[Note]) -> Grid:
        if not items:
            return Grid([], (), detected)
        if all(isinstance(item, dict) for item in items):
            return self._from_objects(exports.sentences_of(items) or items, detected, notes)
        if exports.are_pairs(items):
            pairs = [exports.row_of_pair(item) for item in items if item is not None]
            return self._from_objects(pairs, detected, [*notes, Note("annotation_export", {"tool": "spaCy"})])
        if all(isinstance(item, str) for item in items):
            rows = ((number, [json_cell(item)]) for number, item in enumerate(items, start=1))
            return Grid(["text"], rows, detected, notes=notes)
        if all(isinstance(item, list) and not any(isinstance(cell, dict) for cell in item) for item in items):
            cells = ((number, [json_cell(cell) for cell in item]) for number, item in enumerate(items, start=1))
            headed = split_header(cells, self._name, self._options.header)
            detected = replace(detected, header_line=headed.line)
            return Grid(headed.names, headed.rows, detected, notes=[*notes, *headed.notes])
        raise JsonWithoutTable(file=self._name, found=shape(items))

    def _from_objects(self, items: Sequence[Item], detected: DetectedFormat, notes: list[Note]) -> Grid:
        return grid_of_objects(lambda: enumerate(items, start=1), self._name, self._limits.columns, detected, notes)


def _grid_of(columns: Mapping[str, Sequence[Any]], detected: DetectedFormat, notes: list[Note]) -> Grid:
    lists = Lists()
    for key, items in columns.items():
        for item in items:
            lists.add(key, item)
    single = [key in lists.single for key in columns]
    rows = enumerate(zip(*columns.values(), strict=True), start=1)
    cells = (
        (number, [json_cell(unwrapped(item) if alone else item) for item, alone in zip(row, single, strict=True)])
        for number, row in rows
    )
    return Grid(names_of(list(columns)), cells, detected, notes=[*notes, *lists.notes()])


def _has_table(value: Mapping[str, Any]) -> bool:
    return passages.are_passages(value) or any(map(_is_table, value.values()))


def _is_table(value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and (isinstance(value[0], dict) or exports.are_pairs(value))
    return isinstance(value, dict) and len(value) > 1 and _columns(value) is not None


def _columns(value: Mapping[str, Any]) -> Mapping[str, Sequence[Any]] | None:
    """Return the columns of {"text": [..], "label": [..]} and of {"text": {"0": ..}, ..}, or None."""
    items = list(value.values())
    if items and all(isinstance(item, list) for item in items):
        plain = len({len(item) for item in items}) == 1 and not any(split_name(key) for key in value)
        # A list of objects is a table of its own, not a column.
        return value if plain and not isinstance((items[0] or [None])[0], dict) else None
    if items and all(isinstance(item, dict) and item for item in items):
        keys = list(items[0])
        if all(key.isdigit() for key in keys) and all(list(item) == keys for item in items):
            return {name: list(item.values()) for name, item in value.items()}
    return None


def _is_pandas_split(value: Mapping[str, Any]) -> bool:
    columns, data = value.get("columns"), value.get("data")
    return isinstance(columns, list) and isinstance(data, list) and bool(data) and isinstance(data[0], list)
