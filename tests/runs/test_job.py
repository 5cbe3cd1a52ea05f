"""One run from its folder to its checkpoint, in this process: what it says, which rows it holds out, what it keeps."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bertdemo.checkpoints import Catalogue
from bertdemo.runs import events as ev
from bertdemo.runs.estimate import SPEEDS_FILE
from bertdemo.runs.registry import Registry
from bertdemo.runs.status import status_of
from bertdemo.serving.predictor import Predictor
from bertdemo.settings import Limits, Settings
from bertdemo.tables import table_files
from tests.runs.conftest import Work
from tests.runs.support import events_of, request_for, rows_of, write_csv

pytestmark = pytest.mark.slow

_LEARNS = {"epochs": 10, "learning_rate": 1e-2, "head_learning_rate_factor": 1}  # enough for a model of random weights


def split_of(folder: Path) -> dict[str, list[int]]:
    stored = json.loads((folder / "split.json").read_text(encoding="utf-8"))
    return {name: part["rows"] for name, part in stored.items()}


def assert_rows_match(folder: Path, source: Path, expected: set[int]) -> None:
    """Every evaluated row's text and label stand in the file under its row number."""
    table = table_files.read(source, source.name, Limits())
    where = {number: index for index, number in enumerate(table.row_numbers)}
    lines = (folder / "evaluation.jsonl").read_text(encoding="utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line]
    assert {row["row"] for row in rows} == expected
    assert len(rows) == len(expected)
    for row in rows:
        assert row["text"] == table.columns["text"][where[row["row"]]]
        assert row["label"] == table.columns["label"][where[row["row"]]]
        assert 0.5 <= row["confidence"] <= 1


def test_a_run_says_what_it_does_in_order(work: Work, data: Path, registry: Registry) -> None:
    folder = work(request_for(data))
    events = events_of(folder)
    kinds = [event.kind for event in events]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert kinds[:4] == ["queued", "started", "watched", "step"]
    assert kinds[-1] == "finished"
    assert kinds.count("evaluated") == 2
    started = next(event for event in events if isinstance(event, ev.Started))
    assert (started.train_rows, started.validation_rows, started.test_rows) == (48, 12, 0)
    assert started.config["batch_size"] == 16
    steps = [event for event in events if isinstance(event, ev.Step)]
    assert steps[-1].step == steps[-1].steps == started.steps == 6
    progress = [event.progress for event in steps]
    assert progress == sorted(progress)
    assert 0 < progress[0] < progress[-1] < 1
    assert all(event.seconds_left > 0 for event in steps[:-1])
    status = status_of(registry.read(folder.name, ""))
    assert (status.state, status.progress, status.epoch, status.epochs) == ("finished", 1.0, 2, 2)
    assert status.checkpoint == folder.name


def test_a_finished_run_leaves_a_checkpoint_that_predicts(
    work: Work, data: Path, own_settings: Settings, tiny: Path
) -> None:
    folder = work(request_for(data, config=_LEARNS, name="my reviews"))
    catalogue = Catalogue(own_settings)
    info, card = catalogue.describe(folder.name, ""), catalogue.card(folder.name, "")
    assert card is not None
    assert (info.name, info.task, info.labels, info.base) == (
        "my reviews",
        "classification",
        ("no", "yes"),
        "local:tiny",
    )
    assert (card.rows, card.columns, card.run, card.evaluated) == (
        48,
        {"text": "text", "label": "label"},
        folder.name,
        True,
    )
    finished = events_of(folder, ev.Finished)[0]
    assert card.metrics == finished.metrics
    assert finished.evaluated_on == "validation"
    assert {path.name for path in folder.iterdir()} >= {"split.json", "evaluation.jsonl"}
    assert not (folder / "best").exists()
    answer = Predictor(own_settings, catalogue).predict(rows_of(60)[1][0], "", folder.name, "")
    assert answer.before is not None
    assert answer.output.best.label == "yes"
    assert answer.output.best.score > 0.9 > answer.before.best.score
    assert finished.metrics["accuracy"]["value"] > 0.9


def test_the_head_before_training_is_the_one_that_training_started_from(
    work: Work, data: Path, own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bertdemo.runs.worker import training

    seen: dict[str, Any] = {}
    train = training.train

    def spy(**arguments: Any) -> None:
        model = arguments["model"]
        seen.update({name: tensor.clone() for name, tensor in model.state_dict().items() if "classifier" in name})
        train(**arguments)

    monkeypatch.setattr(training, "train", spy)
    folder = work(request_for(data))
    from safetensors.torch import load_file

    stored = load_file(Catalogue(own_settings).folder(folder.name, "") / "head_at_start.safetensors")
    trained = load_file(Catalogue(own_settings).folder(folder.name, "") / "model.safetensors")
    for name in ("classifier.weight", "classifier.bias"):
        assert stored[name].equal(seen[name])
    assert not trained["classifier.weight"].equal(stored["classifier.weight"])


@pytest.mark.parametrize("grouped", [True, False])
def test_evaluated_rows_are_the_rows_of_the_file(work: Work, data: Path, grouped: bool) -> None:
    folder = work(request_for(data, config={"group_by_length": grouped}))
    parts = split_of(folder)
    assert_rows_match(folder, data, set(parts["validation"]))
    assert sorted(parts["train"] + parts["validation"]) == list(range(2, 62))


def test_the_speed_of_a_tiny_model_is_no_measure_of_the_device(
    work: Work, data: Path, own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bertdemo.runs.worker.forecast._MEASURED_SECONDS", 0.0)
    work(request_for(data))
    assert not (own_settings.home / SPEEDS_FILE).exists()
    monkeypatch.setattr("bertdemo.runs.worker.forecast.SMALLEST_MEASURED", 1)
    first = work(request_for(data))
    assert (own_settings.home / SPEEDS_FILE).exists()
    second = work(request_for(data))
    predicted = [events_of(folder, ev.Started)[0].predicted_seconds for folder in (first, second)]
    assert predicted[0] is None
    assert predicted[1] > 0  # from what the first one measured


def test_the_split_is_that_of_its_own_seed_whatever_the_seed_of_the_run_is(work: Work, data: Path) -> None:
    first, second = (split_of(work(request_for(data, config={"seed": seed, "epochs": 1}))) for seed in (1, 2))
    other = split_of(work(replace(request_for(data, config={"epochs": 1}), split_seed=7)))
    assert first == second
    assert first != other


def test_a_text_of_the_validation_file_is_not_learned_too(work: Work, data: Path, tmp_path: Path) -> None:
    text, label = rows_of(60)[4]
    held_out = write_csv(tmp_path / "held.csv", [(f" {text.upper()}", label), ("a good cat", "yes")])
    folder = work(request_for(data, validation=str(held_out), validation_name="held.csv"))
    learned = split_of(folder)["train"]
    assert 6 not in learned and len(learned) == 59
    warned = [event for event in events_of(folder, ev.Warned) if event.message == "warning.leaked"]
    assert [event.values for event in warned] == [{"rows": 1}]


def test_a_run_trains_on_the_table_as_it_was_mended(work: Work, tmp_path: Path) -> None:
    rows = [*rows_of(60), ("good film 3", "Yes"), rows_of(60)[7], ("", "no")]
    data = write_csv(tmp_path / "messy.csv", rows)
    folder = work(request_for(data, cleaning=("merge_labels", "drop_duplicates", "drop_missing")))
    parts = split_of(folder)
    assert sorted(parts["train"] + parts["validation"]) == [*range(2, 62), 62]
    started = events_of(folder, ev.Started)[0]
    assert started.labels == ("no", "yes")


def test_a_run_trains_on_the_labels_that_a_person_changed(
    work: Work, data: Path, own_settings: Settings, registry: Registry
) -> None:
    flipped = {str(number): label for number, (_, label) in enumerate(rows_of(60), start=2)}
    relabel = {number: {"no": "yes", "yes": "no"}[label] for number, label in flipped.items()}
    folder = work(request_for(data, config=_LEARNS, relabel={**relabel, "60": "", "61": ""}))
    parts = split_of(folder)
    assert sorted(parts["train"] + parts["validation"]) == list(range(2, 60))
    catalogue = Catalogue(own_settings)
    text, was = rows_of(60)[1]
    assert was == "yes"
    assert Predictor(own_settings, catalogue).predict(text, "", folder.name, "").output.best.label == "no"
    card = catalogue.card(folder.name, "")
    assert card is not None and card.relabel == registry.read(folder.name, "").request.relabel
    assert card.relabel["60"] == "" and card.relabel["2"] == "yes"


def test_an_own_validation_file_leaves_all_rows_for_training(work: Work, data: Path, tmp_path: Path) -> None:
    held_out = write_csv(tmp_path / "held.csv", [("a good cat", "yes"), ("a bad cat", "no"), ("", "no")])
    folder = work(request_for(data, validation=str(held_out), validation_name="held.csv"))
    parts = split_of(folder)
    assert (len(parts["train"]), parts["validation"], parts["test"]) == (60, [2, 3], [])
    assert_rows_match(folder, held_out, {2, 3})


def test_a_test_file_is_measured_and_does_not_choose_the_epoch(work: Work, data: Path, tmp_path: Path) -> None:
    kept = write_csv(tmp_path / "test.csv", [("a good cat sat", "yes"), ("a poor cat", "no"), ("love", "yes")])
    folder = work(request_for(data, test=str(kept), test_name="test.csv"))
    parts = split_of(folder)
    assert (len(parts["train"]), len(parts["validation"]), parts["test"]) == (48, 12, [2, 3, 4])
    finished = events_of(folder, ev.Finished)[0]
    assert (finished.evaluated_on, finished.rows) == ("test", 3)
    assert_rows_match(folder, kept, {2, 3, 4})


def test_a_thousand_rows_are_split_into_eight_one_and_one_tenths(work: Work, tmp_path: Path) -> None:
    large = write_csv(tmp_path / "large.csv", rows_of(1000))
    folder = work(request_for(large, config={"epochs": 1, "batch_size": 200}))
    parts = split_of(folder)
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 800, "validation": 100, "test": 100}
    assert not set(parts["train"]) & {*parts["validation"], *parts["test"]}
    assert_rows_match(folder, large, set(parts["test"]))


def test_texts_with_line_separators_and_markup_come_through(
    work: Work, data: Path, tmp_path: Path, registry: Registry
) -> None:
    rows = [(f"{text} \u2028 <b>\x85 \x1c", f"{label}\u2028<i>") for text, label in rows_of(20)]
    odd = write_csv(tmp_path / "odd.csv", rows)
    folder = work(request_for(odd, config={"epochs": 1}))
    status = status_of(registry.read(folder.name, ""))
    assert status.state == "finished"
    assert status.started is not None
    assert status.started.labels == ("no\u2028<i>", "yes\u2028<i>")
    assert {str(row["label"]) for row in registry.evaluation(folder.name, "")} <= {"no\u2028<i>", "yes\u2028<i>"}
    assert len(registry.evaluation(folder.name, "")) == 4


def test_bfloat16_on_a_processor_trains(work: Work, data: Path) -> None:
    folder = work(request_for(data, config={"precision": "bfloat16"}))
    assert events_of(folder, ev.Started)[0].precision == "bfloat16"
    assert len(events_of(folder, ev.Finished)) == 1


def test_a_run_starts_from_a_checkpoint_that_was_trained_here(work: Work, data: Path, own_settings: Settings) -> None:
    first = work(request_for(data))
    second = work(request_for(data, checkpoint=first.name))
    catalogue = Catalogue(own_settings)
    assert catalogue.describe(second.name, "").base == first.name
    catalogue.delete(first.name, "")
    answer = Predictor(own_settings, catalogue).predict("good", "", second.name, "")
    assert answer.before is None  # nothing to compare with any more, yet it still predicts


def test_labels_of_a_validation_file_are_merged_as_those_of_the_data(work: Work, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "ways.csv", [*rows_of(60), ("good film again", "Yes")])
    held_out = write_csv(tmp_path / "held.csv", [("a good cat", "YES"), ("a bad cat", "No")])
    beside = {"validation": str(held_out), "validation_name": "held.csv"}
    folder = work(request_for(data, cleaning=("merge_labels",), config={"epochs": 1}, **beside))
    assert split_of(folder)["validation"] == [2, 3]
    assert events_of(folder, ev.Started)[0].labels == ("no", "yes")


def test_one_zip_gives_every_role_its_own_part(work: Work, tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, rows in (("train", rows_of(60)), ("validation", [("a good cat", "yes"), ("a bad cat", "no")])):
            archive.write(write_csv(tmp_path / f"{name}.csv", rows), f"{name}.csv")
    folder = work(request_for(path, validation=str(path), validation_name="all.zip", config={"epochs": 1}))
    parts = split_of(folder)
    assert (len(parts["train"]), parts["validation"]) == (60, [2, 3])


def test_a_run_whose_training_rows_are_all_asked_ends_in_words(work: Work, data: Path) -> None:
    folder = work(request_for(data, validation=str(data), validation_name="same.csv"))
    failed = events_of(folder, ev.Failed)[0]
    assert (failed.message, failed.values) == ("error.nothing_left", {"rows": 60, "file": "same.csv"})
