"""A kept regression in use: looked into, asked for labels, held against the base whose encoder it has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bertdemo.checkpoints import Catalogue
from bertdemo.errors import CheckpointBroken
from bertdemo.serving.inspector import Inspector
from bertdemo.serving.predictor import Predictor
from bertdemo.settings import Settings
from bertdemo.tasks.base import Inputs
from tests.runs.support import settings_with
from tests.serving.support import BOUND, LABELS, PAIR, TEXT, apart, ask
from tests.serving.test_predictor import publish
from tests.tiny import keep_mean_head

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def folder(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return keep_mean_head(folders["plain"], tmp_path_factory.mktemp("kept") / "kept", LABELS)


@pytest.fixture
def kept(catalogue: Catalogue, folder: Path) -> str:
    return publish(catalogue, folder, "a", pooling="mean")


def test_inside_it_the_head_reads_the_mean(inspector: Inspector, kept: str, folder: Path) -> None:
    from safetensors.numpy import load_file

    seen, stored = inspector.look(ask(checkpoint=kept), "a"), load_file(folder / "model.safetensors")
    assert (seen.head_reads, seen.labels, seen.head_trained) == ("mean", LABELS, True)
    expected = stored["linear.weight"] @ seen.hidden[-1].mean(0) + stored["linear.bias"]
    assert apart(seen.logits, expected) <= BOUND and seen.checks["head"] <= BOUND
    comparison = inspector.pooling(ask(checkpoint=kept), "a", PAIR, "")
    assert comparison.trained_with == "mean"
    assert [row.name for row in comparison.rows] == ["cls", "mean", "max"]


def test_a_step_on_it_moves_encoder_and_linear_layer_of_a_copy(inspector: Inspector, kept: str) -> None:
    question = ask(checkpoint=kept)
    before = inspector.look(question, "a").logits
    step = inspector.training_step(question, "a", 1, 5e-4)
    assert [part for part, _ in step.gradient_norms] == ["embeddings", "layer.1", "layer.2", "linear"]
    assert step.after_loss < step.loss
    inspector._traces.clear()
    assert inspector.look(question, "a").logits == before


def test_before_and_after_have_one_encoder(inspector: Inspector, kept: str) -> None:
    rows = [{"text": "the film", "label": "good"}]
    found = inspector.before_after(ask(checkpoint=kept), "a", rows)
    assert found.movement == (("embeddings", 0.0), ("layer.1", 0.0), ("layer.2", 0.0))
    assert not found.moved and not found.same_kind and found.class_map is None
    assert np.array_equal(found.before.hidden, found.after.hidden)


def test_a_moved_encoder_is_still_compared(
    inspector: Inspector, catalogue: Catalogue, folders: dict[str, Path]
) -> None:
    found = inspector.before_after(ask(checkpoint=publish(catalogue, folders["tuned"], "a")), "a")
    assert found.moved and found.same_kind


def test_labels_vectors_and_their_absence_before_training(
    private: tuple[Catalogue, Inspector], kept: str, folder: Path, home: Path
) -> None:
    from bertdemo.anatomy.probabilities import softmax

    catalogue, inspector = private
    predictor = Predictor(settings_with(home), catalogue, training_on_cpu=lambda: True)
    answer = predictor.predict("the good film", "", kept, "a")
    seen = inspector.look(ask("the good film", checkpoint=kept), "a")
    assert answer.before is None
    said = {item.label: item.score for item in answer.output.labels}
    assert [said[label] for label in LABELS] == pytest.approx(softmax(seen.logits), abs=BOUND)
    one, several = (
        predictor.predict_many(Inputs([TEXT]), kept, "a"),
        predictor.predict_many(Inputs([TEXT, "a", PAIR * 3]), kept, "a"),
    )
    assert [item.score for item in several[0].labels] == pytest.approx(  # padding is left out of the mean
        [item.score for item in one[0].labels], abs=BOUND
    )
    (vector,) = predictor.embed(["the good film"], kept, "mean", "a")
    assert apart(vector, seen.pooled["mean"]) <= BOUND


def test_an_unpacked_one_is_known_by_its_file(home: Path, folder: Path) -> None:
    from dataclasses import replace

    settings: Settings = replace(settings_with(home), checkpoint_folders=(folder,))
    catalogue = Catalogue(settings)
    info = catalogue.describe("local:kept", "")
    assert (info.mean_head, info.pooling, info.labels) == (True, "mean", LABELS)
    assert {"labels", "embed", "fine_tune"} <= set(info.can) and "fill_mask" in info.cannot
    predictor = Predictor(settings, catalogue, training_on_cpu=lambda: True)
    inspector = Inspector(catalogue, predictor, text_chars=1000)
    assert inspector.pooling(ask(checkpoint="local:kept"), "", PAIR, "").trained_with == "mean"
    assert {item.label for item in predictor.predict("good", "", "local:kept", "").output.labels} == set(LABELS)


def test_a_card_is_not_published_over_a_file_with_half_a_head(
    catalogue: Catalogue, folder: Path, tmp_path: Path
) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    half = shutil.copytree(folder, tmp_path / "half")
    tensors = load_file(half / "model.safetensors")
    del tensors["linear.bias"]
    save_file(tensors, half / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointBroken):
        publish(catalogue, half, "a", pooling="mean")
