"""The base of every local `evaluate` module: it calls one function of `scores` with arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import datasets
import evaluate
import numpy as np

# Annotation of an argument in `scores` -> the feature type of one row of it.
_ROW_TYPES = {
    "Ints": datasets.Value("int64"),
    "Floats": datasets.Value("float64"),
    "Flags": datasets.Sequence(datasets.Value("int64")),
}


class ArrayMetric(evaluate.Metric):
    """Takes the arguments of `function` by name; an undefined value (nan) counts as 0."""

    function: ClassVar[Callable[..., float]]

    def _info(self) -> evaluate.MetricInfo:
        # {"predictions": ["Ints", "Flags"], ...}: a metric with two types takes either for all of its arguments.
        types = {name: kind.split(" | ") for name, kind in self.function.__annotations__.items() if name != "return"}
        signatures = [dict(zip(types, choice, strict=True)) for choice in zip(*types.values(), strict=True)]
        return evaluate.MetricInfo(
            description=str(type(self).__doc__),
            citation="",
            inputs_description=f"{', '.join(types)}: arrays of one length",
            features=[
                datasets.Features({name: _ROW_TYPES[kind] for name, kind in signature.items()})
                for signature in signatures
            ],
        )

    def _compute(self, **arrays: Sequence[Any]) -> dict[str, float]:
        value = type(self).function(**{name: np.asarray(cells) for name, cells in arrays.items()})
        return {self.function.__name__: 0.0 if math.isnan(value) else value}
