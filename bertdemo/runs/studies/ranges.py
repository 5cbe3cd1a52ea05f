"""The ranges of a search as a person typed them, in place of those that are offered.

What is typed is checked field by field as a setting is (RunConfig), and must include the default: it is the first
trial, with which all others are compared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bertdemo.errors import FieldNotChoice, FieldOutOfBounds, NothingToVary, RangeWithoutDefault
from bertdemo.run_config import RunConfig
from bertdemo.runs.studies.study import Dimension, Value

# Field -> what was typed: both ends of a range, the values of a list in one text, or the ticked choices.
Typed = Mapping[str, Sequence[object]]
# Fields with a lower and an upper end, and fields with a list of whole numbers; all others have choices to tick.
RANGES = ("learning_rate", "epochs", "dropout")
LISTS = ("batch_size", "layers")
_SEPARATORS = re.compile(r"[\s,;，、；]+")


def edited(dimension: Dimension, typed: Sequence[object], most: Mapping[str, int]) -> Dimension:
    """Return a dimension with what was typed; what is left empty stays as offered.

    `most` are upper bounds of these data and this model: field -> number. Raises FieldNotNumber, FieldOutOfBounds or
    FieldNotChoice for a value, NothingToVary for fewer than two, RangeWithoutDefault where the default is left out.
    """
    texts = ["" if it is None else str(it).strip() for it in typed]
    if not any(texts):
        return dimension
    if dimension.field in RANGES:
        return _range(dimension, *texts)
    if dimension.field in LISTS:
        return _list(dimension, " ".join(texts), most.get(dimension.field))
    return _choices(dimension, texts)


def _range(dimension: Dimension, low_text: str, high_text: str) -> Dimension:
    ends = (dimension.low, dimension.high)
    low, high = (
        end if not text else float(_value(dimension.field, text) or 0)
        for end, text in zip(ends, (low_text, high_text), strict=True)
    )
    if not low < high:
        raise NothingToVary(field=dimension.field)
    if not low <= float(dimension.default or 0) <= high:
        raise RangeWithoutDefault(field=dimension.field, default=f"{dimension.default:g}")
    return replace(dimension, low=low, high=high)


def _list(dimension: Dimension, text: str, most: int | None) -> Dimension:
    values = sorted({int(_value(dimension.field, part) or 0) for part in _SEPARATORS.split(text) if part})
    if most is not None and values and values[-1] > most:
        raise FieldOutOfBounds(field=dimension.field, value=f"{values[-1]}", low="1", high=f"{most}")
    _check(dimension, values)
    if dimension.kind == "int" and len(values) == values[-1] - values[0] + 1:  # no gap: numbers with an order
        return replace(dimension, low=values[0], high=values[-1])
    return replace(dimension, kind="choice", low=0.0, high=0.0, choices=tuple(values))


def _choices(dimension: Dimension, texts: Sequence[str]) -> Dimension:
    for text in texts:
        if text not in dimension.choices:
            offered = ", ".join(str(choice) for choice in dimension.choices)
            raise FieldNotChoice(field=dimension.field, value=text[:60], choices=offered)
    chosen = [choice for choice in dimension.choices if choice in texts]
    _check(dimension, chosen)
    return replace(dimension, choices=tuple(chosen))


def _check(dimension: Dimension, values: Sequence[Value]) -> None:
    if len(values) < 2:
        raise NothingToVary(field=dimension.field)
    if dimension.default not in values:
        raise RangeWithoutDefault(field=dimension.field, default=str(dimension.default))


def _value(field: str, text: str) -> Value:
    """Return a typed value of a setting; raises the ConfigError that says what is allowed."""
    value: Value = getattr(RunConfig.from_fields({field: text}), field)
    return value
