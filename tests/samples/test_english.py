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


TITLES = {
    "admiral", "aunt", "captain", "chef", "cousin", "dr", "father", "grandma", "judge", "king", "lady", "lord", "miss",
    "mr", "mrs", "ms", "nurse", "president", "prince", "princess", "professor", "queen", "sergeant", "sir", "sister",
    "uncle",
}  # fmt: skip
"""Words that stand before a name and are no part of it."""


def test_a_title_or_an_article_stands_before_the_span_of_a_name() -> None:
    firsts = [
        (tag, token.casefold().rstrip("."))
        for row in rows_of("entities_en.jsonl")
        for token, tag in zip(row["tokens"], row["tags"], strict=True)
        if tag.startswith("B-")
    ]
    assert [token for tag, token in firsts if token == "the" or (tag == "B-PER" and token in TITLES)] == []
    before = {token.casefold().rstrip(".") for row in rows_of("entities_en.jsonl") for token in row["tokens"]}
    assert len(before & TITLES) >= 10


LEADS = {
    "after", "as", "at", "because", "before", "behind", "by", "during", "for", "from", "in", "into", "of", "on",
    "opposite", "since", "so", "that", "to", "under", "until", "when", "while", "with", "within",
}  # fmt: skip
"""Prepositions and conjunctions; not "about", which belongs to the number after it ("about 465 degrees")."""
BOUND = ("at least", "at most")


def test_an_answer_is_whole_words_without_a_preposition_before_them() -> None:
    for row in rows_of("questions_en.jsonl"):
        answer, start = row["answer"], row["answer_start"]
        if start < 0:
            continue
        before, after = row["context"][:start], row["context"][start + len(answer) :]
        assert answer.startswith(BOUND) or answer.split()[0].casefold() not in LEADS, answer
        assert not before[-1:].isalnum() and not after[:1].isalnum(), answer
        assert answer.split()[-1].casefold() not in LEADS and answer[-1].isalnum(), answer


def test_an_answer_keeps_the_article_before_it() -> None:
    for row in rows_of("questions_en.jsonl"):
        before = row["context"][: max(row["answer_start"], 0)].split()
        # A number answers "how many" by itself: "most of the 1,400 sounds".
        counted = row["question"].startswith("How ")
        assert counted or before[-1:] not in (["a"], ["an"], ["the"]), row["answer"]
