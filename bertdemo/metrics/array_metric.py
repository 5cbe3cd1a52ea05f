"""What every local `evaluate` module is: the function of `scores` that it calls with arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import datasets
import evaluate
import numpy as np

_CELLS = {
    "Ints": datasets.Value("int64"),
    "Floats": datasets.Value("float64"),
    "Flags": datasets.Sequence(datasets.Value("int64")),
}
"""Type of an argument in `scores` -> a row of it."""


class ArrayMetric(evaluate.Metric):
    """Takes the arguments of `function` under their names; a value that is not defined counts 0."""

    function: ClassVar[Callable[..., float]]

    def _info(self) -> evaluate.MetricInfo:
        kinds = {name: kind.split(" | ") for name, kind in self.function.__annotations__.items() if name != "return"}
        choices = [dict(zip(kinds, choice, strict=True)) for choice in zip(*kinds.values(), strict=True)]
        return evaluate.MetricInfo(
            description=str(type(self).__doc__),
            citation="",
            inputs_description=f"{', '.join(kinds)}: arrays of one length",
            features=[datasets.Features({name: _CELLS[kind] for name, kind in one.items()}) for one in choices],
        )

    def _compute(self, **arrays: Sequence[Any]) -> dict[str, float]:
        value = type(self).function(**{name: np.asarray(cells) for name, cells in arrays.items()})
        return {self.function.__name__: 0.0 if math.isnan(value) else value}
