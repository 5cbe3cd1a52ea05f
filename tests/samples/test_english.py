"""What the English samples must not teach: labels that follow from a shortcut, or spans without a rule."""

from __future__ import annotations

from collections import Counter
from itertools import product

from tests.samples.test_samples import WORD, rows_of

Row = dict[str, str]


def overlap(row: Row) -> float:
    """The share of the words of a pair that stand in both of its texts."""
    left, right = (set(WORD.findall(row[column].casefold())) for column in ("text", "pair"))
    return len(left & right) / len(left | right)


def test_the_label_of_a_pair_does_not_follow_from_the_words_that_both_texts_share() -> None:
    rows = rows_of("pairs_en.csv")
    same = [overlap(row) for row in rows if row["label"] == "same"]
    different = [overlap(row) for row in rows if row["label"] == "different"]
    wins = [(left > right) + (left == right) / 2 for left, right in product(same, different)]
    assert abs(sum(wins) / len(wins) - 0.5) <= 0.15
    assert sum(share >= 0.5 for share in same) >= 50
    assert sum(share <= 0.1 for share in different) >= 50


def test_scores_fall_between_the_steps_like_the_average_of_a_group() -> None:
    scores = Counter(row["score"] for row in rows_of("similarity_en.csv"))
    halves = sum(count for score, count in scores.items() if float(score) * 2 % 1 == 0)
    assert len(scores) >= 30 and halves <= scores.total() / 4
    # The one score that people agree on without a doubt is that of two texts with nothing in common.
    assert max(count for score, count in scores.items() if float(score)) <= scores.total() / 12
