"""Try several without a browser: what each kind plans and starts, and how a study is found, left and taken over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio.context import LocalContext

from bertdemo import tasks
from bertdemo.dataset import stored
from bertdemo.errors import BudgetOutOfBounds, DataNotChosen, FieldOutOfBounds, StudyAlive, StudyUnknown
from bertdemo.run_config import RunConfig
from bertdemo.runs.request import StudyMember
from bertdemo.runs.studies.study import Progress, Trial, TrialScore, Variant
from bertdemo.services import Services
from bertdemo.ui.fine_tune.choice import Choice, Values
from bertdemo.ui.fine_tune.dataset_state import Picked, Source
from bertdemo.ui.fine_tune.studies.callbacks import StudyCallbacks
from bertdemo.ui.page import Visit
from bertdemo.ui.updates import Updates
from tests.runs.support import rows_of, write_csv
from tests.ui.fine_tune.support import choice, tab

pytestmark = pytest.mark.slow
PICKED = Picked("classification", "text", "", "label")


@pytest.fixture
def calls(services: Services) -> StudyCallbacks:
    page = tab(services)
    return StudyCallbacks(page.data.page, page.parts, page.data, page.runs)


@pytest.fixture
def chosen(tmp_path: Path) -> Choice:
    path = write_csv(tmp_path / "reviews.csv", rows_of(60))
    source = Source(str(path), "reviews.csv")
    return choice(source=source, picked=PICKED, checkpoint="local:tiny", stage="data", fields={"epochs": "3"})


def values(calls: StudyCallbacks, kind: str, study: str = "", **more: Any) -> dict[Any, Any]:
    form = calls.parts.study.form
    ticked = {"checkpoints": [], "fields": [], "minutes": 10, **more}
    boxes = {form.checkpoints: ticked["checkpoints"], form.fields: ticked["fields"], form.minutes: ticked["minutes"]}
    typed = {box: ([] if isinstance(box, gr.CheckboxGroup) else "") for box in form.ranges.inputs}
    typed |= {form.ranges.boxes[name][at]: text for (name, at), text in more.get("typed", {}).items()}
    return {form.kind: kind, **boxes, **typed, calls.page.run: {"run": None, "study": study}}


def plan(calls: StudyCallbacks, chosen: Choice, kind: str, **more: Any) -> dict[Any, Any]:
    return dict(calls.plan(chosen, values(calls, kind, **more)))


def test_each_kind_shows_its_own_controls_and_says_what_a_press_does(calls: StudyCallbacks, chosen: Choice) -> None:
    form = calls.parts.study.form
    for kind, words in (
        ("seeds", "3 runs that differ only in the seed"),
        ("layers", "Runs: 2"),
        ("search", "Optuna"),
        ("checkpoints", "ticked"),
    ):
        planned = plan(calls, chosen, kind)
        assert words in str(planned[form.plan])
        shown = [box for box in (form.checkpoints, form.fields, form.minutes) if planned[box]["visible"]]
        own = {"checkpoints": [form.checkpoints], "search": [form.fields, form.minutes]}.get(kind, [])
        assert shown == own
    search = plan(calls, chosen, "search")[form.fields]
    assert [name for _, name in search["choices"]][:3] == search["value"] == ["learning_rate", "epochs", "batch_size"]
    assert "Epochs: 1 … 6" in dict.fromkeys(words for words, _ in search["choices"])
    assert "value" not in plan(calls, chosen, "search", fields=["layers"])[form.fields]
    assert plan(calls, chosen, "search", fields=["gone", "layers"])[form.fields]["value"] == ["layers"]
    models = plan(calls, chosen, "checkpoints")[form.checkpoints]
    assert models["value"] == ["local:tiny"] and "bundled" in [name for _, name in models["choices"]]


def test_without_data_nothing_can_be_started(calls: StudyCallbacks) -> None:
    assert plan(calls, choice(), "search")[calls.parts.study.form.go]["interactive"] is False
    with pytest.raises(DataNotChosen):
        calls.start(choice(), values(calls, "seeds"))


def test_a_start_shows_the_study_in_place_of_the_data_and_an_arrival_finds_it_again(
    calls: StudyCallbacks, chosen: Choice
) -> None:
    updates = calls.start(chosen, values(calls, "layers"))
    study = dict(updates)[calls.page.run]["study"]  # type: ignore[index]
    assert updates[calls.parts.state.stage] == "study" and "How many layers" in str(
        updates[calls.parts.study.place.panel]
    )
    stored = calls.page.services.studies.store.read(study, "").study
    assert [variant.settings for variant in stored.variants] == [{"layers": 1}, {"layers": 2}]
    assert (stored.request.config.epochs, stored.request.checkpoint) == (3, "local:tiny")
    remembered: dict[str, str | None] = {"run": None, "study": study}
    for visit, found in ((Visit("en", "train", "", "", "", study=study), True),
                         (Visit("en", "train", "", "", ""), True),
                         (Visit("en", "train", "", "", "", sample="support_en"), False)):  # fmt: skip
        assert (calls.parts.study.place.panel in calls.arrive(visit, remembered)) is found
    lost = calls.arrive(Visit("en", "train", "", "", "", study="gone"), None)
    assert lost[calls.parts.state.stage] == "empty" and calls.parts.empty.notice in lost


def test_a_search_without_a_budget_is_refused_and_one_with_a_budget_starts(
    calls: StudyCallbacks, chosen: Choice
) -> None:
    with pytest.raises(BudgetOutOfBounds):
        calls.start(chosen, values(calls, "search", fields=["epochs"], minutes=0))
    updates = dict(calls.start(chosen, values(calls, "search", fields=["epochs"], minutes=3)))
    stored = calls.page.services.studies.store.read(updates[calls.page.run]["study"], "").study  # type: ignore[index]
    assert (stored.budget_seconds, [it.field for it in stored.space]) == (180, ["epochs"])


def test_the_boxes_of_the_ticked_fields_show_the_range_that_is_taken_where_they_stay_empty(
    calls: StudyCallbacks, chosen: Choice
) -> None:
    form = calls.parts.study.form
    planned = plan(calls, chosen, "search", fields=["epochs", "layers"])
    shown = {box.elem_id: planned[box]["placeholder"] for box in form.ranges.inputs if planned[box]["visible"]}
    assert shown == {"study-epochs-low": "1", "study-epochs-high": "6", "study-layers-list": "1, 2"}
    assert planned[form.ranges.row]["visible"] is True
    for method, choices in (("fine_tune", 0), ("regression", 3)):  # of two choices both are needed
        with_method = replace(chosen, fields={**chosen.fields, "method": method})
        again = dict(calls.ranges(with_method, values(calls, "search", fields=["method"])))
        visible = [box for box in form.ranges.inputs if again[box]["visible"]]  # type: ignore[index]
        assert visible == ([*form.ranges.boxes["method"]] if choices else [])
        assert sum(len(again[box]["value"]) for box in visible) == choices  # type: ignore[index]
    assert dict(plan(calls, chosen, "seeds"))[form.ranges.row]["visible"] is False


def test_a_search_keeps_the_ranges_that_were_typed_and_refuses_wrong_ones(
    calls: StudyCallbacks, chosen: Choice
) -> None:
    typed = {("epochs", 0): "2", ("epochs", 1): "4", ("batch_size", 0): "4, 16"}
    fields = ["epochs", "batch_size", "dropout"]
    updates = dict(calls.start(chosen, values(calls, "search", fields=fields, typed=typed)))
    study = calls.page.services.studies.store.read(updates[calls.page.run]["study"], "").study  # type: ignore[index]
    space = {it.field: it for it in study.space}
    assert (space["epochs"].low, space["epochs"].high) == (2, 4)
    assert space["batch_size"].choices == (4, 16)
    assert (space["dropout"].low, space["dropout"].high) == (0.0, 0.3)
    with pytest.raises(FieldOutOfBounds):  # a trial trains on 38 rows
        calls.start(chosen, values(calls, "search", fields=fields, typed={("batch_size", 0): "16, 64"}))


def test_the_settings_of_the_best_trial_or_of_a_row_fill_the_form_after_a_reload(
    calls: StudyCallbacks, chosen: Choice
) -> None:
    started = dict(calls.start(chosen, values(calls, "search", fields=["epochs", "learning_rate"])))
    study = started[calls.page.run]["study"]  # type: ignore[index]
    trials = [Trial(at, "trial", Variant({"epochs": 2 + at, "learning_rate": 3e-4}), state="finished",
                    score=TrialScore("accuracy", value)) for at, value in enumerate((0.7, 0.9, 0.8))]  # fmt: skip
    calls.page.services.studies.store.write(study, Progress(tuple(trials), ended=True))
    drawn = dict(calls.drawn(study, "", "", "en"))
    assert drawn[calls.parts.study.bar.use]["visible"] is True  # type: ignore[index]
    controls = calls.parts.data.form.controls
    reloaded = choice(stage="study")
    for number, epochs in (("", "3"), ("2", "4"), ("99", "3")):
        updates = dict(calls.use(reloaded, values(calls, "search", study), number))
        filled = [updates[controls[name]] for name in ("epochs", "learning_rate")]
        assert [it["value"] if isinstance(it, dict) else it for it in filled] == [epochs, "0.0003"]
        source = updates[calls.parts.state.source]
        assert isinstance(source, Source) and source.name == "reviews.csv" and Path(source.path).is_file()
        assert updates[calls.parts.state.stage] == "data"


def test_a_trial_that_is_trained_again_is_a_run_of_its_own_on_the_whole_training_set(
    calls: StudyCallbacks, chosen: Choice
) -> None:
    services = calls.page.services
    assert chosen.source
    base = calls.runs.request(chosen, chosen.source, RunConfig(epochs=2, device="cpu"))
    member = StudyMember("20260101-000000-0123456789abcdef", 0, inner=True)
    trial = services.admission.start(replace(base, study=member, name="reviews.csv · #1"), "")
    again = dict(calls.runs.again(choice(run=trial)))[calls.page.run]["run"]  # type: ignore[index]
    request = services.registry.request(again, "")
    assert (request.study, request.name, request.config.epochs) == (None, "", 2)
    for run, rows in ((trial, 38), (again, 48)):
        dataset = stored.load(services.registry.folder(run), tasks.find("classification"), request.columns)
        assert dataset and len(dataset.parts["train"].rows) == rows


def test_a_deleted_study_leaves_the_data_and_can_be_had_back(calls: StudyCallbacks, chosen: Choice) -> None:
    services, bar = calls.page.services, calls.parts.study.bar
    study = dict(calls.start(chosen, values(calls, "layers")))[calls.page.run]["study"]  # type: ignore[index]
    assert dict(calls.drawn(study, "", "", "en"))[bar.delete]["visible"] is False  # type: ignore[index]
    with pytest.raises(StudyAlive):
        calls.delete(chosen, values(calls, "layers", study))
    services.studies.store.write(study, Progress(ended=True))
    assert dict(calls.drawn(study, "", "", "en"))[bar.delete]["visible"] is True  # type: ignore[index]
    updates = calls.delete(chosen, values(calls, "layers", study))
    assert updates[calls.page.run] == {"run": None}
    assert updates[calls.parts.state.stage] == "data"
    assert study in str(updates[bar.deleted]) and "reviews.csv" in str(updates[bar.deleted])
    assert calls.arrive(Visit("en", "train", "", "", "", study=study), None)[calls.parts.state.stage] == "empty"
    restored = calls.restore(chosen, study)
    assert restored[calls.page.run] == {"run": None, "study": study} and restored[bar.deleted] == ""
    assert restored[calls.parts.state.stage] == "study"


def test_after_a_reload_a_deleted_study_leaves_no_data_that_go_with_it(calls: StudyCallbacks, chosen: Choice) -> None:
    study = dict(calls.start(chosen, values(calls, "layers")))[calls.page.run]["study"]  # type: ignore[index]
    store = calls.page.services.studies.store
    store.write(study, Progress(ended=True))
    inside = Source(store.read(study, "").study.request.data, "reviews.csv")
    updates = calls.delete(replace(chosen, source=inside), values(calls, "layers", study))
    assert updates[calls.parts.state.stage] == "empty"


def test_an_undo_that_comes_too_late_says_so_in_place_of_the_notice(calls: StudyCallbacks) -> None:
    with pytest.raises(StudyUnknown):
        calls.restore(choice(), "gone")
    assert "no such runs" in str(calls.undo_refused("There are no such runs.")[calls.parts.study.bar.deleted])


def test_a_late_plan_of_the_kind_before_changes_nothing(
    calls: StudyCallbacks, chosen: Choice, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned, answers = StudyCallbacks._planned, list[dict[Any, Any]]()

    def slow(self: StudyCallbacks, choice: Choice, values: Values) -> Updates:
        """Choose the search while the plan of the seeds is made."""
        if values[self.parts.study.form.kind] == "seeds":
            answers.append(plan(calls, chosen, "search"))
        return planned(self, choice, values)

    monkeypatch.setattr(StudyCallbacks, "_planned", slow)
    LocalContext.request.set(SimpleNamespace(session_hash="one"))  # type: ignore[arg-type]
    try:
        assert plan(calls, chosen, "seeds") == {}
    finally:
        LocalContext.request.set(None)
    assert calls.parts.study.form.fields in answers[0]
