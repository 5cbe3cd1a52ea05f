"""The run that ships with the app: what its files rebuild, and that all may read it and nobody may change it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from bertdemo.checkpoints import Catalogue
from bertdemo.errors import CheckpointUnknown, RunShipped, TooManyRuns
from bertdemo.runs import shipped
from bertdemo.runs.notes import RunNotes
from bertdemo.runs.registry import Registry
from bertdemo.runs.status import status_of
from bertdemo.serving.predictor import Predictor
from bertdemo.settings import Settings
from tests.runs.support import created

# Of the model.safetensors that `shipped.install` writes.
SHA256 = "0e50a4266877eaaeffc26274890ea8eb649c38f405435517b18f256624bda90f"
MOST_BYTES = 5_000_000
OWNERS = ("", "a" * 43)
RUN = shipped.run_id()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with the run in it."""
    home = tmp_path_factory.mktemp("shipped") / "home"
    settings = Settings.from_env({"BERTDEMO_HOME": str(home)})
    settings.home.mkdir()
    shipped.install(settings, Catalogue(settings))
    return settings


def test_its_files_are_small_and_name_nobody() -> None:
    files = [path for path in shipped.FILES.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    for name in ("run.json", "card.json"):
        assert json.loads((shipped.FILES / name).read_text(encoding="utf-8"))["owner"] == "public"
    texts = "".join(path.read_text(encoding="utf-8") for path in files if path.suffix in {".json", ".jsonl"})
    assert "/home/" not in texts
    assert "/tmp" not in texts


@pytest.mark.slow
def test_it_rebuilds_one_checkpoint_byte_for_byte(installed: Settings) -> None:
    weights = installed.trained / RUN / "model.safetensors"
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == SHA256


@pytest.mark.slow
@pytest.mark.parametrize("owner", OWNERS)
def test_every_owner_reads_it(installed: Settings, owner: str) -> None:
    registry, catalogue = Registry(installed), Catalogue(installed)
    status = status_of(registry.read(RUN, owner))
    assert (status.state, status.checkpoint, status.shipped) == ("finished", RUN, True)
    assert registry.ids(owner) == [RUN]
    assert RUN in {info.id for info in catalogue.list(owner)}
    assert registry.class_map(RUN, owner) is not None


@pytest.mark.slow
def test_its_checkpoint_gives_the_predictions_that_the_run_shows(installed: Settings) -> None:
    predictor = Predictor(installed, Catalogue(installed))
    rows = Registry(installed).evaluation(RUN, "")
    right = 0
    for row in rows:
        best = predictor.predict(row["text"], "", RUN, "").output.best
        assert best.label == row["predicted"]
        assert best.score == pytest.approx(row["confidence"], abs=1e-4)
        right += best.label == row["label"]
    accuracy = status_of(Registry(installed).read(RUN, "")).metrics["accuracy"]["value"]
    assert right / len(rows) == pytest.approx(accuracy)


@pytest.mark.slow
@pytest.mark.parametrize("owner", OWNERS)
def test_nobody_changes_it(installed: Settings, owner: str) -> None:
    registry, catalogue = Registry(installed), Catalogue(installed)
    for change in (registry.hide, registry.delete, registry.ask_to_stop):
        with pytest.raises(RunShipped):
            change(RUN, owner)
    with pytest.raises(RunShipped):
        registry.annotate(RUN, owner, RunNotes("mine", ""))
    for attempt in (lambda: catalogue.delete(RUN, owner), lambda: catalogue.rename(RUN, owner, "mine")):
        with pytest.raises(CheckpointUnknown):
            attempt()
    assert not catalogue.owns(RUN, owner)


@pytest.mark.slow
def test_no_quota_counts_it(installed: Settings, data: Path) -> None:
    settings = replace(installed, limits=replace(installed.limits, kept_runs=1))
    registry = Registry(settings)
    run = created(registry, data)
    assert registry.ids("") == [run, RUN]
    with pytest.raises(TooManyRuns):
        created(registry, data)


def test_a_home_that_cannot_be_written_costs_the_run_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "home").write_text("", encoding="utf-8")  # a file where the folder should be
    settings = Settings.from_env({"BERTDEMO_HOME": str(tmp_path / "home")})
    shipped.install(settings, Catalogue(settings))
    assert "was not installed" in caplog.text


@pytest.mark.slow
def test_its_checkpoint_is_not_called_trained_by_the_reader(installed: Settings) -> None:
    from bertdemo.ui.html.predictions import describe, render_model

    info = Catalogue(installed).describe(RUN, "")
    for drawn in (describe(info, "en"), render_model(info, "en")):
        assert "example that comes with the app" in drawn
        assert "trained by you" not in drawn
