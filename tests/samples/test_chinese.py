"""The Chinese samples keep the rules of their authors: what is tagged, what is an answer, what gives nothing away."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import correlation
from typing import Any

import pytest

from bertdemo.samples import all_samples, sample_path

Row = dict[str, Any]

# A held-out part of 10% is then at least 15 rows, the smallest part whose score says something.
LEAST = 150
CHINESE = [sample for sample in all_samples() if sample.language == "zh"]
CHARACTER = re.compile(r"[一-鿿]|[A-Za-z]+|[0-9]+")
HONORIFIC = re.compile(
    r"教授|医生|老师|奶奶|法官|董事长|校长|小姐|姐|外婆|主任|阿姨|警官|大夫|院士|师傅|经理|太太|书记|镇长|律师|矿长|表哥|表弟"
)
TOPICS = ("老师", "内容", "作业", "平台", "服务", "价格")


def rows_of(id: str) -> list[Row]:
    path: Path = sample_path(id)
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text), strict=True))


def overlap(row: Row) -> float:
    """The Jaccard index of the characters of both sentences."""
    left, right = (set(CHARACTER.findall(row[column])) for column in ("句子1", "句子2"))
    return len(left & right) / len(left | right)


def area(higher: Sequence[float], lower: Sequence[float]) -> float:
    """How often a value of `higher` exceeds one of `lower`, ties counted half: the AUC."""
    won = sum((one > other) + (one == other) / 2 for one in higher for other in lower)
    return won / (len(higher) * len(lower))


def ranks(values: Sequence[float]) -> list[float]:
    """The rank of each value; equal ones share the mean of theirs."""
    order = sorted(values)
    return [order.index(value) + (order.count(value) - 1) / 2 for value in values]


def entities(row: Row) -> list[tuple[str, str, str]]:
    """The spans of a row: type, text, and the text right after it."""
    tokens, tags = row["tokens"], row["tags"]
    starts = [place for place, tag in enumerate(tags) if tag.startswith("B-")]
    ends = [next((i for i in range(start + 1, len(tags)) if tags[i][0] != "I"), len(tags)) for start in starts]
    return [
        (tags[start][2:], "".join(tokens[start:end]), "".join(tokens[end:]))
        for start, end in zip(starts, ends, strict=True)
    ]


@pytest.mark.parametrize("id", [sample.id for sample in CHINESE])
def test_a_chinese_sample_has_enough_rows_and_none_twice(id: str) -> None:
    texts = ["".join(re.findall(r"\w", json.dumps(row, ensure_ascii=False).casefold())) for row in rows_of(id)]
    assert len(texts) >= LEAST and len(set(texts)) == len(texts)


@pytest.mark.parametrize("id", [sample.id for sample in CHINESE])
def test_a_chinese_sample_has_chinese_punctuation(id: str) -> None:
    texts = [cell for row in rows_of(id) for cell in row.values() if isinstance(cell, str)]
    assert [text for text in texts if re.search(r"[一-鿿][,;:?!]", text)] == []


def test_shared_characters_do_not_tell_whether_a_pair_is_the_same() -> None:
    shares: dict[str, list[float]] = {"相同": [], "不同": []}
    for row in rows_of("pairs_zh"):
        shares[row["标签"]].append(overlap(row))
    assert abs(area(shares["相同"], shares["不同"]) - 0.5) <= 0.15
    # Both labels have pairs that share most characters and pairs that share few.
    for values in shares.values():
        assert sum(value >= 0.5 for value in values) >= 25 and sum(value <= 0.2 for value in values) >= 25


def test_a_name_is_tagged_without_title_or_word_for_kin() -> None:
    people = [name for row in rows_of("entities_zh") for type_, name, _ in entities(row) if type_ == "PER"]
    assert [name for name in people if HONORIFIC.search(name)] == []


def test_a_surname_before_a_title_is_tagged_alone() -> None:
    titled = [
        name
        for row in rows_of("entities_zh")
        for type_, name, after in entities(row)
        if type_ == "PER" and HONORIFIC.match(after)
    ]
    assert sum(len(name) == 1 for name in titled) >= 15 and any(len(name) > 1 for name in titled)


def test_a_place_is_tagged_whole() -> None:
    after = [rest for row in rows_of("entities_zh") for type_, _, rest in entities(row) if type_ == "LOC"]
    assert [rest for rest in after if re.match(r"[港省市县区江河湖山岛湾]", rest)] == []


def test_an_answer_is_a_bare_span() -> None:
    answers = [row["answer"] for row in rows_of("questions_zh") if row["answer"]]
    assert [answer for answer in answers if re.match(r"因为|由于|这样|所以|大约|[，。、]", answer)] == []
    assert [answer for answer in answers if re.search(r"[，。、；：左右]$|左右", answer)] == []
    # The longest is a title of a place: more would be a clause.
    assert max(len(answer) for answer in answers) <= 10


def test_every_topic_of_the_course_feedback_is_frequent_and_topics_combine() -> None:
    labels = [row["主题"].split("|") for row in rows_of("topics_zh")]
    counts = Counter(topic for some in labels for topic in some)
    assert set(counts) == set(TOPICS) and min(counts.values()) >= 30
    assert {len(some) for some in labels} == {1, 2, 3}
    assert len({tuple(some) for some in labels}) > 10
    assert all(some == sorted(set(some), key=TOPICS.index) for some in labels)


def test_scores_are_means_of_several_readers_and_lie_unevenly() -> None:
    scores = [float(row["相似度"]) for row in rows_of("similarity_zh")]
    steps = Counter(int(score) for score in scores)
    assert min(scores) == 0 and max(scores) <= 5 and len(set(scores)) >= 30
    assert all(re.fullmatch(r"[0-5]\.\d", row["相似度"]) for row in rows_of("similarity_zh"))
    assert max(Counter(scores).values()) <= 0.05 * len(scores)
    assert max(steps[step] for step in range(5)) >= 1.3 * min(steps[step] for step in range(5))


def test_shared_characters_do_not_give_the_similarity_away() -> None:
    rows = rows_of("similarity_zh")
    shares = ranks([overlap(row) for row in rows])
    scores = ranks([float(row["相似度"]) for row in rows])
    assert 0.2 <= correlation(shares, scores) <= 0.7
