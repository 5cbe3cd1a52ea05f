"""The folder of a study, its owner, its limits, and the thread that drives it, with a launcher that starts nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bertdemo.checkpoints import Catalogue
from bertdemo.checkpoints.info import StoredOwner, owner_sha256
from bertdemo.dataset.dataset_cache import DatasetCache
from bertdemo.errors import BudgetOutOfBounds, NothingToCompare, SpaceEmpty, StudyUnknown, TooManyStudies
from bertdemo.runs import events as ev
from bertdemo.runs.event_log import append_event
from bertdemo.runs.registry import Registry
from bertdemo.runs.request import RunRequest
from bertdemo.runs.studies.admission import StudyAdmission, checkpoint_variants, layer_variants, seed_variants
from bertdemo.runs.studies.driver import StudyDriver
from bertdemo.runs.studies.optuna_search import JOURNAL
from bertdemo.runs.studies.store import StudyStore
from bertdemo.runs.studies.study import Progress, Variant
from bertdemo.settings import Settings
from bertdemo.tables.table_cache import TableCache
from tests.runs.conftest import Make
from tests.runs.support import FakeLauncher, eventually, request_for

OWNER = "a" * 43


@dataclass(frozen=True)
class Studied:
    """A server that drives studies."""

    admission: StudyAdmission
    launcher: FakeLauncher
    registry: Registry

    def start(self, data: Path, owner: str = OWNER) -> str:
        request = request_for(data)
        return self.admission.start("seeds", request, owner, seed_variants(request.config))

    def progress(self, study: str) -> Progress:
        return self.admission.store.read(study, None).progress

    def finish(self, run: str, score: float) -> None:
        """Play the worker of a launched run."""
        folder = self.registry.folder(run)
        append_event(folder, replace(_started(), seq=3, at=time.time()))
        metrics = {"accuracy": {"value": score, "low": score - 0.1, "high": score + 0.1}}
        end = ev.Finished(
            seq=4, attempt=1, at=time.time(), checkpoint="", metrics=metrics, evaluated_on="validation", rows=12,
            seconds=1.0,
        )  # fmt: skip
        append_event(folder, end)


def _started() -> Any:
    from tests.runs.support import started

    return started()


@pytest.fixture
def serve(make: Make, own_settings: Settings, registry: Registry) -> Iterator[Any]:
    """Build servers on one home; each is closed at the end."""
    drivers: list[StudyDriver] = []

    def build(begin: bool = True, settings: Settings = own_settings) -> Studied:
        launcher = FakeLauncher()
        server = make(launcher, settings=settings)
        store, datasets = StudyStore(settings), DatasetCache(TableCache(settings))
        driver = StudyDriver(settings, store, registry, server.admission, server.dispatcher)
        drivers.append(driver)
        if begin:
            driver.begin()
        catalogue = Catalogue(settings)
        admission = StudyAdmission(store, driver, registry, catalogue, datasets, settings.limits)
        return Studied(admission, launcher, registry)

    yield build
    for driver in drivers:
        driver.close()


def test_the_runs_of_a_study_are_ordinary_runs_of_its_owner_one_after_the_other(serve: Any, data: Path) -> None:
    server: Studied = serve()
    study = server.start(data)
    for number, score in enumerate((0.6, 0.7, 0.8)):
        run = eventually(lambda number=number: _launched(server, number))
        request = server.registry.request(run, OWNER)
        assert request.config.seed == 42 + number and request.study and not request.is_trial
        assert (request.study.id, request.study.number) == (study, number)
        assert server.registry.read(run, OWNER).name == f"reviews.csv · seed={42 + number}"
        assert server.registry.ids("b" * 43) == []
        server.finish(run, score)
    progress = eventually(lambda: (now := server.progress(study)).ended and now)
    assert [trial.score.value for trial in progress.trials] == [0.6, 0.7, 0.8]
    with pytest.raises(StudyUnknown):
        server.admission.store.read(study, "b" * 43)
    assert OWNER not in (server.admission.store.folder(study) / "study.json").read_text(encoding="utf-8")


def _launched(server: Studied, number: int) -> str:
    ids = server.launcher.ids
    return ids[number] if len(ids) > number else ""


def test_a_study_outlives_its_upload_and_its_server(serve: Any, data: Path) -> None:
    asleep: Studied = serve(begin=False)
    study = asleep.start(data)
    data.unlink()
    server: Studied = serve()
    run = eventually(lambda: next(iter(asleep.launcher.ids + server.launcher.ids), ""))
    assert server.registry.request(run, OWNER).study
    assert server.progress(study).trials[0].run in {"", run}


def test_a_study_disappears_with_the_last_of_its_runs(serve: Any, data: Path) -> None:
    server: Studied = serve()
    study = server.start(data)
    run = eventually(lambda: _launched(server, 0))
    server.admission.store.ask_to_stop(study, OWNER)
    append_event(server.registry.folder(run), ev.Cancelled(
        seq=3, attempt=1, at=time.time(), checkpoint="", evaluated=False, step=0))  # fmt: skip
    eventually(lambda: server.progress(study).ended)
    server.admission.driver.wake()
    server.registry.delete(run, OWNER)
    server.admission.driver.wake()
    eventually(lambda: not server.admission.store.folder(study).exists())


def test_wrong_requests_are_refused_before_anything_is_written(
    serve: Any, data: Path, own_settings: Settings, home: Path
) -> None:
    server: Studied = serve(begin=False)
    admission, request = server.admission, request_for(data)
    for minutes in (0, -1, "0", "", "abc", float("nan"), float("inf"), 24 * 60 + 1, None):
        with pytest.raises(BudgetOutOfBounds):
            admission.search(request, OWNER, ["learning_rate"], minutes)
    with pytest.raises(SpaceEmpty):
        admission.search(request, OWNER, ["seed", "nonsense"], 3)
    with pytest.raises(NothingToCompare):
        admission.start("checkpoints", request, OWNER, checkpoint_variants(["bundled", "bundled"]))
    assert admission.store.ids() == [] and not (home / "studies").exists()


def test_studies_and_budgets_are_limited_on_a_public_server(serve: Any, data: Path, own_settings: Settings) -> None:
    limits = replace(own_settings.limits, queued_runs=1, run_seconds=20 * 60)
    server: Studied = serve(begin=False, settings=replace(own_settings, limits=limits))
    with pytest.raises(BudgetOutOfBounds) as caught:
        server.admission.search(request_for(data), OWNER, ["learning_rate"], 21)
    assert caught.value.values == {"value": "21", "low": 0, "high": 20}
    server.start(data)
    with pytest.raises(TooManyStudies):
        server.start(data)
    server.start(data, owner="b" * 43)


def test_variants_differ_in_one_thing() -> None:
    assert [one.settings["seed"] for one in seed_variants(request_for(Path("x")).config)] == [42, 43, 44]
    assert [one.settings["layers"] for one in layer_variants(6)] == [1, 2, 3, 4, 5, 6]
    assert [one.settings["layers"] for one in layer_variants(12)] == [1, 3, 5, 8, 10, 12]
    assert layer_variants(1) == [Variant({"layers": 1})]


def test_an_owner_who_is_known_by_the_hash_alone_is_the_same_owner() -> None:
    assert owner_sha256(StoredOwner(owner_sha256(OWNER))) == owner_sha256(OWNER)
    assert owner_sha256(str(owner_sha256(OWNER))) != owner_sha256(OWNER)


def test_a_request_of_a_study_is_read_back_and_one_from_before_studies_too(data: Path) -> None:
    request = request_for(data)
    text = request.to_json()
    assert RunRequest.from_json(text) == request
    assert RunRequest.from_json(text.replace('"study": null', '"more": 1')).study is None


def test_a_damaged_journal_ends_its_own_search_and_no_other_study(serve: Any, data: Path) -> None:
    server: Studied = serve(begin=False)
    broken = server.admission.search(request_for(data), OWNER, ["epochs"], 3)
    (server.admission.store.folder(broken) / JOURNAL).write_text("nonsense\nnonsense\n", encoding="utf-8")
    sound = server.start(data)
    server.admission.driver.begin()
    progress = eventually(lambda: (now := server.progress(broken)).ended and now)
    assert progress.note == "study.note.broken"
    eventually(lambda: (trials := server.progress(sound).trials) and trials[0].run)


def test_the_folder_of_a_trial_has_no_row_of_the_held_out_ones(serve: Any, data: Path) -> None:
    server: Studied = serve()
    study = server.admission.search(request_for(data), OWNER, ["epochs"], 3)
    run = eventually(lambda: _launched(server, 0))
    request = server.registry.request(run, OWNER)
    assert request.is_trial and request.study and request.study.id == study
    parts = json.loads((server.registry.folder(run) / "dataset.json").read_text(encoding="utf-8"))["parts"]
    rows = {name: len(part["rows"]) for name, part in parts.items()}
    assert rows == {"train": 38, "validation": 10, "test": 0}  # of the 48 training rows, without the 12 held out
