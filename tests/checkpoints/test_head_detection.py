"""Which head a file brings: named by its class, kept only where it is one for labels, never mistaken for another."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from bertdemo import tasks
from bertdemo.checkpoints import Catalogue, CheckpointInfo, head_detection, loading
from tests.runs.support import settings_with
from tests.tiny import build_tiny_checkpoint

CLASSIFIER = ("classifier.bias", "classifier.weight")


def task_of(info: CheckpointInfo) -> str:
    task = tasks.for_checkpoint(info)
    return task.id if task else ""


def described(folder: Path, home: Path) -> CheckpointInfo:
    home.mkdir(exist_ok=True)
    catalogue = Catalogue(replace(settings_with(home), checkpoint_folders=(folder,)))
    return catalogue.describe(f"local:{folder.name}", "")


@pytest.mark.parametrize(
    ("head", "labels", "other"),
    [
        ("tokens", ("O", "B", "I"), "BertForTokenClassification"),
        ("tokens", ("A", "B"), "BertForTokenClassification"),
        ("questions", (), "BertForQuestionAnswering"),
        ("mlm", (), ""),
        (None, (), ""),
    ],
)
def test_a_head_of_another_kind_is_named_and_gives_no_labels(
    tmp_path: Path, head: Any, labels: tuple[str, ...], other: str
) -> None:
    info = described(build_tiny_checkpoint(tmp_path / "one", head=head, labels=labels), tmp_path / "home")
    assert (info.labels, info.outputs, info.other_head, task_of(info)) == ((), (), other, "")


@pytest.mark.parametrize(("named", "other"), [([], "?"), (["BertForSomething"], "BertForSomething"), (["Gpt"], "?")])
def test_a_classifier_of_a_class_that_nobody_knows_is_no_head_for_labels(
    tmp_path: Path, named: list[str], other: str
) -> None:
    folder = build_tiny_checkpoint(tmp_path / "one", head="classification", labels=("a", "b"))
    raw = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**raw, "architectures": named}))
    info = described(folder, tmp_path / "home")
    assert (info.labels, info.outputs, info.other_head) == ((), (), other)


@pytest.mark.parametrize("labels", [(), ("A", "B"), ("O", "B-X")])
def test_a_token_classifier_of_the_same_size_and_names_is_not_taken_for_one_of_texts(
    tmp_path: Path, labels: tuple[str, ...]
) -> None:
    folder = build_tiny_checkpoint(tmp_path / "one", head="tokens", labels=("A", "B"))
    stored = load_file(folder / "model.safetensors")["classifier.weight"]
    first, again = (
        loading.open_model(folder, "BertForSequenceClassification", labels=labels, seed=0) for _ in range(2)
    )
    classifier: Any = first.model.classifier
    assert set(CLASSIFIER) <= set(first.new_weights)
    assert not torch.equal(classifier.weight, stored) and not classifier.bias.any()
    assert torch.equal(classifier.weight, again.model.classifier.weight)  # type: ignore[union-attr, arg-type]


def test_a_head_whose_outputs_have_no_names_is_kept_under_the_names_of_transformers(tmp_path: Path) -> None:
    folder = build_tiny_checkpoint(tmp_path / "one", head="classification", labels=("a", "b"))
    raw = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({k: v for k, v in raw.items() if k not in {"id2label", "label2id"}}))
    info = described(folder, tmp_path / "home")
    assert info.labels == info.outputs == ("LABEL_0", "LABEL_1") and task_of(info) == "classification"
    stored = load_file(folder / "model.safetensors")["classifier.weight"]
    for labels in ((), info.labels):
        opened = loading.open_model(folder, "BertForSequenceClassification", labels=labels, seed=0)
        assert opened.new_weights == () and torch.equal(opened.model.classifier.weight, stored)  # type: ignore[union-attr, arg-type]


def test_one_output_is_an_output_and_no_label(tmp_path: Path) -> None:
    folder = build_tiny_checkpoint(tmp_path / "one", head="classification", labels=("stars",))
    info = described(folder, tmp_path / "home")
    assert (info.labels, info.outputs, task_of(info), info.problem) == ((), ("stars",), "", "regression")
    assert loading.open_model(folder, "BertForSequenceClassification").new_weights == ()


@pytest.mark.parametrize(
    ("named", "count", "problem"),
    [
        (None, 3, "single_label_classification"),
        (None, 1, "regression"),
        ("single_label_classification", 1, "regression"),
        ("multi_label_classification", 1, "multi_label_classification"),
        ("multi_label_classification", 3, "multi_label_classification"),
        ("regression", 3, "regression"),
    ],
)
def test_how_a_head_was_trained_decides_what_its_outputs_are(
    tmp_path: Path, named: str | None, count: int, problem: str
) -> None:
    labels = [f"label {i}" for i in range(count)]
    folder = build_tiny_checkpoint(tmp_path / "one", head="classification", labels=labels)
    raw = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**raw, "problem_type": named}))
    loading.open_model(folder, "BertForSequenceClassification")
    info = described(folder, tmp_path / "home")
    assert (info.problem, info.outputs) == (problem, tuple(labels))
    assert info.labels == (tuple(labels) if count > 1 and problem != "regression" else ())


def test_what_is_trained_further_is_not_trained_as_its_base_was(tmp_path: Path) -> None:
    named = {"problem_type": "multi_label_classification"}
    folder = build_tiny_checkpoint(tmp_path / "one", head="classification", labels=("a", "b"), **named)
    for labels in (("a", "b"), ("c", "d", "e")):
        opened = loading.open_model(folder, "BertForSequenceClassification", labels=labels)
        assert opened.model.config.problem_type is None
    assert loading.open_model(folder).model.config.problem_type is None
    opened = loading.open_model(folder, "BertForSequenceClassification")
    assert opened.model.config.problem_type == "multi_label_classification"


@pytest.mark.parametrize(
    ("name", "stands"),
    [
        ("", False),
        ("?", True),
        ("BertForSomething", True),
        ("BertForTokenClassification", True),
        ("BertForMultipleChoice", True),
        ("BertForQuestionAnswering", False),
        ("BertForNextSentencePrediction", False),
    ],
)
def test_only_a_head_under_the_classifiers_name_is_in_the_way(name: str, stands: bool) -> None:
    assert head_detection.has_classifier(name) is stands
