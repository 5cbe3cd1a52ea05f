"""Hyper-parameters: bounds, what a form sends, what is chosen for the data, and the saved request."""

from __future__ import annotations

import json
import math

import pytest

from bertdemo.errors import ConfigError, FieldNotChoice, FieldNotNumber, FieldOutOfBounds, FieldUnknown
from bertdemo.run_config import FieldSpec, RunConfig, specs
from bertdemo.runs.request import RunRequest, resolve_defaults

NUMBERS = [spec for spec in specs() if spec.kind in {"int", "float"}]


@pytest.mark.parametrize("spec", NUMBERS, ids=lambda spec: spec.name)
def test_both_bounds_are_allowed_and_nothing_beyond_them(spec: FieldSpec) -> None:
    kind = int if spec.kind == "int" else float
    for value in (spec.low, spec.high):
        assert getattr(RunConfig(**{spec.name: kind(value)}), spec.name) == value
    for value in (spec.low - 1, spec.high + 1):
        with pytest.raises(FieldOutOfBounds) as caught:
            RunConfig(**{spec.name: kind(value)})
        assert caught.value.values["field"] == spec.name


def test_every_default_is_within_its_own_bounds() -> None:
    config = RunConfig()
    assert all(getattr(config, spec.name) == spec.default for spec in specs())


@pytest.mark.parametrize("value", [math.nan, math.inf, "many", True])
def test_what_is_no_finite_number_is_refused(value: object) -> None:
    with pytest.raises(ConfigError):
        RunConfig(learning_rate=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["nan", "inf", "2.5", "ten"])
def test_a_form_cannot_send_an_epoch_count_that_is_not_whole(value: str) -> None:
    with pytest.raises(FieldNotNumber) as caught:
        RunConfig.from_fields({"epochs": value})
    assert caught.value.values == {"field": "epochs", "value": value}


def test_a_form_sends_text_and_empty_text_means_the_default() -> None:
    config = RunConfig.from_fields(
        {
            "epochs": " 3 ",
            "learning_rate": "2e-5",
            "batch_size": "",
            "warmup": None,
            "group_by_length": "false",
            "seed": 7.0,
        }
    )
    assert (config.epochs, config.learning_rate, config.batch_size) == (3, 2e-5, None)
    assert (config.warmup, config.group_by_length, config.seed) == (0.1, False, 7)


def test_an_unknown_setting_is_named_with_those_that_exist() -> None:
    with pytest.raises(FieldUnknown) as caught:
        RunConfig.from_fields({"epoch": 3})
    assert caught.value.values["field"] == "epoch"
    assert "epochs" in str(caught.value.values["fields"])


def test_a_choice_that_is_none_is_named_with_the_choices() -> None:
    with pytest.raises(FieldNotChoice) as caught:
        RunConfig.from_fields({"precision": "int8"})
    assert caught.value.values["choices"] == "auto, float32, bfloat16, float16"


def test_a_request_comes_back_from_json_as_it_was() -> None:
    config = RunConfig(epochs=4, learning_rate=1e-5, precision="bfloat16", group_by_length=False)
    request = RunRequest(
        "classification",
        {"text": "评论", "label": "a\u2028b"},
        "bundled",
        config,
        "data/train.csv",
        "x.csv",
        name="<b>",
    )
    assert RunRequest.from_json(request.to_json()) == request


def test_a_request_of_another_version_keeps_what_this_one_knows() -> None:
    request = RunRequest("classification", {}, "bundled", RunConfig(epochs=4), "data/train.csv", "x.csv")
    raw = json.loads(request.to_json())
    raw["recipe"] = "few"
    raw["config"]["a_later_setting"] = 8
    assert RunRequest.from_json(json.dumps(raw)) == request


def test_a_request_with_the_older_names_of_its_fields_is_read() -> None:
    request = RunRequest(
        "classification", {}, "bundled", RunConfig(), "x.csv", "x.csv", cleaning=("drop_missing",),
        relabel={"12": "b"}, parse={"delimiter": ";"},
    )  # fmt: skip
    raw = json.loads(request.to_json())
    for new, old in (("cleaning", "mends"), ("relabel", "relabels"), ("parse", "reading")):
        raw[old] = raw.pop(new)
    assert RunRequest.from_json(json.dumps(raw)) == request


def test_what_was_decided_about_rows_is_kept_and_an_old_request_has_none() -> None:
    request = RunRequest("classification", {}, "bundled", RunConfig(), "x.csv", "x.csv", relabel={"12": "b", "7": ""})
    assert RunRequest.from_json(request.to_json()) == request
    raw = json.loads(request.to_json())
    del raw["relabel"]
    assert RunRequest.from_json(json.dumps(raw)).relabel == {}


@pytest.mark.parametrize(
    "relabel", [{"x": "a"}, {"-1": "a"}, {"1.0": "a"}, {"07": "a"}, {"1": None}, {1: "a"}, {"1": 2}]
)
def test_what_is_no_row_number_and_label_is_refused(relabel: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="relabel"):
        RunRequest("classification", {}, "bundled", RunConfig(), "x.csv", "x.csv", relabel=relabel)


def test_small_data_gets_small_batches_and_more_epochs() -> None:
    few = resolve_defaults(RunConfig(), train_rows=100, parameters=22_000_000, suggested_length=48)
    many = resolve_defaults(RunConfig(), train_rows=10_000, parameters=110_000_000, suggested_length=128)
    assert (few.batch_size, few.epochs, few.learning_rate, few.max_length) == (16, 10, 1e-4, 48)
    assert (many.batch_size, many.epochs, many.learning_rate, many.max_length) == (32, 3, 3e-5, 128)


def test_what_a_person_chose_is_left_alone() -> None:
    numbers = {"epochs": 1, "batch_size": 4, "learning_rate": 1e-3, "max_length": 16, "head_learning_rate_factor": 1.0}
    chosen = {"class_weights": "none", "embeddings": "train", "method": "fine_tune"}
    asked = RunConfig.from_fields({**numbers, **chosen})
    assert resolve_defaults(asked, train_rows=10_000, parameters=1, suggested_length=99) == asked


@pytest.mark.parametrize("rows", [1, 15, 599, 600, 1_000, 2_000_000])
def test_what_is_chosen_is_always_within_bounds(rows: int) -> None:
    chosen = resolve_defaults(RunConfig(), train_rows=rows, parameters=1, suggested_length=8)
    assert None not in {chosen.epochs, chosen.batch_size, chosen.learning_rate, chosen.max_length}
    assert chosen.epochs is not None
    assert 3 <= chosen.epochs <= 10


def test_a_flag_that_is_neither_true_nor_false_is_refused() -> None:
    assert RunConfig.from_fields({"group_by_length": "false"}).group_by_length is False
    assert RunConfig.from_fields({"group_by_length": True}).group_by_length is True
    with pytest.raises(FieldNotChoice):
        RunConfig.from_fields({"group_by_length": "banana"})


def test_many_labels_get_more_epochs() -> None:
    few = resolve_defaults(RunConfig(), train_rows=8000, parameters=1, suggested_length=8, labels=2)
    many = resolve_defaults(RunConfig(), train_rows=8000, parameters=1, suggested_length=8, labels=77)
    assert (few.epochs, many.epochs) == (3, 4)


def test_a_task_that_takes_more_effort_gets_more_epochs() -> None:
    known = {"train_rows": 7200, "parameters": 1, "suggested_length": 8, "labels": 28}
    assert resolve_defaults(RunConfig(), **known).epochs == 3
    assert resolve_defaults(RunConfig(), **known, step_multiplier=5.0).epochs == 8
    assert resolve_defaults(RunConfig(epochs=2), **known, step_multiplier=5.0).epochs == 2


def test_the_split_has_a_seed_of_its_own_and_an_old_run_keeps_the_one_it_had() -> None:
    request = RunRequest("classification", {}, "bundled", RunConfig(seed=7), "a.csv", "a.csv")
    assert request.split_seed == 42 and RunRequest.from_json(request.to_json()) == request
    old = json.loads(request.to_json())
    del old["split_seed"]
    assert RunRequest.from_json(json.dumps(old)).split_seed == 7


def test_a_baseline_of_an_old_request_that_names_no_metric_was_the_accuracy() -> None:
    scores = {"tfidf": {"value": 0.7, "rows": 40}}
    request = RunRequest("classification", {}, "bundled", RunConfig(), "a.csv", "a.csv", baselines=scores)
    assert json.loads(request.to_json())["baselines"] == scores
    assert RunRequest.from_json(request.to_json()).baselines == {"tfidf": {**scores["tfidf"], "metric": "accuracy"}}


@pytest.mark.parametrize("epochs", [10**400, "1e400", [1]])
def test_a_count_that_no_float_can_hold_is_no_number(epochs: object) -> None:
    with pytest.raises(FieldNotNumber):
        RunConfig.from_fields({"epochs": epochs})
