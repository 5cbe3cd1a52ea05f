"""The recipe that a training follows, and its reason, in one sentence below the settings."""

from __future__ import annotations

from bertdemo.i18n.translation import translate
from bertdemo.run_config import RunConfig
from bertdemo.runs import recipes
from bertdemo.runs.recipes import Recipe
from bertdemo.ui.html.primitives import caption, root


def render_recipe(config: RunConfig, recommended: Recipe, rows_per_label: float, lang: str) -> str:
    """Say which recipe is followed and why; of another one than the recommended, which that is."""
    followed = recipes.named(config)
    rows = int(rows_per_label)
    if followed is recommended:
        many = followed.when.below_rows is None and rows_per_label >= recipes.FEW_ROWS
        reason = "many" if many else "reason"
        words = translate(lang, f"recipe.{followed.id}.{reason}", rows=rows, citation=followed.citation)
        return root(caption(translate(lang, "recipe.line", name=recipe_name(followed, lang), reason=words)))
    name = recipe_name(followed, lang) if followed else translate(lang, "recipe.probe.name")
    other = translate(lang, "recipe.other", rows=rows, recommended=recipe_name(recommended, lang))
    return root(caption(translate(lang, "recipe.line", name=name, reason=other)))


def recipe_name(recipe: Recipe, lang: str) -> str:
    """Return the name of a recipe for people."""
    return translate(lang, f"recipe.{recipe.id}.name")
