"""Readings of a table that are as good as each other, and columns that are given in part."""

from __future__ import annotations

from typing import Any

import pytest

from bertdemo import tasks
from bertdemo.dataset.dataset_cache import Preparation
from bertdemo.errors import ColumnsNotFound, LabelOrTaskMissing, ReadingsAmbiguous, RoleNotRead
from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.run_config import RunConfig
from bertdemo.runs.admission import resolve_columns
from bertdemo.runs.request import RunRequest
from bertdemo.tables.table import Table
from bertdemo.tasks.label_lists import FLAGS
from tests.tasks.test_column_meanings import OTHERS, TEXTS, counting, cycle, table


class Datasets:
    """The cache, with one table whatever is asked for."""

    def __init__(self, given: Table) -> None:
        self.given = given

    def table(self, preparation: Preparation) -> Table:
        return self.given


def resolved(given: Table, task: str = "", **columns: str) -> tuple[str, dict[str, str]]:
    datasets: Any = Datasets(given)
    request = RunRequest(task, columns, "bundled", RunConfig(), "t.csv", "t.csv")
    found, by_role, _ = resolve_columns(request, datasets)
    return found.id, by_role


CLEAR = (
    {"text": TEXTS, "label": cycle("a", "b"), "region": cycle("x", "y", "z")},
    {"text": TEXTS, "sentiment": cycle("a", "b"), "topic": cycle("x", "y", "z")},
    {"text": TEXTS, "id": counting(), "kind": cycle("a", "b", "c")},
    {"s1": TEXTS, "s2": OTHERS, "same": cycle("0", "1"), "region": cycle("x", "y", "z")},
    {"text": TEXTS, "rude": cycle("0", "1"), "loud": cycle("1", "1", "0")},
    {"text": TEXTS, "label_id": cycle("0", "1", "2"), "label_name": cycle("a", "b", "c")},
    {"query": cycle("NO_QUERY"), "text": TEXTS, "polarity": cycle("0", "4")},
)


@pytest.mark.parametrize("columns", CLEAR, ids=", ".join)
def test_a_clear_table_has_one_reading_and_it_is_the_guess(columns: dict[str, Any]) -> None:
    given = table(columns)
    (reading,) = tasks.readings(given)
    task = tasks.guess(given)
    assert (reading.task, dict(reading.columns)) == (task.id, task.columns(given))
    assert 0 < reading.confidence <= 1


ALIKE = (
    {"text": TEXTS, "emotion": cycle("joy", "fear"), "topic": cycle("food", "food", "cars", "cars")},
    {
        "Kommentar": TEXTS,
        "Ort": cycle("Kiel"),
        "Farbe": cycle("rot", "blau"),
        "Form": cycle("rund", "rund", "eckig", "eckig"),
    },
    {"评论": TEXTS, "话题": cycle("价格", "物流"), "情绪": cycle("高兴", "高兴", "生气", "生气")},
)


@pytest.mark.parametrize("columns", ALIKE, ids=", ".join)
def test_two_label_columns_of_which_nothing_chooses_one_are_two_readings(columns: dict[str, Any]) -> None:
    given = table(columns)
    first, second = tasks.readings(given)
    task = tasks.guess(given)
    assert (first.task, dict(first.columns)) == (task.id, task.columns(given))
    assert first.columns["label"] != second.columns["label"] and first.columns["text"] == second.columns["text"]
    with pytest.raises(ReadingsAmbiguous) as caught:
        resolved(given)
    # Either of them can be sent as it is.
    for reading, sent in zip((first, second), caught.value.readings, strict=True):
        assert sent == {"task": reading.task, "columns": dict(reading.columns)}
        assert resolved(given, reading.task, **reading.columns) == (reading.task, dict(reading.columns))
    for lang in LANGUAGES:
        assert second.columns["label"] in translate(lang, caught.value.message_key, **caught.value.values)


ENGLISH = ("Go on.", "It rains.", "He ran home.", "Nobody knows why.", "I see two cats.", "Where is my hat?")
FRENCH = ("Continue.", "Il pleut.", "Il a couru.", "Personne ne sait.", "Je vois deux chats.", "Où est mon chapeau ?")
NUMBERED = tuple(f"CC BY 4.0, from the collection of sentences, number {i} by reader {i % 7}" for i in range(60))
UNLABELED = (
    {"column 1": cycle(*(f"{text} {i}" for i in range(10) for text in ENGLISH)),
     "column 2": cycle(*(f"{text} {i}" for i in range(10) for text in FRENCH)),
     "column 3": cycle(*NUMBERED)},
    {"source_url": cycle(*(f"https://example.org/{i}" for i in range(60))), "morning": TEXTS, "evening": OTHERS},
    {"标题": OTHERS, "摘录": TEXTS},
)  # fmt: skip


@pytest.mark.parametrize("columns", UNLABELED, ids=", ".join)
def test_two_texts_without_a_label_are_read_by_each_task_that_needs_none(columns: dict[str, Any]) -> None:
    given = table(columns)
    texts = [name for name in columns if name not in {"column 3", "source_url"}]
    readings = tasks.readings(given)
    assert {reading.task for reading in readings} == {"search", "text_to_text"}
    assert all(list(reading.columns.values()) == texts and not reading.confidence for reading in readings)
    with pytest.raises(LabelOrTaskMissing) as caught:
        resolved(given)
    for sent in caught.value.readings:
        task, columns = str(sent["task"]), sent["columns"]
        assert resolved(given, task) == (task, columns)


def test_a_table_that_fits_nothing_has_no_reading() -> None:
    assert tasks.readings(table({"id": counting(), "n": counting(5)})) == ()


def test_no_more_than_three_readings_are_shown() -> None:
    columns = {f"kind {i}": cycle(*(f"{side} {i}" for side in "xy" for _ in range(i))) for i in range(1, 6)}
    assert len(tasks.readings(table({"text": TEXTS, **columns}))) == 3


def test_what_is_given_in_part_is_filled_by_the_guess() -> None:
    given = table(
        {
            "title": OTHERS,
            "body": TEXTS,
            "emotion": cycle("joy", "fear"),
            "topic": cycle("food", "food", "cars", "cars"),
        }
    )
    assert resolved(given, "classification", label="topic")[1]["label"] == "topic"
    assert resolved(given, label="topic") == ("classification", {"text": "body", "label": "topic"})
    assert resolved(given, label="topic", text="title") == ("classification", {"text": "title", "label": "topic"})
    # A guess never takes a column that a person gave to another role.
    assert resolved(given, "pair", text="body", label="topic")[1] == {"text": "body", "pair": "title", "label": "topic"}
    assert resolved(given, text="topic")[1] == {"text": "topic", "label": "emotion"}


def test_the_task_is_one_that_has_the_roles_that_are_given() -> None:
    pair = table({"s1": TEXTS, "s2": OTHERS, "same": cycle("0", "1")})
    assert resolved(pair, pair="s2") == ("pair", {"text": "s1", "pair": "s2", "label": "same"})
    assert resolved(pair, source="s2", target="s1") == ("text_to_text", {"source": "s2", "target": "s1"})
    flags = table({"note": TEXTS, "rude": cycle("0", "1"), "loud": cycle("1", "1", "0")})
    assert resolved(flags, "multi_label", text="note") == ("multi_label", {"text": "note", "label": FLAGS})
    assert resolved(flags, "multi_label", label=FLAGS) == ("multi_label", {"text": "note", "label": FLAGS})
    tasks.find("multi_label").check_columns(flags, {"text": "note", "label": FLAGS})


def test_a_column_for_a_role_that_the_task_lacks_is_refused() -> None:
    given = table({"text": TEXTS, "more": OTHERS, "label": cycle("a", "b")})
    with pytest.raises(RoleNotRead) as caught:
        resolved(given, "classification", pair="more")
    assert caught.value.values == {"argument": "pair", "task": "classification", "roles": "text, label"}


def test_a_role_that_no_column_is_left_for_is_named() -> None:
    with pytest.raises(ColumnsNotFound) as caught:
        resolved(table({"text": TEXTS, "n": counting()}), "classification", text="text")
    assert caught.value.values["role"] == "label"
