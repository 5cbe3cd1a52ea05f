"""The bundled data sets: enough of each, nothing twice, and their columns are found without help."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from bertdemo import tasks
from bertdemo.samples import FOLDER, Sample, all_samples, find, offered, sample_path
from bertdemo.settings import PUBLIC_LIMITS
from bertdemo.tables.table_files import read
from bertdemo.tasks.roles import LABEL, TEXT, detect

ROLES = (TEXT, LABEL)

WANTED = {"support_en": 300, "reviews_en": 240, "reviews_zh": 240, "intents_zh": 180}
SUPPORT = {"account", "complaint", "delivery", "payment", "product_question", "return"}
LABELED = {
    "support_en": ("text", "intent", SUPPORT),
    "reviews_en": ("review", "sentiment", {"negative", "positive"}),
    "reviews_zh": ("评论", "情感", {"好评", "差评"}),
    "intents_zh": ("文本", "意图", {"报修", "缴费", "停车", "门禁", "投诉", "装修"}),
}
"""Sample -> its columns of text and label, and its labels."""


@pytest.mark.parametrize("sample", all_samples(), ids=lambda sample: sample.id)
def test_the_task_of_a_sample_is_the_one_that_its_table_is_taken_for(sample: Sample) -> None:
    table = read(sample_path(sample.id), sample.file, PUBLIC_LIMITS)
    task = tasks.guess(table)
    assert task.id == sample.task
    columns = task.columns(table)
    task.check(table, columns, label_limit=PUBLIC_LIMITS.labels)
    assert [problem for problem in task.problems(table, columns) if problem.level != "pass"] == []


@pytest.mark.parametrize("name", LABELED)
def test_a_sample_reads_without_a_note_and_its_columns_are_found(name: str) -> None:
    text, label, _ = LABELED[name]
    table = read(sample_path(name), find(name).file, PUBLIC_LIMITS)
    assert table.notes == ()
    assert detect(table, ROLES) == {"text": text, "label": label}
    assert tuple(table.columns) == (text, label)


@pytest.mark.parametrize("name", LABELED)
def test_a_sample_has_enough_rows_of_every_label_and_none_twice(name: str) -> None:
    text, label, labels = LABELED[name]
    table = read(sample_path(name), find(name).file, PUBLIC_LIMITS)
    texts = ["".join(str(text).split()).casefold() for text in table.columns[text]]
    counts = Counter(table.columns[label])
    assert table.rows >= WANTED[name] and len(set(texts)) == table.rows
    assert set(counts) == labels
    assert max(counts.values()) <= 1.2 * min(counts.values())


def test_there_is_one_sample_for_each_promise_and_they_come_in_order() -> None:
    assert set(LABELED) == set(WANTED) and len(SUPPORT) == 6
    assert {sample.file for sample in all_samples() if sample.id not in LABELED} == set(FILES)
    assert [sample.id for sample in all_samples()] == [
        "support_en", "reviews_en", "reviews_zh", "topics_en", "pairs_en", "similarity_en", "entities_en",
        "questions_en", "rewrite_en", "pairs_zh", "entities_zh", "questions_zh", "intents_zh",
        "topics_zh", "similarity_zh",
    ]  # fmt: skip


def test_every_file_of_the_folder_is_a_sample_and_an_unknown_one_is_none() -> None:
    paths = {path for path in FOLDER.iterdir() if path.suffix not in {".py", ""}}
    assert {sample.path for sample in all_samples()} == paths
    with pytest.raises(KeyError):
        find("support")


WORD = re.compile(r"[一-鿿]|[^\W_一-鿿]+(?:['’-][^\W_一-鿿]+)*")
NEAR = 0.8

TOPICS = {"billing", "delivery", "quality", "staff", "app", "returns"}
ENTITIES = {"entities_en.jsonl": (160, 60), "entities_zh.jsonl": (160, 80)}
PAIRS = {
    "pairs_en.csv": (("text", "pair", "label"), {"same", "different"}, 150),
    "pairs_zh.csv": (("句子1", "句子2", "标签"), {"相同", "不同"}, 160),
}
QUESTIONS = {"questions_en.jsonl": (150, 35, 15), "questions_zh.jsonl": (155, 40, 17)}
"""Least number of questions and of passages, and about how many questions have no answer."""
SINGLE = {"topics_en.csv": ("text",), "topics_zh.csv": ("文本",), "rewrite_en.csv": ("source", "target")}
SCORED = {"similarity_en.csv": ("text", "pair"), "similarity_zh.csv": ("句子1", "句子2")}
COLUMNS = {**SINGLE, **SCORED, **{name: wanted[0][:2] for name, wanted in PAIRS.items()}}
FILES = (*COLUMNS, *ENTITIES, *QUESTIONS)


def rows_of(name: str) -> list[dict[str, Any]]:
    text = sample_path(Path(name).stem).read_text(encoding="utf-8")
    if name.endswith(".jsonl"):
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text), strict=True))


def texts_of(name: str) -> list[tuple[str, ...]]:
    """The texts of each row that must not come again in another row."""
    rows = rows_of(name)
    if name in ENTITIES:
        return [(" ".join(row["tokens"]),) for row in rows]
    if name in QUESTIONS:
        return [(row["question"],) for row in rows]
    return [tuple(row[column] for column in COLUMNS[name]) for row in rows]


def near(texts: list[tuple[str, ...]]) -> list[tuple[str, str]]:
    """The pairs of texts from two different rows that share nearly all of their words."""
    bags = [[(text, set(WORD.findall(text.casefold()))) for text in row] for row in texts]
    return [
        (one, other)
        for first, second in combinations(bags, 2)
        for one, left in first
        for other, right in second
        if len(left & right) >= NEAR * len(left | right)
    ]


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_samples_is_plain_utf_8_with_one_kind_of_line_end(name: str) -> None:
    data = sample_path(Path(name).stem).read_bytes()
    assert b"\r" not in data and not data.startswith(b"\xef\xbb\xbf")
    assert data.endswith(b"\n") and not data.endswith(b"\n\n")
    assert "\ufffd" not in data.decode("utf-8")


@pytest.mark.parametrize("name", FILES)
def test_no_text_of_a_file_is_empty_or_has_spaces_at_its_ends(name: str) -> None:
    texts = [text for row in texts_of(name) for text in row]
    assert all(text and text == text.strip() for text in texts)


@pytest.mark.parametrize("name", FILES)
def test_no_two_texts_of_a_file_are_nearly_the_same(name: str) -> None:
    assert near(texts_of(name)) == []


def test_messages_have_known_topics_and_enough_of_each() -> None:
    rows = rows_of("topics_en.csv")
    topics = [row["topics"].split("|") if row["topics"] else [] for row in rows]
    counts = Counter(topic for some in topics for topic in some)
    sizes = Counter(len(some) for some in topics)
    assert len(rows) >= 155 and list(rows[0]) == ["text", "topics"]
    assert set(counts) == TOPICS and min(counts.values()) >= 25
    assert all(len(set(some)) == len(some) for some in topics)
    assert 1 <= sizes[0] <= 6 and set(sizes) == {0, 1, 2, 3}
    assert 0.4 <= (sizes[2] + sizes[3]) / len(rows) <= 0.6


@pytest.mark.parametrize("name", ENTITIES)
def test_every_token_has_a_tag_and_entities_begin_with_b(name: str) -> None:
    for row in rows_of(name):
        tokens, tags = row["tokens"], row["tags"]
        assert list(row) == ["tokens", "tags"] and len(tokens) == len(tags) > 0
        assert all(token and not re.search(r"\s", token) for token in tokens)
        for before, tag in zip(["O", *tags], tags, strict=False):
            assert re.fullmatch(r"O|[BI]-(PER|ORG|LOC)", tag)
            assert not tag.startswith("I-") or before in {f"B-{tag[2:]}", tag}


@pytest.mark.parametrize("name", ENTITIES)
def test_there_are_enough_entities_of_each_type_and_sentences_without_any(name: str) -> None:
    wanted, each = ENTITIES[name]
    rows = rows_of(name)
    counts = Counter(tag for row in rows for tag in row["tags"])
    assert len(rows) >= wanted
    assert min(counts[f"B-{type_}"] for type_ in ("PER", "ORG", "LOC")) >= each
    assert min(counts[f"I-{type_}"] for type_ in ("PER", "ORG", "LOC")) >= 20
    assert 8 <= sum(set(row["tags"]) == {"O"} for row in rows) <= 20


def test_a_chinese_token_is_one_character_or_one_latin_word() -> None:
    tokens = {token for row in rows_of("entities_zh.jsonl") for token in row["tokens"]}
    assert all(len(token) == 1 or re.fullmatch(r"[A-Za-z]+|[0-9]+", token) for token in tokens)


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_have_known_labels_about_half_each(name: str) -> None:
    columns, labels, wanted = PAIRS[name]
    rows = rows_of(name)
    counts = Counter(row[columns[2]] for row in rows)
    assert len(rows) >= wanted and tuple(rows[0]) == columns
    assert set(counts) == labels and max(counts.values()) <= 1.1 * min(counts.values())
    assert all(row[columns[0]] != row[columns[1]] for row in rows)


def test_scores_lie_on_the_scale_and_use_all_of_it() -> None:
    rows = rows_of("similarity_en.csv")
    counts = Counter(round(float(row["score"])) for row in rows)
    assert len(rows) >= 160 and list(rows[0]) == ["text", "pair", "score"]
    assert all(re.fullmatch(r"[0-4](\.[1-9])?|5", row["score"]) for row in rows)
    assert set(counts) == set(range(6)) and min(counts.values()) >= 15


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_stands_in_its_passage_where_the_row_says(name: str) -> None:
    for row in rows_of(name):
        answer, start = row["answer"], row["answer_start"]
        assert list(row) == ["question", "context", "answer", "answer_start"]
        if start == -1:
            assert answer == ""
        else:
            assert answer and row["context"][start : start + len(answer)] == answer


@pytest.mark.parametrize("name", QUESTIONS)
def test_each_passage_is_asked_a_few_times_and_some_questions_have_no_answer(name: str) -> None:
    wanted, passages, without = QUESTIONS[name]
    rows = rows_of(name)
    counts = Counter(row["context"] for row in rows)
    assert len(rows) >= wanted and len(counts) >= passages
    assert set(counts.values()) <= {3, 4, 5}
    assert abs(sum(row["answer_start"] == -1 for row in rows) - without) <= 2
    assert near([(context,) for context in counts]) == []


def test_an_english_passage_has_40_to_120_words() -> None:
    lengths = {len(row["context"].split()) for row in rows_of("questions_en.jsonl")}
    assert min(lengths) >= 40 and max(lengths) <= 120


def test_a_rewriting_is_one_sentence_and_shorter_than_its_source() -> None:
    rows = rows_of("rewrite_en.csv")
    assert len(rows) >= 155 and list(rows[0]) == ["source", "target"]
    for row in rows:
        assert len(row["target"].split()) < len(row["source"].split())
        assert re.fullmatch(r"[^.?!]+[.?!]", row["target"])


@pytest.mark.parametrize(
    ("language", "chinese_model", "first"),
    [("en", True, "en"), ("en", False, "en"), ("zh", True, "zh"), ("zh", False, "en")],
)
def test_samples_in_the_readers_language_come_first_where_a_model_reads_it(
    language: str, chinese_model: bool, first: str
) -> None:
    found = offered(language, chinese_model=chinese_model)
    assert set(found) == set(all_samples())
    languages = [sample.language for sample in found]
    assert languages == sorted(languages, key=lambda name: name != first)
