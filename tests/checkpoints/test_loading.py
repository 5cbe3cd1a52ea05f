"""A model is opened exactly as it was saved, and a head that is new is named and reproducible."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertForMaskedLM, BertModel

from bertdemo.checkpoints import bundled, loading
from bertdemo.errors import CheckpointBroken, CheckpointIncomplete, MaskHeadMissing
from tests.tiny import build_tiny_checkpoint

WEIGHTS = "model.safetensors"
HEAD = ("classifier.bias", "classifier.weight")
IDS = torch.tensor([[2, 7, 8, 9, 10, 3]])


def logits(opened: loading.Opened) -> torch.Tensor:
    with torch.no_grad():
        return opened.model(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits


def test_the_bundled_encoder_gives_what_transformers_gives() -> None:
    opened = loading.open_model(bundled.folder())
    reference = BertModel.from_pretrained(bundled.folder(), dtype=torch.float32)
    with torch.no_grad():
        ours, theirs = (m(input_ids=IDS, attention_mask=torch.ones_like(IDS)) for m in (opened.model, reference))
    assert (ours.last_hidden_state - theirs.last_hidden_state).abs().max() == 0.0
    assert (ours.pooler_output - theirs.pooler_output).abs().max() == 0.0
    assert opened.new_weights == () and not opened.model.training


def test_the_bundled_classifier_has_the_encoder_of_the_file_and_a_new_head() -> None:
    opened = loading.open_model(bundled.folder(), "BertForSequenceClassification", labels=("a", "b", "c"), seed=1)
    assert opened.new_weights == HEAD
    assert opened.model.config.id2label == {0: "a", 1: "b", 2: "c"}
    state, stored = opened.model.state_dict(), load_file(bundled.folder() / WEIGHTS)
    for name, tensor in stored.items():
        if not name.endswith("position_ids"):
            assert torch.equal(state[f"bert.{name}"], tensor)


def test_a_new_head_is_the_same_for_the_same_seed_and_leaves_the_callers_random_state(tiny: Path) -> None:
    before = torch.random.get_rng_state()
    first, again, other = (
        loading.open_model(tiny, "BertForSequenceClassification", labels=("a", "b"), seed=seed).model.classifier.weight
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_trained_head_is_kept_for_the_same_labels_and_replaced_for_others(tiny_classifier: Path) -> None:
    stored = load_file(tiny_classifier / WEIGHTS)["classifier.weight"]
    for labels in ((), ("bad", "good")):
        opened = loading.open_model(tiny_classifier, "BertForSequenceClassification", labels=labels)
        assert opened.new_weights == () and torch.equal(opened.model.classifier.weight, stored)
        assert opened.model.config.id2label == {0: "bad", 1: "good"}
    for labels in (("no", "yes"), ("good", "bad"), ("a", "b", "c")):
        opened = loading.open_model(tiny_classifier, "BertForSequenceClassification", labels=labels, seed=1)
        assert opened.new_weights == HEAD and len(opened.model.classifier.bias) == len(labels)
        assert not torch.equal(opened.model.classifier.weight[:2], stored)


def test_a_head_that_is_not_asked_for_is_named_as_unexpected(tiny_classifier: Path, tmp_path: Path) -> None:
    assert loading.open_model(tiny_classifier).unexpected == HEAD
    folder = build_tiny_checkpoint(tmp_path / "mlm", head="mlm")
    opened = loading.open_model(folder, "BertForSequenceClassification", labels="ab")
    assert any(name.startswith("cls.predictions") for name in opened.unexpected)
    assert opened.new_weights == ("bert.pooler.dense.bias", "bert.pooler.dense.weight", *HEAD)


def test_without_a_pooler_in_the_file_there_is_none_in_the_model(tmp_path: Path) -> None:
    opened = loading.open_model(build_tiny_checkpoint(tmp_path / "mlm", head="mlm"))
    assert opened.model.pooler is None and opened.new_weights == ()


def test_eager_attention_gives_the_weights(tiny: Path) -> None:
    opened = loading.open_model(tiny, attention="eager")
    with torch.no_grad():
        out = opened.model(input_ids=IDS, attention_mask=torch.ones_like(IDS), output_attentions=True)
    assert len(out.attentions) == 2 and out.attentions[0].shape == (1, 2, 6, 6)


def test_dropout_can_be_set(tiny: Path) -> None:
    config = loading.open_model(tiny, "BertForSequenceClassification", labels="ab", dropout=0.3).model.config
    assert config.hidden_dropout_prob == config.attention_probs_dropout_prob == config.classifier_dropout == 0.3


def test_half_precision_weights_are_opened_in_float32(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "half")
    save_file({k: v.bfloat16() for k, v in load_file(tiny / WEIGHTS).items()}, folder / WEIGHTS, {"format": "pt"})
    assert {p.dtype for p in loading.open_model(folder).model.parameters()} == {torch.float32}


def test_old_layer_norm_names_are_loaded(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "old")
    renamed = {
        f"bert.{k}".replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v + 0.5
        for k, v in load_file(tiny / WEIGHTS).items()
    }
    save_file(renamed, folder / WEIGHTS, {"format": "pt"})
    opened = loading.open_model(folder)
    assert torch.equal(opened.model.embeddings.LayerNorm.weight, renamed["bert.embeddings.LayerNorm.gamma"])


def test_a_missing_encoder_tensor_is_refused_and_named(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "holed")
    tensors = load_file(tiny / WEIGHTS)
    del tensors["encoder.layer.1.output.dense.weight"]
    save_file(tensors, folder / WEIGHTS, {"format": "pt"})
    with pytest.raises(CheckpointIncomplete) as caught:
        loading.open_model(folder)
    assert caught.value.values["missing"] == "encoder.layer.1.output.dense.weight"


def test_the_head_for_masked_words_is_opened_as_transformers_opens_it(tiny: Path, tmp_path: Path) -> None:
    folder = build_tiny_checkpoint(tmp_path / "mlm", head="mlm")
    reference = BertForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval()
    opened = loading.open_model(folder, "BertForMaskedLM", new_head=False)
    with torch.no_grad():
        theirs = reference(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits
    assert torch.equal(logits(opened), theirs) and opened.new_weights == ()
    with pytest.raises(MaskHeadMissing):
        loading.open_model(tiny, "BertForMaskedLM", new_head=False)


def test_several_threads_open_models_at_once_and_each_is_whole(tiny: Path, tmp_path: Path) -> None:
    folder = build_tiny_checkpoint(tmp_path / "mlm", head="mlm")
    classes: list[loading.Architecture] = ["BertForMaskedLM", "BertForSequenceClassification", "BertModel"] * 8
    with ThreadPoolExecutor(6) as pool:
        opened = list(pool.map(lambda name: loading.open_model(folder, name, labels="ab", seed=0), classes))
    alone = {name: loading.open_model(folder, name, labels="ab", seed=0) for name in set(classes)}
    for name, one in zip(classes, opened, strict=True):
        expected = alone[name].model.state_dict()
        assert one.new_weights == alone[name].new_weights
        assert all(torch.equal(tensor, expected[key]) for key, tensor in one.model.state_dict().items())


def test_opening_prints_nothing(tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:
    loading.open_model(tiny, "BertForSequenceClassification", labels=("a", "b"))
    assert capfd.readouterr() == ("", "")


def test_the_head_at_the_start_comes_back(tiny: Path, tmp_path: Path) -> None:
    start = loading.open_model(tiny, "BertForSequenceClassification", labels=("a", "b"), seed=1)
    loading.save_head(start, tmp_path)
    other = loading.open_model(tiny, "BertForSequenceClassification", labels=("a", "b"), seed=2)
    assert not torch.equal(logits(start), logits(other))
    loading.restore_head(other, tmp_path)
    assert torch.equal(logits(start), logits(other))


@pytest.mark.parametrize("name", ["classifier.weight", "bert.embeddings.LayerNorm.weight", "evil"])
def test_a_head_that_does_not_fit_is_refused(tiny: Path, tmp_path: Path, name: str) -> None:
    save_file({name: torch.zeros(7)}, tmp_path / loading.HEAD_FILE)
    opened = loading.open_model(tiny, "BertForSequenceClassification", labels=("a", "b"))
    with pytest.raises(CheckpointBroken):
        loading.restore_head(opened, tmp_path)


def test_a_missing_or_torn_head_file_is_refused(tiny: Path, tmp_path: Path) -> None:
    opened = loading.open_model(tiny, "BertForSequenceClassification", labels=("a", "b"))
    for _ in range(2):
        with pytest.raises(CheckpointBroken):
            loading.restore_head(opened, tmp_path)
        (tmp_path / loading.HEAD_FILE).write_bytes(b"torn")


def test_what_is_written_opens_to_the_same_numbers(tiny: Path, tmp_path: Path) -> None:
    opened = loading.open_model(tiny, "BertForSequenceClassification", labels=("坏", "good"), seed=1)
    loading.write(opened.model, tiny, tmp_path)
    again = loading.open_model(tmp_path, "BertForSequenceClassification")
    assert torch.equal(logits(opened), logits(again)) and again.new_weights == ()
    assert again.model.config.id2label == {0: "坏", 1: "good"}
    assert (tmp_path / "vocab.txt").read_bytes() == (tiny / "vocab.txt").read_bytes()


def test_weights_come_back_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = build_tiny_checkpoint(tmp_path / "mlm", head="mlm")
    first, second = (loading.open_model(folder, "BertForMaskedLM", new_head=False).model for _ in range(2))
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.add_(1.0)
    tensors = loading.tensors_of(first)
    assert len(tensors) < len(first.state_dict())  # the decoder is tied to the embeddings
    loading.restore_tensors(second, tensors)
    for name, tensor in first.state_dict().items():
        assert torch.equal(second.state_dict()[name], tensor)
    name = next(iter(tensors))
    with pytest.raises(ValueError, match=name):
        loading.restore_tensors(second, {key: tensor for key, tensor in tensors.items() if key != name})
    with pytest.raises(ValueError, match="of_another"):
        loading.restore_tensors(second, {**tensors, "of_another": tensors[name]})
