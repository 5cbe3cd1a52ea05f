"""A list in one cell: JSON, or as Python and NumPy print it (`['EU', 'rejects']`, `['EU' 'rejects']`)."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

# A quoted item, or one without quotation marks and without a space; then a comma, white space or the end.
_ITEM = re.compile(
    r"""\s*(?P<item>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s,\[\]{}()'"]+)\s*(?P<comma>,?)""",
    re.DOTALL,
)
# Python refuses to parse numbers of thousands of digits.
_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)
# NumPy prints this in place of the middle of a long array.
_LEFT_OUT = "..."


def printed_list(cell: str) -> list[Any] | None:
    """Return the list that a cell contains, None where it is no list or was printed in part only."""
    text = cell.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _items(text[1:-1]) if "[" not in text[1:-1] or "{" not in text else _nested(text)
    return value if isinstance(value, list) else None


def _items(inside: str) -> list[Any] | None:
    """Return the items of a flat list. `ast` would glue the neighbors of a list that is printed without commas."""
    items: list[Any] = []
    end = 0
    while end < len(inside.rstrip()):
        match = _ITEM.match(inside, end)
        if match is None:
            return _nested(f"[{inside}]")
        item = _value(match["item"])
        if item is None or item == _LEFT_OUT:
            return None
        items.append(item)
        end = match.end()
    return items


def _value(item: str) -> str | int | None:
    if item[0] in "'\"" and "\\" not in item:
        return item[1:-1]
    if item[0] in "'\"":
        try:
            value = ast.literal_eval(item)
        except (ValueError, SyntaxError):
            return None
        return value if isinstance(value, str) else None
    return int(item) if _NUMBER.fullmatch(item) else item


def _nested(text: str) -> list[Any] | None:
    """Return lists or objects in a list, as Python prints them."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    return json_like(value) if isinstance(value, list) else None


def json_like(value: Any) -> Any:
    """Return a value with lists in place of tuples."""
    if isinstance(value, list | tuple):
        return [json_like(item) for item in value]
    return {key: json_like(item) for key, item in value.items()} if isinstance(value, dict) else value
