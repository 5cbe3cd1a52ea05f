"""The baselines of a file are computed once and remembered for the run that follows."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from bertdemo import tasks
from bertdemo.analysis import baselines as scores
from bertdemo.analysis.baseline_cache import Baselines, as_fields
from bertdemo.analysis.embedding_cache import Embeddings
from bertdemo.checkpoints import Catalogue
from bertdemo.errors import CheckpointUnknown
from bertdemo.settings import Settings
from tests.analysis.support import key_of_file, prepared_file

TASK = tasks.find("classification")
COLUMNS = {"text": "text", "label": "label"}


@pytest.fixture
def baselines(settings: Settings) -> Baselines:
    catalogue = Catalogue(settings)
    return Baselines(catalogue, lambda: nullcontext(lambda: None), Embeddings(catalogue))


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    rows = [f"{i} a {word} film,{label}" for i in range(15) for word, label in (("good", "yes"), ("poor", "no"))]
    path = tmp_path / "reviews.csv"
    path.write_text("text,label\n" + "\n".join(rows) + "\n,yes\nalone,only\n", encoding="utf-8")
    return path


def test_all_three_are_scored_on_the_rows_that_can_be_held_out(
    baselines: Baselines, reviews: Path, settings: Settings
) -> None:
    seen = list[float]()
    found = baselines.compute(prepared_file(settings, reviews, TASK, COLUMNS), "bundled", "", progress=seen.append)
    assert [one.kind for one in found] == ["majority", "tfidf", "frozen"]
    assert [one.rows for one in found] == [31, 30, 30]  # the empty text is nowhere, the lonely label only guessed
    assert all(one.metrics["accuracy"].value > 0.9 for one in found[1:])
    assert seen == sorted(seen) and seen[-1] == 1.0


def test_what_was_found_is_remembered_for_this_file_these_columns_and_this_model(
    baselines: Baselines, reviews: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert baselines.remembered(key_of_file(reviews, TASK, COLUMNS), "bundled") == ()
    found = baselines.compute(prepared_file(settings, reviews, TASK, COLUMNS), "bundled", "")
    monkeypatch.setattr(scores, "tfidf", None)
    assert baselines.compute(prepared_file(settings, reviews, TASK, COLUMNS), "bundled", "") is found
    assert baselines.remembered(key_of_file(reviews, TASK, COLUMNS), "bundled") is found
    assert baselines.remembered(key_of_file(reviews, TASK, COLUMNS), "google-bert/bert-base-uncased") == ()
    reviews.write_text(reviews.read_text() + "more,yes\n", encoding="utf-8")
    assert baselines.remembered(key_of_file(reviews, TASK, COLUMNS), "bundled") == ()


def test_a_model_that_is_not_here_has_no_line(baselines: Baselines, reviews: Path, settings: Settings) -> None:
    found = baselines.compute(prepared_file(settings, reviews, TASK, COLUMNS), "google-bert/bert-base-uncased", "")
    assert [one.kind for one in found] == ["majority", "tfidf"]


def test_a_model_of_somebody_else_is_refused(baselines: Baselines, reviews: Path, settings: Settings) -> None:
    with pytest.raises(CheckpointUnknown):
        baselines.compute(prepared_file(settings, reviews, TASK, COLUMNS), "20260101-000000-0123456789abcdef", "")


def test_too_few_rows_leave_the_guess_alone(baselines: Baselines, tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "few.csv"
    path.write_text("text,label\na,yes\nb,no\nc,no\n", encoding="utf-8")
    found = baselines.compute(prepared_file(settings, path, TASK, COLUMNS), "bundled", "")
    assert [one.kind for one in found] == ["majority"]


def test_a_run_keeps_the_figures_and_not_the_rows(baselines: Baselines, reviews: Path, settings: Settings) -> None:
    kept = as_fields(baselines.compute(prepared_file(settings, reviews, TASK, COLUMNS), "bundled", "", most=20))
    assert set(kept) == {"majority", "tfidf", "frozen"}
    assert set(kept["frozen"]) == {"metric", "value", "low", "high", "macro_f1", "rows", "folds", "seconds"}
    assert kept["tfidf"]["rows"] == 20


def test_so_many_labels_that_weights_would_fill_the_memory_are_only_guessed(
    baselines: Baselines, reviews: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.limits.labels <= scores.MOST_LABELS  # so that nothing that can be trained goes without
    monkeypatch.setattr(scores, "MOST_LABELS", 1)
    assert [one.kind for one in baselines.compute(prepared_file(settings, reviews, TASK, COLUMNS), "bundled", "")] == [
        "majority"
    ]


def test_what_was_scored_on_fewer_rows_is_not_taken_for_the_whole(
    baselines: Baselines, reviews: Path, settings: Settings
) -> None:
    few = baselines.compute(prepared_file(settings, reviews, TASK, COLUMNS), "bundled", "", most=20)
    assert baselines.remembered(key_of_file(reviews, TASK, COLUMNS), "bundled") == ()
    assert baselines.remembered(key_of_file(reviews, TASK, COLUMNS), "bundled", most=20) is few
    assert baselines.compute(prepared_file(settings, reviews, TASK, COLUMNS), "bundled", "")[1].rows == 30
