"""Hostile configs and headers: refused with the file named, and nothing of them is ever run."""

from __future__ import annotations

import json
import pickle
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertdemo.checkpoints import folder_checks, loading, validation
from bertdemo.errors import CheckpointBroken, CheckpointIncomplete, HubNotBert

GOOD: dict[str, Any] = {
    "model_type": "bert",
    "vocab_size": 100,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}


def write_weights(path: Path, header: object, data: bytes = b"") -> Path:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + data)
    return path


def entry(shape: list[int], start: int, end: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


NORM = "embeddings.LayerNorm.weight"


def test_a_config_keeps_known_keys_only() -> None:
    dirty = {
        "auto_map": {"AutoModel": "x.Y"}, "quantization_config": {}, "_attn_implementation": "kernels/x",
        "_name_or_path": "/etc", "torch_dtype": "float64", "dtype": "x", "tokenizer_class": "X", "is_decoder": False,
    }  # fmt: skip
    assert validation.clean_config({**GOOD, **dirty}) == validation.clean_config(GOOD)
    assert set(validation.clean_config(GOOD)) == {*GOOD} - {"model_type"} | {
        "hidden_act", "max_position_embeddings", "type_vocab_size",
    }  # fmt: skip


def test_labels_survive_as_text_in_the_order_of_their_ids() -> None:
    clean = validation.clean_config({**GOOD, "id2label": {"1": "b", "0": "a"}, "label2id": {"a": 7}})
    assert clean["id2label"] == {0: "a", 1: "b"} and clean["label2id"] == {"a": 0, "b": 1}


@pytest.mark.parametrize("problem", ["single_label_classification", "multi_label_classification", "regression"])
def test_how_the_head_was_trained_is_kept(problem: str) -> None:
    assert validation.clean_config({**GOOD, "problem_type": problem})["problem_type"] == problem


@pytest.mark.parametrize("problem", ["evil", None, 1, ["regression"], {"regression": 1}])
def test_another_way_of_training_is_left_out(problem: object) -> None:
    assert validation.clean_config({**GOOD, "problem_type": problem}) == validation.clean_config(GOOD)


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_size": 10**9}, {"hidden_size": 33}, {"hidden_size": True}, {"hidden_size": "32"},
        {"hidden_size": 32.0},
        {"num_hidden_layers": 0}, {"num_hidden_layers": 10**6}, {"vocab_size": -1}, {"vocab_size": None},
        {"max_position_embeddings": 10**8}, {"intermediate_size": 10**7}, {"hidden_act": "evil"},
        {"hidden_act": ["gelu"]},
        {"hidden_dropout_prob": float("nan")}, {"layer_norm_eps": "1"}, {"position_embedding_type": "relative_key"},
        {"is_decoder": True}, {"id2label": {"0": {}}}, {"id2label": {"x": "y"}}, {"id2label": []}, {"id2label": {}},
    ],
)  # fmt: skip
def test_a_config_out_of_bounds_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(CheckpointBroken) as caught:
        validation.clean_config({**GOOD, **change}, checkpoint="x")
    assert caught.value.values == {"checkpoint": "x", "file": "config.json"}


@pytest.mark.parametrize("model_type", [None, "gpt2", "roberta", ["bert"], {"bert": 1}, "BERT"])
def test_another_model_type_is_no_bert(model_type: object) -> None:
    with pytest.raises(HubNotBert):
        validation.clean_config({**GOOD, "model_type": model_type}, checkpoint="x")


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "\xff", "[" * 100_000, '"bert"'])
def test_a_config_file_that_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="latin-1")
    with pytest.raises(CheckpointBroken):
        validation.read_config(tmp_path / "config.json", checkpoint="x")


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (b"{", b""),
        (b"[]", b""),
        (b"[" * 50_000, b""),
        ({NORM: entry([10**9], 0, 4)}, bytes(4)),
        ({NORM: entry([10**9, 10**9, 10**9, 10**9], 0, 4 * 10**36)}, bytes(4)),
        ({NORM: entry([1], 0, 4)}, bytes(5)),
        ({NORM: entry([1], 0, 4)}, b""),
        ({NORM: entry([1], 4, 8)}, bytes(8)),
        ({NORM: entry([1], 0, 4), "embeddings.LayerNorm.bias": entry([1], 0, 4)}, bytes(4)),
        ({NORM: entry([1], 0, 4), "embeddings.LayerNorm.bias": entry([1], 8, 12)}, bytes(12)),
        ({NORM: entry([-1], 0, -4)}, b""),
        ({NORM: entry([1], 0, 4, "F8_E4M3")}, bytes(4)),
        ({NORM: entry([1, 1, 1, 1, 1], 0, 4)}, bytes(4)),
        ({NORM: {"dtype": "F32"}}, bytes(4)),
        ({NORM: [1]}, bytes(4)),
        ({NORM: {"dtype": [], "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
        ({"evil.weight": entry([1], 0, 4)}, bytes(4)),
        ({"../../x": entry([1], 0, 4)}, bytes(4)),
        ({NORM: entry([1], 0, 4), f"bert.{NORM}": entry([1], 4, 8)}, bytes(8)),
        (b'{"embeddings.LayerNorm.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"shape":[9]}}', bytes(4)),
    ],
)
def test_a_hostile_header_is_refused(tmp_path: Path, header: object, data: bytes) -> None:
    path = write_weights(tmp_path / "model.safetensors", header, data)
    with pytest.raises(CheckpointBroken):
        validation.check_weights(path, checkpoint="x")


def test_a_header_that_claims_to_be_vast_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", 2**63) + b"{}")
    with pytest.raises(CheckpointBroken):
        validation.check_weights(path)


def test_a_header_beyond_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    header = json.dumps({NORM: entry([1], 0, 4)}).encode() + b" " * validation._MAX_HEADER_BYTES
    with pytest.raises(CheckpointBroken):
        validation.check_weights(write_weights(tmp_path / "model.safetensors", header, bytes(4)))


@settings(max_examples=60, deadline=None)
@given(position=st.integers(0, 4_000), value=st.integers(0, 255))
def test_one_changed_byte_is_refused_or_changes_nothing_that_matters(tiny: Path, position: int, value: int) -> None:
    copy = tiny.parent / "changed.safetensors"
    data = bytearray((tiny / "model.safetensors").read_bytes())
    data[position] = value
    copy.write_bytes(data)
    try:
        facts = validation.check_weights(copy)
    except CheckpointBroken:
        return
    assert all(isinstance(shape, tuple) for shape in facts.shapes.values())


@pytest.mark.parametrize("size", [0, 4, 8, 100, -1])
def test_a_torn_file_is_refused(tmp_path: Path, tiny: Path, size: int) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes((tiny / "model.safetensors").read_bytes()[:size])
    with pytest.raises(CheckpointBroken):
        validation.check_weights(path)


def test_a_link_out_of_the_folder_and_a_folder_are_refused(tmp_path: Path, tiny: Path) -> None:
    (tmp_path / "model.safetensors").symlink_to(tiny / "model.safetensors")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "model.safetensors").mkdir()
    for path in (tmp_path / "model.safetensors", tmp_path / "b" / "model.safetensors", tmp_path / "none"):
        with pytest.raises(CheckpointBroken):
            validation.check_weights(path)


def test_the_old_names_of_layer_norm_are_read(tmp_path: Path) -> None:
    header = {"bert.embeddings.LayerNorm.gamma": entry([1], 0, 4), "bert.embeddings.LayerNorm.beta": entry([1], 4, 8)}
    facts = validation.check_weights(write_weights(tmp_path / "model.safetensors", header, bytes(8)))
    assert set(facts.shapes) == {"embeddings.LayerNorm.weight", "embeddings.LayerNorm.bias"}


def test_the_heads_are_told_from_the_names(tiny: Path, tiny_classifier: Path) -> None:
    body, classifier = (folder_checks.check_folder(folder) for folder in (tiny, tiny_classifier))
    assert (body.weights.has_pooler, body.weights.has_classifier, body.weights.has_mlm_head) == (True, False, False)
    assert classifier.weights.has_classifier and classifier.architecture == "BertForSequenceClassification"
    assert body.weights.parameters == classifier.weights.parameters == validation.parameters(body.config)


@pytest.mark.parametrize("change", [{"vocab_size": 99}, {"num_hidden_layers": 1}])
def test_weights_that_do_not_fit_the_config_are_refused(tmp_path: Path, tiny: Path, change: dict[str, int]) -> None:
    folder = shutil.copytree(tiny, tmp_path / "copy")
    raw = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**raw, **change}))
    with pytest.raises(CheckpointBroken) as caught:
        folder_checks.check_folder(folder)
    assert caught.value.values["file"] == "model.safetensors"


def test_weights_that_lack_tensors_of_the_encoder_are_refused_with_their_names(tmp_path: Path, tiny: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "copy")
    raw = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**raw, "num_hidden_layers": 3}))
    with pytest.raises(CheckpointIncomplete) as caught:
        folder_checks.check_folder(folder)
    assert caught.value.values["count"] == 16
    assert str(caught.value.values["missing"]).startswith("encoder.layer.2.attention.self.query.weight, ")


def test_an_index_of_shards_is_refused(tmp_path: Path, tiny: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "copy")
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"x": "../../other/model.safetensors"}}')
    with pytest.raises(CheckpointBroken) as caught:
        folder_checks.check_folder(folder)
    assert caught.value.values["file"] == "model.safetensors.index.json"


class Canary:
    """A pickle that leaves a file behind when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.path,)


def test_a_pickle_beside_or_instead_of_the_weights_is_never_opened(tmp_path: Path, tiny: Path) -> None:
    canary = tmp_path / "canary"
    folder = shutil.copytree(tiny, tmp_path / "copy")
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt"):
        (folder / name).write_bytes(pickle.dumps(Canary(canary)))
    loading.open_model(folder, "BertForSequenceClassification", labels=("a", "b"))
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointBroken):
        loading.open_model(folder)
    (folder / "model.safetensors").write_bytes(pickle.dumps(Canary(canary)))
    with pytest.raises(CheckpointBroken):
        loading.open_model(folder)
    assert not canary.exists()
    pickle.loads(pickle.dumps(Canary(canary)))  # noqa: S301  # the canary sings when it is opened
    assert canary.exists()
