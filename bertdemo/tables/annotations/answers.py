"""The answer in a cell: a text, a list of right answers, or an object with texts and offsets."""

from __future__ import annotations

from collections.abc import Mapping

from bertdemo.tables.annotations.printed_lists import printed_list


def stated_answer(cell: str | None) -> tuple[str, int | None]:
    """Return (text, offset) of an answer, the first of several; "" for none, None for an offset that is not stated."""
    text = cell or ""
    stripped = text.strip()
    items = printed_list(f"[{stripped}]" if stripped.startswith("{") else stripped)
    if items is None:
        return text, None
    value = items[0] if items else ""
    if not isinstance(value, Mapping):
        return str(value), None
    offset = _first(value.get("answer_start", value.get("start")))
    return str(_first(value.get("text", value.get("answer"))) or ""), offset if isinstance(offset, int) else None


def _first(value: object) -> object:
    return (value[0] if value else None) if isinstance(value, list) else value
