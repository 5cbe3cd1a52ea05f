"""Roles are guessed from what is in the columns, and the reason is told."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from bertdemo.errors import ColumnsNotFound
from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.settings import Limits
from bertdemo.tables.table import Table
from bertdemo.tables.table_files import Note, ParseOptions, convert, read
from bertdemo.tables.table_files import open as open_table
from bertdemo.tasks import TASKS
from bertdemo.tasks.roles import ANSWER, CONTEXT, LABEL, PAIR, QUESTION, TEXT, Choice, detect, explain, known
from tests.tables.corpus import CASES

RNG = random.Random(3)
ROLES = (TEXT, LABEL)
BY_NAME = {role.name: role for task in TASKS.values() for role in task.roles}
COLOR = replace(TEXT, name="color", score=lambda *_: 0.0)
TEXTS = tuple(f"I waited {i} days for the {i}th parcel" for i in range(40))
LABELS = ("late", "fine") * 20


def table(**columns: tuple[str | None, ...]) -> Table:
    rows = len(next(iter(columns.values())))
    return Table("t.csv", columns, tuple(range(2, rows + 2)))


def long_codes() -> tuple[str, ...]:
    return tuple("".join(RNG.choices("0123456789abcdef", k=64)) for _ in range(40))


@pytest.mark.parametrize(
    "others",
    [
        {"text": tuple(str(i) for i in range(40))},
        {"text": long_codes()},
        {"content": tuple(f"ORD {i:06d}" for i in range(40))},
        {"message": tuple(f"https://example.org/a/very/long/address/of/page-{i}" for i in range(40))},
        {"comment": tuple(f"some.body.{i}@a-very-long-company-name.example.org" for i in range(40))},
        {"text": tuple(f"2026-01-{i % 28 + 1:02d} 10:{i:02d}:00" for i in range(40))},
        {"text": (None,) * 40},
        {"text": ("  ",) * 40},
        {"memo": ("the same words in every single row of the file",) * 40},
    ],
    ids=lambda others: next(iter(others)) + " " + str(next(iter(others.values()))[0])[:12],
)
def test_ids_addresses_dates_and_empty_columns_are_never_text(others: dict[str, tuple[str | None, ...]]) -> None:
    assert detect(table(**others, words=TEXTS, kind=LABELS), ROLES) == {"text": "words", "label": "kind"}
    with pytest.raises(ColumnsNotFound):
        detect(table(**others), [TEXT])


def test_a_nameless_column_is_never_taken_however_many_there_are() -> None:
    nameless = {f"column {i}": tuple(text * 3 for text in TEXTS) for i in range(1, 15)}
    note = Note("header_unnamed", {"count": 14, "columns": "column 1, column 2 …"})
    whole = Table("t.csv", {**nameless, "words": TEXTS, "kind": LABELS}, tuple(range(2, 42)), (note,))
    assert detect(whole, ROLES) == {"text": "words", "label": "kind"}


def test_columns_of_a_file_without_a_header_are_taken() -> None:
    note = Note("no_header", {"columns": 2})
    whole = Table("t.csv", {"column 1": LABELS, "column 2": TEXTS}, tuple(range(1, 41)), (note,))
    assert detect(whole, ROLES) == {"text": "column 2", "label": "column 1"}


def test_the_reason_is_told_in_the_order_that_was_asked() -> None:
    assert explain(table(id=tuple(map(str, range(40))), words=TEXTS, sentiment=LABELS), ROLES) == (
        Choice("text", "words", "text_most", {"column": "words", "chars": 36}),
        Choice("label", "sentiment", "label_named", {"column": "sentiment", "distinct": 2, "rows": 40}),
    )
    assert explain(table(review=TEXTS, kind=LABELS), ROLES)[0].reason == "text_named"
    assert explain(table(review=TEXTS, kind=LABELS), ROLES)[1].reason == "label_few"


def test_every_reason_has_its_sentence() -> None:
    reasons = ("text_named", "text_most", "label_named", "label_few", "tokens_lists", "tags_lists", "answer_inside",
               "answer_named")  # fmt: skip
    values = {"column": "c", "chars": 1, "distinct": 2, "rows": 3, "share": "50%"}
    for lang in LANGUAGES:
        for reason in reasons:
            assert "c" in translate(lang, f"reason.{reason}", **values)


@pytest.mark.parametrize(
    ("id", "roles"),
    [
        ("CoNLL", {"tokens": "tokens", "tags": "tags"}),
        ("SQuAD", {"question": "question", "context": "context", "answer": "answer"}),
        ("fastText", {"text": "text", "label": "label"}),
        ("no header, tabs, a label before the text", {"text": "column 2", "label": "column 1"}),
    ],
)
def test_the_formats_of_the_tasks_give_their_roles(id: str, roles: dict[str, str], tmp_path: Path) -> None:
    case = next(case for case in CASES if case.id == id)
    path = tmp_path / "upload"
    path.write_bytes(case.content)
    assert detect(read(path, case.name, Limits()), [BY_NAME[name] for name in roles]) == roles


def test_question_passage_and_answer_are_told_apart_by_what_they_say() -> None:
    passage = "The ship {0} left the harbour of port {0} with {0} men and a great deal of salted fish on board."
    whole = table(
        a=tuple(f"port {i}" for i in range(40)),
        b=tuple(passage.format(i) for i in range(40)),
        c=tuple(f"Which harbour did ship {i} leave?" for i in range(40)),
        d=tuple(str(i) for i in range(40)),
    )
    found = explain(whole, [QUESTION, CONTEXT, ANSWER])
    assert [choice.column for choice in found] == ["c", "b", "a"]
    assert found[2].reason == "answer_inside" and found[2].values["share"] == 1.0


LONG = "the parcel came later than it had been promised when the order was placed, and nobody called"


def test_a_usual_name_with_few_values_is_the_label_however_long_they_are() -> None:
    assert len(LONG) > 80
    labels = (LONG, "fine") * 20
    assert detect(table(text=TEXTS, label=labels), ROLES) == {"text": "text", "label": "label"}
    assert detect(table(text=TEXTS, label=labels, kind=LABELS), ROLES) == {"text": "text", "label": "label"}
    with pytest.raises(ColumnsNotFound):  # without the name it is a column of texts, and so it is with many values
        detect(table(text=TEXTS, reply=labels), ROLES)
    with pytest.raises(ColumnsNotFound):
        detect(table(text=TEXTS, label=tuple(f"{LONG} {i}" for i in range(40))), ROLES)


def test_a_column_named_label_is_the_label_with_150_long_values_that_repeat() -> None:
    labels = tuple(f"label {i % 150} {'y' * 190}" for i in range(600))
    texts = tuple(f"film {i} was shown" for i in range(600))
    assert detect(table(text=texts, label=labels), ROLES) == {"text": "text", "label": "label"}


def test_what_is_known_is_told_without_the_rest() -> None:
    assert known(table(text=TEXTS, note=TEXTS), [TEXT, LABEL]) == {"text": "text"}
    assert known(table(text=TEXTS, kind=LABELS), [TEXT, LABEL]) == {"text": "text", "label": "kind"}
    assert known(table(number=tuple(map(str, range(40)))), [TEXT, PAIR]) == {}


def test_an_unknown_role_fits_no_column() -> None:
    with pytest.raises(ColumnsNotFound):
        detect(table(words=TEXTS), [COLOR])


def test_a_kept_table_is_judged_as_the_same_table(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    body = "".join(f"{i},{text},{label}\n" for i, (text, label) in enumerate(zip(TEXTS, LABELS, strict=True)))
    path.write_text("id,words,kind\n" + body * 200, encoding="utf-8")
    convert(path, "a.csv", Limits(), ParseOptions(), tmp_path / "t.parquet")
    assert explain(open_table(tmp_path / "t.parquet"), ROLES) == explain(read(path, "a.csv", Limits()), ROLES)


def test_a_label_may_lack_its_name_where_no_other_column_is_one() -> None:
    texts = tuple(f"film {i} was shown in room {i}" for i in range(40))
    labels: tuple[str | None, ...] = ("calm", "tense") * 20
    notes = (Note("header_unnamed"),)
    bare = Table("t", {"text": texts, "column 2": labels}, range(2, 42), notes)
    assert TASKS["classification"].columns(bare) == {"text": "text", "label": "column 2"}
    remarks = Table("t", {"text": texts, "column 2": (*labels[:6], *[None] * 34)}, range(2, 42), notes)
    with pytest.raises(ColumnsNotFound):
        TASKS["classification"].columns(remarks)
    named = Table("t", {"text": texts, "kind": labels, "column 3": ("a", "b") * 20}, range(2, 42), notes)
    assert TASKS["classification"].columns(named)["label"] == "kind"
