"""Which recipe is taken for which data, and what the batches of contrastive tuning hold. No model, no page."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from bertdemo import tasks
from bertdemo.i18n.translation import has
from bertdemo.run_config import RunConfig, specs
from bertdemo.runs import recipes
from bertdemo.runs.recipes import contrastive
from bertdemo.runs.request import resolve_defaults

ROOT = Path(__file__).resolve().parents[2]
SMALL, BASE, LARGE = 22_700_000, 110_000_000, 335_000_000


@pytest.mark.parametrize(
    ("can_probe", "rows_per_label", "parameters", "name"),
    [
        (True, 8, SMALL, "few_shot"),
        (True, 15.9, BASE, "few_shot"),
        (True, 16, SMALL, "standard"),
        (True, 500, SMALL, "standard"),
        (True, 1.5, SMALL, "standard"),
        (True, 8, LARGE, "standard"),
        (False, 8, SMALL, "standard"),
    ],
)
def test_the_recipe_follows_from_the_task_the_rows_and_the_model(
    can_probe: bool, rows_per_label: float, parameters: int, name: str
) -> None:
    assert recipes.recommended(can_probe, rows_per_label, parameters).id == name


def test_every_recipe_sets_fields_that_there_are_and_has_its_words() -> None:
    fields = {spec.name for spec in specs()}
    for recipe in recipes.RECIPES:
        assert set(recipe.sets) <= fields and recipes.named(RunConfig(**recipe.sets)) is recipe  # type: ignore[arg-type]
        assert has(f"recipe.{recipe.id}.name") and has(f"recipe.{recipe.id}.reason") and recipe.citation
    assert recipes.named(RunConfig(method="regression")) is None


def test_a_method_that_was_chosen_is_left_alone() -> None:
    few = {"train_rows": 32, "parameters": SMALL, "suggested_length": 30, "labels": 4, "can_probe": True}
    assert resolve_defaults(RunConfig(), **few).method == "contrastive"
    assert resolve_defaults(RunConfig(method="fine_tune"), **few).epochs == 10
    typed = RunConfig(epochs=2, learning_rate=1e-5, batch_size=8, max_length=9)
    found = resolve_defaults(typed, **few)
    assert (found.epochs, found.learning_rate, found.batch_size, found.max_length) == (2, 1e-5, 8, 9)


@pytest.mark.parametrize("rows", [2, 32, 64, 65, 616, 5_000, 1_000_000])
def test_what_is_chosen_for_contrastive_tuning_is_within_the_bounds(rows: int) -> None:
    found = contrastive.resolve(RunConfig(method="contrastive"), rows, SMALL, 20)
    assert found.epochs is not None and 1 <= found.epochs <= 50
    assert found == RunConfig(**{spec.name: getattr(found, spec.name) for spec in specs()})


def test_a_small_set_is_whole_in_every_batch() -> None:
    assert list(contrastive.batches([0, 1, 0, 1], 64, 3, seed=1)) == [[0, 1, 2, 3]] * 3


def test_of_a_larger_set_each_batch_has_several_labels_with_several_rows() -> None:
    targets = [label for label in range(77) for _ in range(8)]
    drawn = list(contrastive.batches(targets, 64, 100, seed=1))
    for rows in drawn:
        labels = Counter(targets[row] for row in rows)
        assert len(rows) == len(set(rows)) == 64 and len(labels) >= 2 and min(labels.values()) >= 2
    seen = Counter(row for rows in drawn for row in rows)
    assert len(seen) == 616 and max(seen.values()) - min(seen.values()) <= 2
    assert (
        drawn == list(contrastive.batches(targets, 64, 100, seed=1)) != list(contrastive.batches(targets, 64, 100, 2))
    )


def test_a_label_with_few_rows_gives_those_it_has() -> None:
    targets = [0] * 100 + [1] * 2 + [2]
    for rows in contrastive.batches(targets, 16, 20, seed=3):
        assert len(rows) == len(set(rows)) and len({targets[row] for row in rows}) > 1


def test_the_table_of_recipes_names_every_task_and_what_it_offers() -> None:
    page = (ROOT / "docs/decisions/0014-few-shot-tunes-the-encoder-by-pairs.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([a-z_, ]+) \|", page, re.MULTILINE))
    assert rows == {
        task.id: ", ".join(recipe.id for recipe in recipes.offered(task.can_freeze)) for task in tasks.TASKS.values()
    }
