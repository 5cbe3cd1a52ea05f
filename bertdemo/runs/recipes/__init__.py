"""Recipes: named ways to train, as data. Which one is taken follows from the task, the rows per label and the model.

A recipe only sets fields of RunConfig; what it leaves open is chosen for the data by `request.resolve_defaults`. A
person can take another recipe, and change every field of any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from bertdemo.run_config import RunConfig

# Training rows per label, the mean, below which contrastive tuning is taken: docs/decisions/0014.
FEW_ROWS = 16


@dataclass(frozen=True)
class When:
    """The data and the models for which a recipe is taken unless another one is chosen."""

    fewest_rows: int = 0
    """Training rows per label, the mean."""
    below_rows: int | None = None
    most_parameters: int | None = None
    """Of the encoder."""

    def fits(self, rows_per_label: float, parameters: int) -> bool:
        """Return whether the recipe is meant for these numbers."""
        few = self.below_rows is None or rows_per_label < self.below_rows
        small = self.most_parameters is None or parameters <= self.most_parameters
        return rows_per_label >= self.fewest_rows and few and small


@dataclass(frozen=True)
class Recipe:
    """One way to train. Its name, its reason and its citation are under the locale key `recipe.<id>`."""

    id: str
    sets: Mapping[str, object]
    """Field of RunConfig -> value."""
    when: When = field(default_factory=When)
    needs_probe: bool = False
    """Whether the task must be one whose linear probe can be kept (`Task.can_freeze`)."""
    citation: str = ""


# In the order in which they are tried; the last one fits everything.
RECIPES: tuple[Recipe, ...] = (
    Recipe(
        id="few_shot",
        sets=MappingProxyType({"method": "contrastive"}),
        # Below two rows per label hardly any pair has one label. The published figures are of up to 110M parameters.
        when=When(fewest_rows=2, below_rows=FEW_ROWS, most_parameters=150_000_000),
        needs_probe=True,
        citation="Tunstall et al. 2022, arXiv:2209.11055",
    ),
    Recipe(
        id="standard",
        sets=MappingProxyType({"method": "fine_tune"}),
        citation="Devlin et al. 2019, arXiv:1810.04805",
    ),
)


def offered(can_probe: bool) -> tuple[Recipe, ...]:
    """Return the recipes of a task."""
    return tuple(recipe for recipe in RECIPES if can_probe or not recipe.needs_probe)


def recommended(can_probe: bool, rows_per_label: float, parameters: int) -> Recipe:
    """Return the recipe for these data and this model; `can_probe` is the task's `can_freeze`."""
    return next(recipe for recipe in offered(can_probe) if recipe.when.fits(rows_per_label, parameters))


def applied(config: RunConfig, can_probe: bool, rows_per_label: float, parameters: int) -> RunConfig:
    """Return the settings with the recommended recipe where the method was left open."""
    if config.method is not None:
        return config
    fields: dict[str, Any] = {**recommended(can_probe, rows_per_label, parameters).sets}
    return replace(config, **fields)


def named(config: RunConfig) -> Recipe | None:
    """Return the recipe that these settings follow; None for a linear probe, and where the method is still open."""
    followed = (it for it in RECIPES if all(getattr(config, name) == value for name, value in it.sets.items()))
    return next(followed, None)
