"""Similarity and search: vectors and cosines as sentence-transformers gives them, ranks counted exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bertdemo import samples
from bertdemo.checkpoints import bundled
from bertdemo.checkpoints.loading import open_model
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.run_config import Truncation
from bertdemo.settings import Limits
from bertdemo.tables.table import Table
from bertdemo.tables.table_files import read
from bertdemo.tasks.bi_encoder import unit_vectors
from bertdemo.tasks.forward import Inference
from bertdemo.tasks.search import Search, ranks
from bertdemo.tasks.similarity import SimilarityTask, correlations

SIMILARITY, SEARCH = SimilarityTask(), Search()


def table(**columns: list[str | None]) -> Table:
    rows = len(next(iter(columns.values())))
    return Table("t.csv", {name: tuple(cells) for name, cells in columns.items()}, tuple(range(2, 2 + rows)))


@pytest.mark.slow
def test_cosines_and_their_rank_correlation_are_those_of_sentence_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from sentence_transformers import SentenceTransformer

    sample = samples.find("similarity_en")
    rows = read(samples.sample_path(sample.id), sample.file, Limits())
    columns = SIMILARITY.columns(rows)
    inputs = SIMILARITY.inputs(rows, columns, range(rows.rows))
    given = [float(score or 0) for score in SIMILARITY.targets(rows, columns, ())]
    model: Any = open_model(bundled.folder()).model
    tokenizer = SharedTokenizer.from_folder(bundled.folder())
    said = SIMILARITY.predict(Inference(model, tokenizer, Truncation(256)), inputs)
    reference = SentenceTransformer(str(bundled.folder()), device="cpu")
    first, second = (reference.encode(texts, normalize_embeddings=True) for texts in (inputs.texts, inputs.pairs))
    cosines = (first * second).sum(1)
    assert max(abs(one.cosine - cosine) for one, cosine in zip(said, cosines, strict=True)) < 1e-5
    assert [one.score for one in said] == [one.cosine for one in said]  # no scale before training
    ours, theirs = (correlations(list(map(float, x)), given)["spearman"] for x in ([s.cosine for s in said], cosines))
    assert abs(ours.value - theirs.value) < 0.005 and ours.value > 0.6
    vectors = unit_vectors(Inference(model, tokenizer, Truncation(256)), inputs.texts[:5])
    assert np.abs(vectors - first[:5]).max() < 1e-5


def test_scores_that_are_no_numbers_are_named_and_left_out() -> None:
    rows = table(text=["a", "b", "c", "d", "e"], pair=["f", "g", None, "h", "i"], label=["0", "high", "3", "2,5", "5"])
    columns = {"text": "text", "pair": "pair", "label": "label"}
    assert SIMILARITY.targets(rows, columns, ()) == [0.0, None, None, 2.5, 5.0]
    assert SIMILARITY.labels(rows, columns) == ("0", "5")
    told = {problem.code: problem for problem in SIMILARITY.problems(rows, columns)}
    assert told["score_no_number"].rows == (1,) and told["score_scale"].values == {"low": "0", "high": "5"}
    same = table(text=["a"], pair=["b"], label=["1"])
    assert SIMILARITY.problems(same, columns)[0].code == "scores_all_equal"


def test_a_rank_counts_different_documents_that_are_nearer_or_as_near() -> None:
    documents = np.array([[1.0, 0.0], [0.8, 0.6], [1.0, 0.0], [0.0, 1.0]])
    queries = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert ranks(queries, documents, [0, 1, 0, 2]) == [1, 2, 3, 1]


def test_documents_that_come_again_are_one_document() -> None:
    rows = table(text=["a", "b", "c"], pair=["The x.", "the  X.", "other"])
    columns = {"text": "text", "pair": "pair"}
    assert SEARCH.targets(rows, columns, ()) == ["the x.", "the x.", "other"]
    assert SEARCH.numbers(["the x.", "the x.", "other"]) == [0, 0, 1]
    assert SEARCH.problems(rows, columns)[0].rows == (1,)
