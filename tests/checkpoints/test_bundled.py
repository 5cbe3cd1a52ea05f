"""The model installed with the app: its facts, its hash, its first tokenizer."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bertdemo.checkpoints import Catalogue, bundled, folder_checks
from bertdemo.errors import CheckpointBroken
from bertdemo.settings import Settings


def test_the_facts_in_the_table_are_those_of_the_files(settings: Settings) -> None:
    info = Catalogue(settings).describe("bundled", "")
    vetted = folder_checks.check_folder(bundled.folder())
    assert (info.layers, info.width, info.heads) == (6, 384, 12)
    assert round(info.parameters / 1e6, 1) == 22.7
    assert info.parameters == vetted.weights.parameters
    assert {key: vetted.config[key] for key in bundled.SHAPE} == bundled.SHAPE
    assert (info.language, info.cased, info.pooling, info.ready) == ("en", False, "mean", True)
    assert {"tokenize", "embed", "similarity", "fine_tune"} == set(info.can)
    assert {"labels", "fill_mask", "chinese"} == set(info.cannot)


def test_the_weights_have_the_hash_that_is_written_down(settings: Settings) -> None:
    assert Catalogue(settings).folder("bundled", "") == bundled.folder()
    assert Catalogue(settings).origin("bundled", "") == (bundled.SHA256, None)


def test_changed_weights_are_refused_and_hashed_again_when_they_change(tmp_path: Path, tiny: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "copy")
    for _ in range(2):
        with pytest.raises(CheckpointBroken) as caught:
            bundled.verified(folder)
    assert caught.value.values == {"checkpoint": "bundled", "file": "model.safetensors"}
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointBroken):
        bundled.verified(folder)


def test_the_hash_is_taken_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    bundled.verified()
    monkeypatch.setattr(bundled, "file_sha256", lambda _: pytest.fail("hashed again"))
    bundled.verified()


def test_a_list_and_a_tokenizer_import_neither_torch_nor_transformers(home: Path) -> None:
    code = (
        "import sys\n"
        "from bertdemo.checkpoints import Catalogue\n"
        "from bertdemo.settings import Settings\n"
        f"catalogue = Catalogue(Settings.from_env({{'BERTDEMO_HOME': {str(home)!r}}}))\n"
        "assert catalogue.list('')[0].id == 'bundled'\n"
        "assert catalogue.tokenizer('bundled', '').encode('hello').tokens == ['[CLS]', 'hello', '[SEP]']\n"
        "heavy = {'torch', 'transformers', 'datasets', 'evaluate', 'sentence_transformers', 'sklearn', 'gradio'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr
