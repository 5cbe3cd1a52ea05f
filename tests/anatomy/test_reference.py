"""The bundled model against similarities that its authors published: what is embedded here is what they embed.

The figures lie beside the checkout, not in it; without them the module is skipped.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bertdemo.anatomy.layers import look
from bertdemo.anatomy.tokens import trace
from bertdemo.checkpoints import Catalogue, bundled
from bertdemo.checkpoints.loading import open_model
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.serving.predictor import Predictor
from tests.runs.support import settings_with

FIGURES = Path(__file__).parents[2].parent / "shared/data/conformance/reference_outputs.json"
BOUND = 1e-5

pytestmark = pytest.mark.skipif(not FIGURES.is_file(), reason="the published figures are not beside this checkout")


def published() -> dict[str, dict[str, Any]]:
    if not FIGURES.is_file():
        return {}
    return {one["id"]: one for one in json.loads(FIGURES.read_text(encoding="utf-8"))["refs"]}


PUBLISHED = published()


class Embedder:
    """Mean-pooled vectors in both ways in which the app takes them."""

    def __init__(self, home: Path) -> None:
        settings = settings_with(home)
        self._predictor = Predictor(settings, Catalogue(settings), training_on_cpu=lambda: True)
        folder = bundled.verified()
        self._tokenizer = SharedTokenizer.from_folder(folder)
        self._model: Any = open_model(folder, "BertForSequenceClassification", seed=0, attention="eager").model

    def served(self, texts: Sequence[str]) -> np.ndarray:
        """(texts, d) of the inference tab and /embed: in padded batches, by the fast kernel."""
        return np.array(self._predictor.embed(texts, bundled.ID, "mean", ""))

    def inspected(self, texts: Sequence[str]) -> np.ndarray:
        """(texts, d) of Inside BERT and /inspect: one by one, with eager attention."""
        return np.stack([look(self._model, trace(self._tokenizer, text)).pooled["mean"] for text in texts])


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return Embedder(tmp_path_factory.mktemp("home"))


def texts_of(reference: dict[str, Any]) -> list[str]:
    fields = (reference.get(name, []) for name in ("query", "documents", "sentences", "sentences1", "sentences2"))
    return [text for field in fields for text in ([field] if isinstance(field, str) else field)]


def cosines(vectors: np.ndarray, rows: int = 0) -> np.ndarray:
    """All against all, or the first `rows` against the others."""
    unit = vectors.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=-1, keepdims=True)
    return unit[:rows] @ unit[rows:].T if rows else unit @ unit.T


@pytest.mark.parametrize("how", ["served", "inspected"])
@pytest.mark.parametrize("name", ["st_quickstart", "st_sts_doc"])
def test_float32_cosines_are_the_published_ones(embedder: Embedder, name: str, how: str) -> None:
    reference = PUBLISHED[name]
    assert reference["tolerance"] == 2e-4
    found = cosines(getattr(embedder, how)(texts_of(reference)), len(reference.get("sentences1", [])))
    assert found.shape == np.array(reference["expected_cosine"]).shape == (3, 3)
    assert abs(found - reference["expected_cosine"]).max() <= 2e-4


@pytest.mark.parametrize("how", ["served", "inspected"])
def test_the_distances_of_normalized_vectors_are_the_published_ones(embedder: Embedder, how: str) -> None:
    reference = PUBLISHED["st_quickstart"]
    unit = getattr(embedder, how)(reference["sentences"]).astype(np.float64)
    unit /= np.linalg.norm(unit, axis=-1, keepdims=True)
    found = -abs(unit[:, None] - unit[None]).sum(-1)  # (3, 3): 384 differences add up, so the bound is wider
    assert abs(found - reference["expected_negative_manhattan"]).max() <= 1e-3


@pytest.mark.parametrize("how", ["served", "inspected"])
def test_the_same_pairs_are_above_one_half(embedder: Embedder, how: str) -> None:
    reference = PUBLISHED["paraphrase_mining"]
    found = cosines(getattr(embedder, how)(reference["sentences"]))
    pairs = [[int(i), int(j)] for i, j in zip(*np.where(found > 0.5), strict=True) if i < j]
    assert pairs == sorted(reference["allowed_pairs_above_0.5"])
    assert len(pairs) == 7


@pytest.mark.parametrize("how", ["served", "inspected"])
def test_the_bfloat16_figures_hold_within_their_own_tolerance(embedder: Embedder, how: str) -> None:
    reference = PUBLISHED["st_test_pretrained_bf16"]
    found = cosines(getattr(embedder, how)(texts_of(reference)), 1)
    assert found.shape == (1, 4)
    np.testing.assert_allclose(found, reference["expected_cosine"], rtol=reference["rtol"], atol=0)
    assert int(found.argmax()) == 1  # the document about Mars answers the question


def test_a_text_has_the_same_vector_where_it_is_served_and_where_it_is_inspected(embedder: Embedder) -> None:
    texts = [text for reference in PUBLISHED.values() for text in texts_of(reference)]
    assert len(texts) == 3 + 6 + 5 + 8
    assert abs(embedder.served(texts) - embedder.inspected(texts)).max() <= BOUND


def test_another_pooling_gives_other_similarities(embedder: Embedder) -> None:
    reference = PUBLISHED["st_quickstart"]
    with torch.inference_mode():
        first = [
            look(embedder._model, trace(embedder._tokenizer, text)).pooled["cls"] for text in reference["sentences"]
        ]
    assert abs(cosines(np.stack(first)) - reference["expected_cosine"]).max() > 0.05
