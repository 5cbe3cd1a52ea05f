"""Numbers in a label column: class ids with one spelling each, or a quantity that no classifier can learn."""

from __future__ import annotations

import re
from collections.abc import Collection

# A number with a fraction, or without one as programs write it beside missing values: 1.0.
_NUMBER = re.compile(r"[-+]?\d*[.,]?\d+(?:[eE][-+]?\d+)?")
_WHOLE = re.compile(r"([-+]?\d+)[.,]0+")
# From so many different numbers with fractions on they are a quantity: ratings from 0.5 to 5 in half steps are ten.
_MOST_CLASSES = 10


def is_quantity(labels: Collection[str]) -> bool:
    """Return whether labels are too many different numbers with fractions to be classes: 0.13, 0.37, …"""
    if len(labels) <= _MOST_CLASSES or not all(map(_NUMBER.fullmatch, labels)):
        return False
    return any(not float(label.replace(",", ".")).is_integer() for label in labels)


def whole_numbers(labels: Collection[str]) -> dict[str, str]:
    """Return each label that is a whole number with zeros behind the point, and the number: 1.0 -> 1.

    Where other labels have a fraction, 2.0 stays what it is beside 1.5 unless 2 is there too.
    """
    whole = {label: match[1] for label in labels if (match := _WHOLE.fullmatch(label))}
    if all(label in whole or label.lstrip("+-").isdecimal() for label in labels):
        return whole
    return {label: number for label, number in whole.items() if number in labels}
