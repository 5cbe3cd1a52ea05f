"""Each kind of bad file has a message of its own, which names the file and, where there is one, the row."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from bertdemo.i18n.translation import translate
from bertdemo.tables.table_files import KINDS
from tests.api.caller import Caller
from tests.api.conftest import FILE_BYTES, review_rows, write_rows

GOOD = "".join(f'"{text}",{label}\n' for text, label in review_rows(20))


def say(key: str, **values: Any) -> str:
    return translate("en", f"error.{key}", **values)


PNG = b"\x89PNG\r\n\x1a\n\x00\x01\x02"
UNKNOWN = b"text\nwords \xa1\xa1\xff\xff\xa2\xff\xfe\x80 words\n"
TORN = b'{"text": "a", "label": "b"}\n{"text": \n'

UNREADABLE: dict[str, tuple[str, bytes, str]] = {
    "empty": ("nothing.csv", b"", say("file_empty", file="nothing.csv")),
    "blank lines": ("blank.csv", b"\n\n  \n", say("file_empty", file="blank.csv")),
    "binary named csv": ("photo.csv", PNG, say("file_foreign", file="photo.csv", format="PNG")),
    "header only": ("header.csv", b"text,label\n", say("header_only", file="header.csv")),
    "no known encoding": ("odd.csv", UNKNOWN, say("file_not_utf8", file="odd.csv", line=2)),
    "no workbook": ("book.xlsx", b"text,label\n", say("file_broken", file="book.xlsx", kind="XLSX")),
    "a broken line": ("lines.jsonl", TORN, say("line_broken", file="lines.jsonl", line=2)),
    "a document": ("letter.pdf", b"%PDF", say("file_foreign", file="letter.pdf", format="PDF")),
    "unknown kind": ("letter.xyz", b"xyz", say("file_kind_unknown", file="letter.xyz", kinds=", ".join(KINDS))),
}  # fmt: skip
"""What is wrong -> name, content, message."""

UNUSABLE: dict[str, tuple[str, str]] = {
    "one class": ("text,label\none,a\ntwo,a\nthree,a\nfour,a\n", say("one_class", label="a", column="label")),
    "two rows": ("text,label\none more,a\ntwo more,b\n", say("too_few_rows", rows=2, minimum=4)),
    "missing column": ("text,kind\none,a\n" + GOOD, say("column_missing", column="label", columns="text, kind")),
}
"""What is wrong with columns text and label -> content, message."""


@pytest.mark.parametrize("what", UNREADABLE)
@pytest.mark.parametrize("name", ["check_data", "start_run", "predict_file"])
def test_an_unreadable_file_is_refused_by_name(name: str, what: str, caller: Caller, tmp_path: Path) -> None:
    file_name, content, message = UNREADABLE[what]
    path = tmp_path / file_name
    path.write_bytes(content)
    answer = caller.call(name, file=caller.upload(path))
    assert answer.error == message
    assert caller.call("tokenize", text="the app goes on").ok


@pytest.mark.parametrize("what", UNUSABLE)
def test_a_table_that_cannot_be_learned_is_refused_before_a_run_is_made(
    what: str, caller: Caller, tmp_path: Path
) -> None:
    content, message = UNUSABLE[what]
    path = tmp_path / "table.csv"
    path.write_text(content, encoding="utf-8")
    before = caller.call("runs").value
    columns = {"text": "text", "label": "label"}
    answer = caller.call("start_run", file=caller.upload(path), columns=columns, checkpoint="local:tiny")
    assert answer.error == message
    assert caller.call("runs").value == before


def test_one_row_is_refused(caller: Caller, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "one row.csv", [("the good film", "pos")])
    columns = {"text": "text", "label": "label"}
    answer = caller.call("start_run", file=caller.upload(path), columns=columns, checkpoint="local:tiny")
    assert answer.error == say("too_few_rows", rows=1, minimum=4)


def test_a_missing_column_is_named_with_those_that_are_there(caller: Caller, reviews: Path) -> None:
    file = caller.upload(reviews)
    message = say("column_missing", column="stars", columns="text, label")
    for name in ("check_data", "start_run"):
        answer = caller.call(name, file=file, columns={"text": "text", "label": "stars"})
        assert answer.error == message


@pytest.mark.parametrize("argument", ["validation_file", "test_file"])
def test_an_unknown_label_names_file_row_and_the_known_labels(
    argument: str, caller: Caller, reviews: Path, tmp_path: Path
) -> None:
    path = write_rows(tmp_path / "held out.csv", [*review_rows(5), ("the odd film", "so-so")])
    answer = caller.call(
        "start_run", file=caller.upload(reviews), checkpoint="local:tiny", **{argument: caller.upload(path)}
    )
    assert answer.error == say("unknown_label", label="so-so", row=7, file="held out.csv", labels="neg, pos")


@pytest.mark.parametrize("argument", ["validation_file", "test_file"])
def test_a_held_out_file_is_read_as_strictly(argument: str, caller: Caller, reviews: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    other = write_rows(tmp_path / "other.csv", review_rows(5), header=("words", "label"))
    for path, message in (
        (empty, say("file_empty", file="empty.csv")),
        (other, say("column_missing", column="text", columns="words, label")),
    ):
        answer = caller.call(
            "start_run", file=caller.upload(reviews), checkpoint="local:tiny", **{argument: caller.upload(path)}
        )
        assert answer.error == message


def sized(path: Path, size: int) -> Path:
    """Write a good table of exactly so many bytes."""
    head = b"text,label\ngood film,pos\nbad film,neg\n"
    line = b"a nice film that goes on and on,pos\n"
    count, rest = divmod(size - len(head) - 100, len(line))
    path.write_bytes(head + line * count + b"x" * (rest + 100 - 5) + b",pos\n")
    assert path.stat().st_size == size
    return path


@pytest.mark.parametrize("name", ["check_data", "start_run", "predict_file"])
def test_one_byte_over_the_limit_is_refused_by_us_and_the_limit_itself_is_not(
    name: str, caller: Caller, tmp_path: Path
) -> None:
    over = caller.upload(sized(tmp_path / "over.csv", FILE_BYTES + 1))
    refused = caller.call(name, file=over)
    assert refused.error == say("file_too_large", file="over.csv", size="200 kB", limit="200 kB") or (
        refused.error == say("file_too_large", file="over.csv", size="200,001 B", limit="200,000 B")
    )
    if name == "check_data":
        assert caller.call(name, file=caller.upload(sized(tmp_path / "just.csv", FILE_BYTES))).ok


def test_hostile_names_come_back_as_text(caller: Caller, tmp_path: Path) -> None:
    evil = "<img src=x onerror=alert(1)>"
    rows = [(f"{text} {evil}", f"{evil}{label}") for text, label in review_rows(12)]
    path = write_rows(tmp_path / "evil<b>.csv", rows, header=(f"{evil}text", "{lang} label"))
    found = caller.call("check_data", file=caller.upload(path))
    assert found.ok, found.raw
    assert found.value["columns"] == {"text": f"{evil}text", "label": "{lang} label"}
    assert {item["label"] for item in found.value["labels"]} == {f"{evil}pos", f"{evil}neg"}


def test_line_breaks_survive_the_way_through_a_file_and_no_formula_comes_back_as_one(
    caller: Caller, trained: Any, tmp_path: Path
) -> None:
    texts = ["=1+1", "@cmd", "+1", "a\nb", "c\rd", 'say "hi"', "x,y", " spaced "]
    path = write_rows(tmp_path / "formulas.csv", [(text, "x") for text in texts])
    given = caller.call("predict_file", file=caller.upload(path), checkpoint=trained.run_id, columns={"text": "text"})
    assert given.ok, given.raw
    lines = io.StringIO(caller.fetch(given.value).decode("utf-8-sig"), newline="")
    assert [row["text"] for row in csv.DictReader(lines)] == ["'=1+1", "'@cmd", "'+1", *texts[3:]]
