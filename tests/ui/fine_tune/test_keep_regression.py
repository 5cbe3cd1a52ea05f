"""The button below the baselines: it is there when there is a regression to keep, and starts a run like Start does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bertdemo.errors import DataNotChosen
from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.run_config import RunConfig, specs
from bertdemo.runs.request import RunRequest
from bertdemo.services import Services
from bertdemo.ui.fine_tune import baselines_panel
from bertdemo.ui.fine_tune.baselines_html import FEW_ROWS, render_baselines
from bertdemo.ui.fine_tune.callbacks import _Callbacks
from bertdemo.ui.fine_tune.dataset_state import Picked, Source
from bertdemo.ui.fine_tune.run_settings import SettingsForm
from tests.runs.support import machine, rows_of, settings_with, write_csv
from tests.tiny import build_tiny_checkpoint
from tests.ui.fine_tune.test_baselines_html import FOUND, words

pytestmark = pytest.mark.slow

PICKED = Picked("classification", "text", "", "label")
FORM = {"epochs": "7", "learning_rate": "not a number", "max_length": "24", "seed": 5, "precision": "bfloat16"}
"""What a person may have left in the form."""


def sent(**values: Any) -> list[Any]:
    return [values.get(spec.name, "" if spec.optional else spec.default) for spec in specs()]


@pytest.fixture
def services(home: Path, tmp_path: Path) -> Iterator[Services]:
    tiny = build_tiny_checkpoint(tmp_path / "tiny")
    built = Services.create(replace(settings_with(home), checkpoint_folders=(tiny,)))
    built.admission.devices_found(machine())
    yield built
    built.close()


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = write_csv(tmp_path / "data.csv", [*rows_of(24), rows_of(24)[3]])
    return Source(str(path), path.name, cleaning=("drop_duplicates",))


def begun(services: Services, name: str, source: Source | None, fields: list[Any]) -> RunRequest:
    outputs = getattr(_Callbacks(services), name)(source, PICKED, None, None, "local:tiny", "", "en", *fields)
    trouble, run = outputs[:2]
    assert trouble == "" and 'data-state="queued"' in outputs[4]
    return services.registry.read(run["run"], "").request


def test_what_is_kept_has_the_data_mends_columns_and_model_that_start_would_take(
    services: Services, source: Source
) -> None:
    kept, started = begun(services, "keep", source, sent()), begun(services, "start", source, sent())
    assert kept.config == replace(started.config, method="regression")
    for name in ("columns", "cleaning", "checkpoint", "data_name", "task", "baselines"):
        assert getattr(kept, name) == getattr(started, name), name
    assert kept.cleaning == ("drop_duplicates",)
    assert started.config.method == "fine_tune"


def test_training_again_after_a_reload_takes_what_was_changed_in_the_form(services: Services, source: Source) -> None:
    calls, asked = _Callbacks(services), (PICKED, None, None, "local:tiny", "", "en")
    _, run, *_ = calls.start(source, *asked, *sent(epochs="3", learning_rate="0.0002", keep="tail"))
    first = services.registry.read(run["run"], "").request
    reloaded = (PICKED, None, None, "bundled", "", "en")  # the form is at its defaults again, but for two
    _, again, *_ = calls.again(run, None, *reloaded, *sent(epochs="5", seed=7))
    second = services.registry.read(again["run"], "").request
    assert second.config == replace(first.config, epochs=5, seed=7)
    assert (second.checkpoint, second.cleaning, second.data_name) == ("local:tiny", first.cleaning, first.data_name)
    _, other, *_ = calls.again(run, None, *asked[:3], "google-bert/bert-base-cased", "", "en", *sent())
    assert services.registry.read(other["run"], "").request.checkpoint == "google-bert/bert-base-cased"


def test_settings_that_a_regression_has_no_use_for_do_not_matter(services: Services, source: Source) -> None:
    kept = begun(services, "keep", source, sent(**FORM)).config
    assert kept == RunConfig(method="regression", device="cpu", max_length=24, seed=5)


def test_the_method_can_be_chosen_in_the_form_too(services: Services, source: Source) -> None:
    assert begun(services, "start", source, sent(method="regression")).config.frozen


def test_what_it_had_found_before_goes_with_the_run(services: Services, source: Source) -> None:
    _, keep = baselines_panel._answer(services, source, PICKED, "local:tiny", "", "en", lambda share, desc: None)
    assert keep["visible"] is True
    assert set(begun(services, "keep", source, sent()).baselines) == {"majority", "tfidf", "frozen"}


def test_nothing_can_be_kept_where_the_model_is_not_here(services: Services, source: Source) -> None:
    away = "google-bert/bert-base-cased"
    _, keep = baselines_panel._answer(services, source, PICKED, away, "", "en", lambda share, desc: None)
    assert keep["visible"] is False


def test_without_data_it_says_so(services: Services) -> None:
    with pytest.raises(DataNotChosen):
        _Callbacks(services).keep(None, None, None, None, "bundled", "", "en", *sent())


def test_every_setting_keeps_its_place() -> None:
    fields = SettingsForm.for_regression(sent(**FORM))
    assert RunConfig.from_fields(SettingsForm.values(fields)) == RunConfig(method="regression", max_length=24, seed=5)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_with_few_rows_a_label_the_answer_points_to_it(lang: str) -> None:
    hint = translate(lang, "baseline.keep_few")
    assert hint in words(render_baselines(FOUND, FEW_ROWS - 1, lang))
    assert hint not in words(render_baselines(FOUND, FEW_ROWS, lang))
    assert hint not in words(render_baselines(FOUND[:2], FEW_ROWS - 1, lang))  # nothing to keep
