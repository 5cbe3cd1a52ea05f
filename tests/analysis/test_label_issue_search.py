"""Suspect labels of a file: looked for once, on texts that are embedded once, and exported whole."""

from __future__ import annotations

import csv
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from bertdemo import tasks
from bertdemo.analysis import baselines, label_issues
from bertdemo.analysis.baseline_cache import Baselines
from bertdemo.analysis.embedding_cache import Embeddings
from bertdemo.analysis.label_issue_search import HEADER, LabelIssueSearch, Listed, write_suspects
from bertdemo.analysis.label_issues import LabelIssue
from bertdemo.checkpoints import Catalogue
from bertdemo.errors import CheckpointUnknown
from bertdemo.settings import Settings
from bertdemo.tables import table_files
from bertdemo.tables.table import Table
from tests.analysis.support import prepared_file

COLUMNS = {"text": "text", "label": "label"}
WRONG = {2: "no", 9: "yes"}
"""Row number in the file -> what it says there, and should not."""

TASK = tasks.find("classification")


@pytest.fixture
def embeddings(settings: Settings) -> Embeddings:
    return Embeddings(Catalogue(settings))


@pytest.fixture
def service(settings: Settings, embeddings: Embeddings) -> LabelIssueSearch:
    return LabelIssueSearch(Catalogue(settings), lambda: nullcontext(lambda: None), embeddings)


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    things = ["film", "book", "play", "song", "game", "meal", "trip", "room", "show", "tale", "walk", "park"]
    rows = []
    for thing in things:
        for words, label in (("a wonderful %s, I loved it", "yes"), ("an awful %s, I hated it", "no")):
            rows.append([words % thing, WRONG.get(len(rows) + 2, label)])
    path = tmp_path / "reviews.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text", "label"], *rows, ["", "yes"], ["neither", "only"]])
    return path


@pytest.fixture
def table(reviews: Path, settings: Settings) -> Table:
    return table_files.read(reviews, reviews.name, settings.limits)


def test_wrong_labels_are_listed_by_their_row_in_the_file(
    service: LabelIssueSearch, settings: Settings, reviews: Path, table: Table
) -> None:
    seen: list[float] = []
    looked = service.look(prepared_file(settings, reviews, TASK, COLUMNS), "bundled", "", progress=seen.append)
    assert {one.number: one.issue.given for one in looked.found} == WRONG
    assert all(one.text == table.columns["text"][one.number - 2] for one in looked.found)
    assert (looked.rows, looked.usable, looked.rare_labels, looked.rare_rows) == (24, 25, 1, 1)
    assert looked.model == "all-MiniLM-L6-v2" and seen == sorted(seen) and seen[-1] == 1.0


def test_it_is_looked_once_for_the_same_data_and_again_for_what_was_changed(
    service: LabelIssueSearch, settings: Settings, reviews: Path, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = service.look(prepared_file(settings, reviews, TASK, COLUMNS), "bundled", "")
    relabel = {str(one.number): one.issue.suggested for one in looked.found}
    relabeled = prepared_file(settings, reviews, TASK, COLUMNS, relabel=tuple(sorted(relabel.items())))
    with monkeypatch.context() as patched:
        patched.setattr(label_issues, "find", None)
        assert service.look(prepared_file(settings, reviews, TASK, COLUMNS), "bundled", "") is looked
    monkeypatch.setattr(baselines, "embed", None)  # no text is new
    assert service.look(relabeled, "bundled", "").found == ()


def test_the_baselines_and_this_read_each_text_once(
    service: LabelIssueSearch, embeddings: Embeddings, settings: Settings, reviews: Path, table: Table,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    scored = Baselines(Catalogue(settings), lambda: nullcontext(lambda: None), embeddings).compute(
        prepared_file(settings, reviews, TASK, COLUMNS), "bundled", ""
    )
    monkeypatch.setattr(baselines, "embed", None)
    assert service.look(prepared_file(settings, reviews, TASK, COLUMNS), "bundled", "").found
    assert scored[-1].kind == "frozen" and scored[-1].seconds > 0


def test_a_model_that_is_not_here_is_stood_in_for_and_one_of_somebody_else_is_refused(
    service: LabelIssueSearch, settings: Settings, reviews: Path, table: Table
) -> None:
    looked = service.look(prepared_file(settings, reviews, TASK, COLUMNS), "google-bert/bert-base-uncased", "")
    assert looked.model == "all-MiniLM-L6-v2"
    with pytest.raises(CheckpointUnknown):
        service.look(prepared_file(settings, reviews, TASK, COLUMNS), "20260101-000000-0123456789abcdef", "")


def test_too_few_rows_of_every_label_are_said_to_be(
    service: LabelIssueSearch, tmp_path: Path, settings: Settings
) -> None:
    path = tmp_path / "few.csv"
    path.write_text("text,label\na,yes\nb,no\nc,no\nd,yes\n", encoding="utf-8")
    looked = service.look(prepared_file(settings, path, TASK, COLUMNS), "bundled", "")
    assert (looked.found, looked.rows, looked.rare_labels) == ((), 0, 2)


def test_the_export_has_every_suspect_and_no_formula(tmp_path: Path) -> None:
    found = [
        Listed(2, "=1+1", LabelIssue(0, "@yes", "no", 0.0125, 0.98)),
        Listed(1_000_001, 'a "text",\nof lines\rand more', LabelIssue(7, "no", "好评", 0.25, 0.5)),
    ]
    write_suspects(found, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == HEADER
    assert rows == [
        ["2", "'=1+1", "'@yes", "no", "0.012500", "0.980000"],
        ["1000001", 'a "text",\nof lines\rand more', "no", "好评", "0.250000", "0.500000"],
    ]


def test_a_long_text_is_kept_in_part(
    service: LabelIssueSearch, settings: Settings, reviews: Path, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bertdemo.analysis.label_issue_search.STORED_TEXT", 9)
    looked = service.look(prepared_file(settings, reviews, TASK, COLUMNS), "bundled", "")
    assert sorted(one.text for one in looked.found) == ["a wonderf", "an awful "]


def test_what_is_kept_of_texts_is_bounded_and_the_newest(settings: Settings) -> None:
    small = Embeddings(Catalogue(settings), most_bytes=4 * (384 * 4 + 300))
    texts = [f"text {i}" for i in range(6)]
    first, seconds = small.of(texts, "bundled", "")
    assert first.shape == (6, 384) and seconds > 0
    assert len(small._entries) == 4 and small._bytes <= small._most
    again, _ = small.of([texts[5], texts[0], texts[5]], "bundled", "")
    assert np.abs(again - first[[5, 0, 5]]).max() < 1e-5
