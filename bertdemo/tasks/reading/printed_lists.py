"""Lists in a cell as programs print them: JSON, Python lists, tuples and sets, NumPy arrays, Java's toString."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

# No list of labels is longer, and the parser of Python literals takes memory with the length.
_LONGEST = 20_000
_BRACKETS = {"[": "]", "(": ")", "{": "}"}
# NumPy prints no commas: ['a' 'b'], which Python would read as one text, 'ab'.
_QUOTED = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""")
_NUMPY = re.compile(r"""[\[(](?:\s*(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))+\s*[\])]""")
_NUMPY_NUMBERS = re.compile(r"\[\s*-?\d+\.?(?:\s+-?\d+\.?)*\s*\]")
# Words without quotation marks between brackets: [drama, war].
_PLAIN = re.compile(r"\[[^\[\]{}()\"':]*\]")


def list_of(cell: str) -> list[Any] | None:
    """Return the list that a cell contains, None where it is not a list."""
    text = cell.strip()
    if len(text) < 2 or len(text) > _LONGEST or _BRACKETS.get(text[0]) != text[-1]:
        return None
    if _NUMPY.fullmatch(text):
        return [single or double for single, double in _QUOTED.findall(text)]
    if _NUMPY_NUMBERS.fullmatch(text) and " " in text.strip("[ ]"):
        return [int(float(number)) for number in text.strip("[]").split()]
    value = _literal(text)
    if isinstance(value, list | tuple | set | frozenset):
        return sorted(value, key=str) if isinstance(value, set | frozenset) else list(value)
    return [part.strip() for part in text[1:-1].split(",") if part.strip()] if _PLAIN.fullmatch(text) else None


def _literal(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
