"""The zip of a trained checkpoint: enough to use it elsewhere, and nothing that belongs to this machine."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from bertdemo.checkpoints import Catalogue
from bertdemo.errors import CheckpointUnknown
from bertdemo.run_config import RunConfig, Truncation
from bertdemo.serving.predictor import Predictor
from bertdemo.settings import Settings
from bertdemo.sharing.archive import export_zip
from tests.runs.conftest import Work
from tests.runs.support import request_for

pytestmark = pytest.mark.slow


@pytest.fixture
def exported(work: Work, data: Path, own_settings: Settings, tmp_path: Path) -> tuple[str, Path]:
    """A run's checkpoint and its zip."""
    folder = work(request_for(data, name="my reviews"))
    return folder.name, export_zip(folder.name, "", Catalogue(own_settings), tmp_path / "out.zip")


def test_a_zip_holds_weights_tokenizer_card_and_metrics_and_no_pickle(exported: tuple[str, Path]) -> None:
    with zipfile.ZipFile(exported[1]) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {
            "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt",
            "head_at_start.safetensors", "card.json", "run.json", "metrics.json",
        }  # fmt: skip
        card, metrics = json.loads(archive.read("card.json")), json.loads(archive.read("metrics.json"))
        assert card["name"] == "my reviews"
        assert card["labels"] == ["no", "yes"]
        assert metrics == card["metrics"]
        assert set(metrics) == {"accuracy", "macro_f1"}
        assert json.loads(archive.read("run.json"))["config"]["batch_size"] == 16


def test_a_zip_names_no_owner_no_path_and_no_row_of_the_data(
    exported: tuple[str, Path],
    own_settings: Settings,
    data: Path,
) -> None:
    row = data.read_text().splitlines()[1].rpartition(",")[0]
    secrets = [str(own_settings.home), str(data.parent), "/tmp/", hashlib.sha256(b"").hexdigest(), row]
    with zipfile.ZipFile(exported[1]) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            assert not [secret for secret in secrets if secret.encode() in content], name
            assert not name.startswith("/")
            assert ".." not in name


def test_an_unpacked_zip_opens_in_transformers_with_the_same_answers(
    exported: tuple[str, Path],
    own_settings: Settings,
    tmp_path: Path,
) -> None:
    import torch
    from transformers import BertForSequenceClassification, BertTokenizer

    checkpoint, path = exported
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "out")
    model = BertForSequenceClassification.from_pretrained(tmp_path / "out").eval()
    inputs = BertTokenizer.from_pretrained(tmp_path / "out")("good film 7", return_tensors="pt")
    with torch.inference_mode():
        probabilities = model(**inputs).logits.softmax(-1)[0].tolist()
    answer = Predictor(own_settings, Catalogue(own_settings)).predict("good film 7", "", checkpoint, "")
    assert {item.label: item.score for item in answer.output.labels} == pytest.approx(
        {model.config.id2label[i]: score for i, score in enumerate(probabilities)}, abs=1e-6
    )


def test_the_same_checkpoint_gives_the_same_zip(
    exported: tuple[str, Path], own_settings: Settings, tmp_path: Path
) -> None:
    again = export_zip(exported[0], "", Catalogue(own_settings), tmp_path / "again.zip")
    assert again.read_bytes() == exported[1].read_bytes()


def test_only_what_its_owner_trained_is_exported(
    exported: tuple[str, Path], own_settings: Settings, tmp_path: Path
) -> None:
    for checkpoint, owner in ((exported[0], "somebody else"), ("bundled", ""), ("local:tiny", "")):
        with pytest.raises(CheckpointUnknown):
            export_zip(checkpoint, owner, Catalogue(own_settings), tmp_path / "no.zip")
    assert not (tmp_path / "no.zip").exists()


# --- the one kind that transformers does not load by itself -------------------------------------------------


@pytest.fixture
def kept(work: Work, data: Path, own_settings: Settings, tmp_path: Path) -> tuple[str, Path]:
    """A kept regression and its unpacked zip."""
    folder = work(request_for(data, name="my <regression>", config={"method": "regression", "max_length": 12}))
    path = export_zip(folder.name, "", Catalogue(own_settings), tmp_path / "kept.zip")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "kept")
    return folder.name, tmp_path / "kept"


def test_the_zip_of_a_regression_says_how_it_is_loaded(kept: tuple[str, Path]) -> None:
    assert {path.name for path in kept[1].iterdir()} == {
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt",
        "card.json", "run.json", "metrics.json", "README.md",
    }  # fmt: skip
    card = json.loads((kept[1] / "card.json").read_text(encoding="utf-8"))
    assert card["pooling"] == "mean" and set(card["config"]) == set(RunConfig(method="regression").used())
    assert "Do not load this checkpoint with BertForSequenceClassification" in card["note"]
    said = (kept[1] / "README.md").read_text(encoding="utf-8")
    assert "Do not load it with\n`BertForSequenceClassification`" in said
    assert "请不要用 `BertForSequenceClassification` 加载" in said
    assert "regression>" not in said and "48 rows" in said


def test_the_code_in_its_readme_gives_the_logits_of_the_app(
    kept: tuple[str, Path], own_settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines are run as they stand, in the folder that was unpacked."""
    import torch

    from bertdemo.checkpoints.loading import open_model
    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.tasks.forward import batches

    code = (kept[1] / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    long = "a good film and [SEP] a bad one " * 9
    monkeypatch.chdir(kept[1])
    found: dict[str, object] = {}
    exec(compile(code.replace('"Nobody played it."', repr(long)), "README.md", "exec"), found)  # noqa: S102
    checkpoint = Catalogue(own_settings).folder(kept[0], "")
    model = open_model(checkpoint, "BertForSequenceClassification").model
    texts, logits = ["The violin stayed in its case.", long], torch.zeros(2, 2)
    with torch.inference_mode():
        for indices, inputs in batches(SharedTokenizer.from_folder(checkpoint), texts, None, Truncation(12)):
            logits[indices] = model(**inputs).logits
    assert float((found["logits"] - logits).abs().max()) <= 1e-5  # type: ignore[operator]
    predictor = Predictor(own_settings, Catalogue(own_settings))
    for text, row in zip(texts, logits.softmax(-1).tolist(), strict=True):
        answer = predictor.predict(text, "", kept[0], "")
        assert {item.label: item.score for item in answer.output.labels} == pytest.approx(
            dict(zip(("no", "yes"), row, strict=True)), abs=1e-5
        )
    assert "['" in capsys.readouterr().out
