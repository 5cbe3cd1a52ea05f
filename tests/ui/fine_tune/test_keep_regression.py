"""The button below the baselines: it is there when there is a regression to keep, and starts a run like Start does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bertdemo.errors import DataNotChosen
from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.run_config import RunConfig
from bertdemo.runs.request import RunRequest
from bertdemo.services import Services
from bertdemo.ui.fine_tune import baselines_panel
from bertdemo.ui.fine_tune.dataset_state import Picked, Source, silent
from bertdemo.ui.fine_tune.html.baselines import FEW_ROWS, render_baselines
from bertdemo.ui.fine_tune.run_settings import for_probe
from bertdemo.ui.page import Visit
from tests.runs.support import rows_of, write_csv
from tests.ui.fine_tune.support import FIELDS, Tab, choice, tab
from tests.ui.fine_tune.test_baselines_html import FOUND, words

pytestmark = pytest.mark.slow

PICKED = Picked("classification", "text", "", "label")
FORM = {"epochs": "7", "learning_rate": "not a number", "max_length": "24", "seed": 5, "precision": "bfloat16"}
"""What a person may have left in the form."""


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = write_csv(tmp_path / "data.csv", [*rows_of(24), rows_of(24)[3]])
    return Source(str(path), path.name, cleaning=("drop_duplicates",))


def begun(page: Tab, name: str, source: Source | None, **fields: Any) -> RunRequest:
    chosen = choice(source=source, picked=PICKED, checkpoint="local:tiny", fields=fields)
    updates = getattr(page.runs, name)(chosen)
    assert updates[page.parts.bar.trouble] == "" and 'data-state="queued"' in str(updates[page.parts.run.panel])
    run = updates[page.runs.page.run]["run"]  # type: ignore[index]
    return page.runs.page.services.registry.read(run, "").request


def test_what_is_kept_has_the_data_mends_columns_and_model_that_start_would_take(
    services: Services, source: Source
) -> None:
    page = tab(services)
    kept, started = begun(page, "keep", source), begun(page, "start", source)
    assert kept.config == replace(started.config, method="regression")
    for name in ("columns", "cleaning", "checkpoint", "data_name", "task", "baselines"):
        assert getattr(kept, name) == getattr(started, name), name
    assert kept.cleaning == ("drop_duplicates",)
    assert started.config.method == "contrastive"  # the recipe for so few rows per label


def test_training_again_after_a_reload_takes_what_was_changed_in_the_form(services: Services, source: Source) -> None:
    page = tab(services)
    fields = {"epochs": "3", "learning_rate": "0.0002", "keep": "tail"}
    asked = choice(source=source, picked=PICKED, checkpoint="local:tiny", fields=fields)
    run = page.runs.start(asked)[page.runs.page.run]["run"]  # type: ignore[index]
    first = services.registry.read(run, "").request

    def again(**chosen: Any) -> RunRequest:  # the form is at its defaults again, but for what is chosen
        updates = page.runs.again(choice(run=run, **chosen))
        return services.registry.read(updates[page.runs.page.run]["run"], "").request  # type: ignore[index]

    second = again(fields={"epochs": "5", "seed": 7})
    assert second.config == replace(first.config, epochs=5, seed=7)
    assert (second.checkpoint, second.cleaning, second.data_name) == ("local:tiny", first.cleaning, first.data_name)
    assert again(checkpoint="google-bert/bert-base-cased").checkpoint == "google-bert/bert-base-cased"


def test_after_a_reload_the_data_and_their_choices_come_from_the_run(services: Services, source: Source) -> None:
    page = tab(services)
    asked = choice(source=source.relabeled({"2": "no"}), picked=PICKED, checkpoint="local:tiny")
    run = page.runs.start(asked)[page.runs.page.run]["run"]  # type: ignore[index]
    updates = page.runs.back(choice(run=run, checkpoint="local:tiny"))
    found = updates[page.parts.state.source]
    assert (found.name, found.cleaning, found.relabel) == (source.name, source.cleaning, {"2": "no"})  # type: ignore[attr-defined]
    assert updates[page.parts.state.picked] == PICKED and updates[page.parts.state.facts] is not None


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_link_to_a_run_that_is_gone_says_so_and_leads_to_the_list(services: Services, lang: str) -> None:
    page = tab(services)
    updates = page.runs.arrive(Visit(lang, "train", "20261128-000000-0000000000000000", "", ""), None)
    notice = str(updates[page.parts.empty.notice])
    assert translate(lang, "runs.lost") in notice and f"?tab=runs&lang={lang}" in notice
    assert updates[page.parts.state.stage] == "empty" and updates[page.runs.page.run] == {"run": None}
    assert page.parts.empty.notice not in page.runs.arrive(Visit(lang, "train", "", "", ""), {"run": "gone"})


def test_settings_that_a_regression_has_no_use_for_do_not_matter(services: Services, source: Source) -> None:
    kept = begun(tab(services), "keep", source, **FORM).config
    assert kept == RunConfig(method="regression", device="cpu", max_length=24, seed=5)


def test_the_method_can_be_chosen_in_the_form_too(services: Services, source: Source) -> None:
    assert begun(tab(services), "start", source, method="regression").config.frozen


def test_what_it_had_found_before_goes_with_the_run(services: Services, source: Source) -> None:
    page = tab(services)
    calls = baselines_panel.Callbacks(services, page.parts.data.baselines)
    drawn = calls.compute(choice(source=source, picked=PICKED, checkpoint="local:tiny"), silent)
    assert drawn[calls.parts.keep]["visible"] is True  # type: ignore[index]
    assert set(begun(page, "keep", source).baselines) == {"majority", "tfidf", "frozen"}


def test_nothing_can_be_kept_where_the_model_is_not_here(services: Services, source: Source) -> None:
    calls = baselines_panel.Callbacks(services, tab(services).parts.data.baselines)
    away = choice(source=source, picked=PICKED, checkpoint="google-bert/bert-base-cased")
    assert calls.compute(away, silent)[calls.parts.keep]["visible"] is False  # type: ignore[index]


def test_without_data_it_says_so(services: Services) -> None:
    with pytest.raises(DataNotChosen):
        tab(services).runs.keep(choice())


def test_every_setting_keeps_its_place() -> None:
    fields = for_probe({**FIELDS, **FORM})
    assert RunConfig.from_fields(fields) == RunConfig(method="regression", max_length=24, seed=5)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_with_few_rows_a_label_the_answer_points_to_it(lang: str) -> None:
    hint = translate(lang, "baseline.keep_few")
    assert hint in words(render_baselines(FOUND, FEW_ROWS - 1, lang))
    assert hint not in words(render_baselines(FOUND, FEW_ROWS, lang))
    assert hint not in words(render_baselines(FOUND[:2], FEW_ROWS - 1, lang))  # nothing to keep
