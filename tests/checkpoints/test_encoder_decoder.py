"""Two BERTs in one file: each half is held to the rules of a BERT alone, and the one that reads serves every task."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from bertdemo import tasks
from bertdemo.checkpoints import Catalogue, folder_checks, loading
from bertdemo.errors import CheckpointBroken, CheckpointError, CheckpointIncomplete
from bertdemo.hub.model_files import WEIGHTS_FILE
from bertdemo.settings import Settings
from tests.tiny import build_tiny_checkpoint

LABELED = ("BertForSequenceClassification", "BertForTokenClassification")
CLASSES: tuple[loading.Architecture, ...] = ("BertModel", *LABELED, "BertForQuestionAnswering", "BertForMaskedLM")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pair as a run writes it."""
    folder = tmp_path_factory.mktemp("pairs")
    base = build_tiny_checkpoint(folder / "base")
    (folder / "pair").mkdir()
    loading.write(loading.open_model(base, "EncoderDecoderModel", seed=0).model, base, folder / "pair")
    return folder / "pair"


def copied(pair: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pair, tmp_path / "copy"))


def test_a_pair_opens_again_with_nothing_new_and_the_same_numbers(pair: Path) -> None:
    opened = loading.open_model(pair, "EncoderDecoderModel")
    assert opened.new_weights == () and opened.unexpected == ()
    told: Any = opened.model
    import transformers

    plain: Any = transformers.EncoderDecoderModel.from_pretrained(pair).eval()
    ids, labels = torch.tensor([[2, 7, 9, 3]]), torch.tensor([[8, 9, 3]])
    with torch.inference_mode():
        first, second = (model(input_ids=ids, labels=labels) for model in (told, plain))
    assert torch.equal(first.logits, second.logits) and first.loss == second.loss


@pytest.mark.parametrize("name", CLASSES)
def test_the_half_that_reads_serves_every_other_head(pair: Path, name: loading.Architecture) -> None:
    opened = loading.open_model(pair, name, labels=("a", "b") if name in LABELED else (), seed=0)
    state, file = opened.model.state_dict(), load_file(pair / WEIGHTS_FILE)
    key = "embeddings.word_embeddings.weight"
    assert torch.equal(state[key if name == "BertModel" else f"bert.{key}"], file[f"encoder.{key}"])
    assert opened.unexpected in {(), ("pooler.dense.bias", "pooler.dense.weight")}


def test_the_catalogue_says_what_it_holds_and_its_config_names_no_path(pair: Path, home: Path, tmp_path: Path) -> None:
    folder = copied(pair, tmp_path)
    settings = Settings.from_env({"BERTDEMO_HOME": str(home), "BERTDEMO_CHECKPOINTS": str(folder)})
    info = Catalogue(settings).describe("local:copy", "")
    assert (info.layers, info.width, info.other_head) == (2, 32, "EncoderDecoderModel")
    assert tasks.for_checkpoint(info) is None and "fine_tune" in info.can and "fill_mask" in info.cannot
    for name in ("config.json", "generation_config.json"):
        assert str(pair.parent) not in (pair / name).read_text(encoding="utf-8")


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.pop("decoder"),
        lambda raw: raw.update(encoder=[]),
        lambda raw: raw["decoder"].update(is_decoder=False),
        lambda raw: raw["decoder"].update(add_cross_attention="yes"),
        lambda raw: raw["decoder"].update(hidden_size=64),
        lambda raw: raw["decoder"].update(model_type="gpt2"),
        lambda raw: raw["encoder"].update(model_type="vit"),
        lambda raw: raw["decoder"].update(num_hidden_layers=3),
        lambda raw: raw["decoder"].update(vocab_size=7),
        lambda raw: raw.update(decoder_start_token_id=10**9),
        lambda raw: raw.update(eos_token_id=True),
        lambda raw: raw.update(pad_token_id=None),
    ],
)  # fmt: skip
def test_a_hostile_config_of_two_halves_is_refused(pair: Path, tmp_path: Path, change: Change) -> None:
    folder = copied(pair, tmp_path)
    raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    change(raw)
    (folder / "config.json").write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(CheckpointError):
        loading.open_model(folder, "EncoderDecoderModel")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("decoder.bert.encoder.layer.1.crossattention.self.key.weight", CheckpointIncomplete),
        ("decoder.bert.embeddings.word_embeddings.weight", CheckpointIncomplete),
        ("encoder.encoder.layer.0.output.dense.bias", CheckpointIncomplete),
        ("decoder.cls.predictions.transform.dense.weight", CheckpointIncomplete),
    ],
)
def test_a_pair_without_one_of_its_tensors_is_refused_with_its_name(
    pair: Path, tmp_path: Path, name: str, error: type[CheckpointError]
) -> None:
    folder = copied(pair, tmp_path)
    tensors = load_file(folder / WEIGHTS_FILE)
    del tensors[name]
    save_file(tensors, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    with pytest.raises(error) as raised:
        folder_checks.check_folder(folder)
    assert name.removeprefix("encoder.").replace("decoder.bert.", "decoder.") in str(raised.value.values["missing"])


@pytest.mark.parametrize(
    "name",
    [
        "decoder.x",
        "enc_to_dec_proj.weight",
        "decoder.bert.encoder.layer.7.output.dense.bias",
        "encoder.bert.x",
        "other",
    ],
)
def test_a_pair_with_a_foreign_tensor_is_refused(pair: Path, tmp_path: Path, name: str) -> None:
    folder = copied(pair, tmp_path)
    tensors = load_file(folder / WEIGHTS_FILE)
    save_file({**tensors, name: torch.zeros(32)}, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    with pytest.raises(CheckpointBroken):
        folder_checks.check_folder(folder)
