"""Which task a table is for and which column has which role, whatever the columns are called."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest

from bertdemo import tasks
from bertdemo.tables.table import Table
from bertdemo.tasks.label_lists import FLAGS

ROWS = 36
PLACES = ("harbor", "orchard", "station", "library", "bakery", "quarry")
TEXTS = tuple(f"We walked {i} times around the {PLACES[i % 6]} before it rained" for i in range(ROWS))
OTHERS = tuple(f"Nobody had seen the {PLACES[i % 5]} since the fair of the year {i}" for i in range(ROWS))
SHORT = tuple(f"It rained at the {PLACES[i % 6]} again, {i}" for i in range(ROWS))


def cycle(*values: str | None) -> tuple[str | None, ...]:
    return tuple(itertools.islice(itertools.cycle(values), ROWS))


def table(columns: dict[str, Iterable[str | None]]) -> Table:
    return Table("t.csv", {name: tuple(cells) for name, cells in columns.items()}, tuple(range(2, ROWS + 2)))


def counting(first: int = 0, step: int = 1) -> tuple[str, ...]:
    return tuple(str(first + step * i) for i in range(ROWS))


def guessed(columns: dict[str, Iterable[str | None]]) -> tuple[str, dict[str, str]]:
    given = table(columns)
    task = tasks.guess(given)
    return task.id, task.columns(given)


PAIRED = {"text": "sentence1", "pair": "sentence2", "label": "label"}


@pytest.mark.parametrize(
    "number",
    [
        {"idx": counting()},
        {"index": counting(1)},
        {"Time": counting(100, 3)},
        {"score": counting()},
        {"pair_ID": cycle(*counting(7001, 17))},
        {"qid1": tuple(str(4000 + i // 2) for i in range(ROWS))},
        {"#1 ID": tuple(str(900_000 - 37 * i) for i in range(ROWS))},
        {"Nummer": tuple(reversed(counting()))},
        {"序号": counting(1)},
    ],
    ids=lambda number: next(iter(number)),
)
def test_a_number_that_counts_or_identifies_the_rows_is_neither_score_nor_label(number: dict[str, tuple[str]]) -> None:
    pair = {"sentence1": TEXTS, "sentence2": OTHERS, "label": cycle("0", "1")}
    assert guessed({**number, **pair}) == ("pair", PAIRED)
    assert guessed({**pair, **number}) == ("pair", PAIRED)
    (name,) = number
    columns = guessed({**number, "text": TEXTS, "kind": cycle("a", "b", "c")})
    assert columns == ("classification", {"text": "text", "label": "kind"})
    assert guessed({"text": TEXTS, "kind": cycle("a", "b"), **number})[1]["label"] != name


@pytest.mark.parametrize(
    ("first", "second", "label", "values"),
    [
        ("question1", "question2", "is_duplicate", ("0", "1")),
        ("#1 String", "#2 String", "Quality", ("1", "0")),
        ("premise", "hypothesis", "gold_label", ("entailment", "neutral", "contradiction")),
        ("question", "passage", "answer", ("true", "false")),
        ("Satz A", "Satz B", "Urteil", ("ja", "nein")),
        ("phrase 1", "phrase 2", "relation", ("oui", "non")),
        ("句子一", "句子二", "是否相似", ("是", "否")),
        ("claim", "evidence", "verdict", ("supported", "refuted")),
        ("s1", "s2", "same", ("True", "False")),
        ("textA", "textB", "class", ("0", "1", "2", "3", "4")),
    ],
)
def test_two_texts_whose_names_belong_together_are_a_pair(
    first: str, second: str, label: str, values: tuple[str, ...]
) -> None:
    columns = {"id": counting(), first: TEXTS, second: OTHERS, "title": cycle(*PLACES), label: cycle(*values)}
    assert guessed(columns) == ("pair", {"text": first, "pair": second, "label": label})
    turned = {label: cycle(*values), second: OTHERS, first: TEXTS}
    assert guessed(turned) == ("pair", {"text": first, "pair": second, "label": label})


def test_the_judgments_of_several_people_and_parse_trees_do_not_hide_the_pair() -> None:
    trees = {f"sentence{i}_parse": tuple(f"(S (NP {text}) (VP {text}))" for text in TEXTS) for i in (1, 2)}
    votes = cycle('["yes", "no"]', '["yes"]', '["no", "no"]')
    columns = {"votes": votes, **trees, "sentence1": TEXTS, "sentence2": OTHERS, "gold_label": cycle("yes", "no")}
    assert guessed(columns) == ("pair", {**PAIRED, "label": "gold_label"})


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Ähnlichkeit", ("0,0", "0,8", "3,5", "4,2", "5,0")),
        ("similarity_score", ("1", "2", "3", "4", "5")),
        ("相似度", ("0.1", "0.9", "0.45", "0.7")),
        ("puntuación", ("1,5", "2,25", "4,75", "3")),
        ("relatedness", ("1.0", "2.5", "4.0", "5.0")),
    ],
)
def test_numbers_of_two_texts_are_scores_with_a_point_or_a_comma(name: str, values: tuple[str, ...]) -> None:
    columns = {"Nr.": counting(1), "Satz 1": TEXTS, "Satz 2": OTHERS, name: cycle(*values)}
    assert guessed(columns) == ("similarity", {"text": "Satz 1", "pair": "Satz 2", "label": name})


@pytest.mark.parametrize(
    ("text", "label", "values"),
    [
        ("Kommentar", "Kategorie", ("Lob", "Tadel", "Frage")),
        ("texte du message", "étiquette", ("spam", "normal")),
        ("comentario", "categoría de queja", ("envío", "precio")),
        ("评论内容", "情感标签", ("好评", "差评")),
        ("评价内容", "星级", ("1", "2", "3", "4", "5")),
        ("reviewText", "overall_rating", ("1", "2", "3", "4", "5")),
        ("tweet_text", "airline_sentiment", ("negative", "neutral", "positive")),
        ("joke", "is_humor", ("0", "1")),
        ("Anliegen", "Produktkategorie", ("Buch", "Film", "Spiel", "Musik")),
        ("headline", "stance", ("for", "against")),
        ("Тексты", "тональность", ("да", "нет")),
    ],
)
def test_the_column_that_a_reader_would_choose_is_the_label(text: str, label: str, values: tuple[str, ...]) -> None:
    facts = {
        "id": counting(5),
        "airline": cycle("Nordlys", "Arven"),
        "user_timezone": cycle("Oslo", "Lima", "Rome"),
        "split": cycle("train", "train", "test"),
        "confidence": cycle("1.0", "0.67", "0.34"),
        "label_confidence": cycle("0.5", "1.0"),
        "votes": cycle("0", "2", "5"),
    }
    assert guessed({**facts, text: TEXTS, label: cycle(*values)}) == ("classification", {"text": text, "label": label})
    assert guessed({label: cycle(*values), text: TEXTS, **facts}) == ("classification", {"text": text, "label": label})


def test_without_names_two_values_that_are_an_answer_beat_codes_and_marks() -> None:
    columns = {
        "column 1": cycle("gk04", "bc01", "cj9"),
        "column 2": cycle("0", "1"),
        "column 3": cycle("*", None),
        "column 4": TEXTS,
    }
    assert guessed(columns) == ("classification", {"text": "column 4", "label": "column 2"})


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("x", None), ("X", ""), ("✓", None), ("ja", "nein"), ("是", "否"),
                                         ("TRUE", "FALSE"), ("yes", "no"), ("1", None), ("✅", "❌"),
                                         ("+", "-")])  # fmt: skip
def test_a_column_per_label_is_read_whatever_the_marks(yes: str, no: str | None) -> None:
    flags = {
        "Drama": cycle(yes, no),
        "Comedy": cycle(no, yes, no),
        "War": cycle(yes, yes, no, no),
    }
    given = table({"id": counting(), "Comment": TEXTS, **flags, "verified": cycle("0.5", "0.2", "0.1")})
    task = tasks.guess(given)
    columns = task.columns(given)
    assert (task.id, columns) == ("multi_label", {"text": "Comment", "label": FLAGS})
    assert task.labels(given, columns) == ("Drama", "Comedy", "War")
    targets = task.targets(given, columns, task.labels(given, columns))
    assert targets[:4] == [(0, 2), (1, 2), (0,), ()]


def test_rows_that_nobody_judged_have_no_labels_rather_than_none() -> None:
    flags = {name: cycle("-1", "0", "1") for name in ("rude", "loud")}
    given = table({"text": TEXTS, **flags})
    task = tasks.guess(given)
    assert task.id == "multi_label"
    assert task.targets(given, task.columns(given), ("rude", "loud"))[:3] == [None, (), (0, 1)]


@pytest.mark.parametrize(
    "cells",
    [
        ("['drama', 'war']", "['war']", "['drama']", "['music', 'drama', 'war']"),
        ("['drama' 'war']", "['war']", "['drama']", "['music' 'drama' 'war']"),
        ("('drama', 'war')", "('war',)", "('drama',)", "('music', 'drama', 'war')"),
        ("{'drama', 'war'}", "{'war'}", "{'drama'}", "{'war', 'music', 'drama'}"),
        ("[drama, war]", "[war]", "[drama]", "[music, drama, war]"),
        ('["drama", "war"]', '["war"]', '["drama"]', '["music", "drama", "war"]'),
        ("drama | war", "war", "drama", "music | drama | war"),
        ("drama/war", "war", "drama", "music/drama/war"),
        ("drama、war", "war", "drama", "music、drama、war"),
        ("drama，war", "war", "drama", "music，drama，war"),
        ("drama; war", "war", "drama", "music; drama; war"),
        ("drama\nwar", "war", "drama", "music\ndrama\nwar"),
        ("drama, war", "war", "drama", "music, drama, war"),
    ],
    ids=lambda cells: cells[0],
)
def test_lists_and_joined_names_are_several_labels(cells: tuple[str, ...]) -> None:
    given = table({"plot": TEXTS, "genres": cycle(*cells)})
    task = tasks.guess(given)
    columns = task.columns(given)
    assert (task.id, columns) == ("multi_label", {"text": "plot", "label": "genres"})
    assert task.labels(given, columns) == ("drama", "music", "war")
    assert task.targets(given, columns, ("drama", "music", "war"))[:4] == [(0, 2), (2,), (0,), (0, 1, 2)]


@pytest.mark.parametrize(
    "cells",
    [
        ("billing", "billing|refund", "bug", "bug|mobile"),
        ("billing;refund", "bug;mobile", "billing;bug"),
        ("billing, refund", "billing", "refund", "bug, mobile"),
    ],
)
def test_few_combinations_are_still_several_labels(cells: tuple[str, ...]) -> None:
    given = table({"text": TEXTS, "tags": cycle(*cells)})
    assert tasks.guess(given).id == "multi_label"
    task = tasks.find("multi_label")
    assert task.labels(given, task.columns(given)) == ("billing", "bug", "mobile", "refund")


def test_a_person_who_asks_for_several_labels_gets_them_split_where_the_separator_is_clear() -> None:
    given = table({"text": TEXTS, "tags": cycle("billing|refund", "bug|mobile")})
    task = tasks.find("multi_label")
    assert task.labels(given, {"text": "text", "label": "tags"}) == ("billing", "bug", "mobile", "refund")


@pytest.mark.parametrize(
    "cells",
    [
        ("Sports/Tennis", "Sports/Chess", "Sports", "Politics/Law", "Politics"),
        ("Oslo, Norway", "Bergen, Norway", "Lyon, France", "Paris, France"),
        ("1,5", "2,5", "3", "4,5"),
        ("1/2/2026", "3/4/2026", "1/4/2026"),
    ],
)
def test_paths_places_dates_and_decimal_commas_are_one_value(cells: tuple[str, ...]) -> None:
    assert guessed({"text": TEXTS, "category": cycle(*cells)})[0] == "classification"


@pytest.mark.parametrize("cells", [("0 1 0", "1 1 0", "0 0 1"), ("[0, 1, 0]", "[1, 1, 0]", "[0, 0, 1]"),
                                   ("010", "110", "001"), ("0,1,0", "1,1,0", "0,0,1"),
                                   ("[0. 1. 0.]", "[1. 1. 0.]", "[0. 0. 1.]"),
                                   ("[0.0, 1.0, 0.0]", "[1.0, 1.0, 0.0]", "[0.0, 0.0, 1.0]")])  # fmt: skip
def test_one_hot_vectors_are_labels_called_by_their_place(cells: tuple[str, ...]) -> None:
    given = table({"text": TEXTS, "labels": cycle(*cells)})
    task = tasks.guess(given)
    assert task.id == "multi_label"
    columns = task.columns(given)
    assert task.labels(given, columns) == ("1", "2", "3")
    assert task.targets(given, columns, ("1", "2", "3"))[:3] == [(1,), (0, 1), (2,)]
    first = Table("v.csv", {name: cells[:1] for name, cells in given.columns.items()}, (2,))
    assert task.targets(first, columns, ("1", "2", "3")) == [(1,)]


def test_codes_joined_by_spaces_are_several_labels_and_words_are_not() -> None:
    codes = {"abstract": TEXTS, "categories": cycle("cs.CL cs.AI", "cs.CL", "math.ST stat.TH", "cs.AI")}
    given = table(codes)
    task = tasks.guess(given)
    assert task.labels(given, task.columns(given)) == ("cs.AI", "cs.CL", "math.ST", "stat.TH")
    assert guessed({"text": TEXTS, "label": cycle("very good", "very bad", "good", "bad")})[0] == "classification"


def test_a_score_alone_is_found_so_that_the_check_can_say_what_is_wrong() -> None:
    shares = tuple(f"{(37 * i) % 100 / 100}" for i in range(ROWS))
    for name in ("toxicity", "score", "note", "评分"):
        assert guessed({"essay": TEXTS, name: shares})[1]["label"] == name
        assert guessed({"essay": TEXTS, name: shares, "kind": cycle("a", "b", "c")})[1]["label"] == "kind"


def test_what_a_stance_is_towards_is_not_the_stance() -> None:
    columns = {"Target": cycle("Trams", "Tea"), "Tweet": TEXTS, "Stance": cycle("favor", "against", "none")}
    assert guessed(columns)[1]["label"] == "Stance"
    assert (
        guessed({"keyword": cycle("fire", "flood"), "text": TEXTS, "target": cycle("1", "0")})[1]["label"] == "target"
    )


def test_lists_of_class_ids_are_labels() -> None:
    given = table({"text": TEXTS, "labels": cycle("[3]", "[3, 12]", "[7]", "[12]")})
    task = tasks.guess(given)
    assert (task.id, task.labels(given, task.columns(given))) == ("multi_label", ("12", "3", "7"))


def test_a_label_column_beside_flags_or_keywords_is_the_label() -> None:
    flags = {"verified": cycle("yes", "no"), "prime": cycle("no", "no", "yes")}
    keywords = {"keywords": cycle("rain, wind", "rain", "wind", "snow, rain")}
    for others in (flags, keywords, {**flags, **keywords}):
        columns = {"text": TEXTS, "label": cycle("good", "bad"), **others}
        assert guessed(columns) == ("classification", {"text": "text", "label": "label"})


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("article", "highlights"),
        ("Artikel", "Zusammenfassung"),
        ("original", "corrected"),
        ("de", "en"),
        ("原文", "译文"),
        ("texto original", "resumen"),
    ],
)
def test_a_text_and_what_is_made_of_it_are_text_to_text(source: str, target: str) -> None:
    columns = {"id": counting(), source: tuple(f"{a}. {b}." for a, b in zip(TEXTS, OTHERS, strict=True)), target: SHORT}
    assert guessed(columns) == ("text_to_text", {"source": source, "target": target})
