"""The sentence below the settings: which recipe is followed, and why."""

from __future__ import annotations

import pytest

from bertdemo.run_config import Method, RunConfig
from bertdemo.runs import recipes
from bertdemo.ui.fine_tune.html.recipe import render_recipe

SMALL = 22_700_000


@pytest.mark.parametrize(
    ("method", "rows", "words"),
    [
        ("contrastive", 8.4, ("Few-shot: 8 training rows per label.", "arXiv:2209.11055")),
        ("fine_tune", 200, ("Standard: 200 training rows per label are enough",)),
        ("fine_tune", 1, ("Standard: the encoder is fine-tuned",)),
        ("fine_tune", 8, ("Standard: Few-shot is recommended for 8 training rows per label.",)),
        ("contrastive", 200, ("Few-shot: Standard is recommended for 200 training rows per label.",)),
        ("regression", 8, ("Linear probe: Few-shot is recommended",)),
    ],
)
def test_the_recipe_says_why_or_which_other_one_is_recommended(
    method: Method, rows: float, words: tuple[str, ...]
) -> None:
    recommended = recipes.recommended(True, rows, SMALL)
    drawn = render_recipe(RunConfig(method=method), recommended, rows, "en")
    assert all(part in drawn for part in words), drawn


def test_it_is_said_in_chinese_too() -> None:
    drawn = render_recipe(RunConfig(method="contrastive"), recipes.recommended(True, 8, SMALL), 8, "zh")
    assert "少样本：每个标签只有 8 行训练数据" in drawn
