"""Classification: which data fits, what becomes of a row, and predictions that transformers would give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bertdemo import tasks
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.errors import (
    ColumnMissing,
    ColumnsNotFound,
    ColumnTwice,
    OneClass,
    TaskUnknown,
    TooFewRows,
    TooManyLabels,
    UnknownLabel,
)
from bertdemo.run_config import Truncation
from bertdemo.tables.table import Table
from bertdemo.tasks.base import EncodeOptions, HeadOptions, Inputs, LabeledTable
from bertdemo.tasks.classification import Classification
from bertdemo.tasks.forward import Inference, batches, pad
from bertdemo.tasks.results import Labels
from tests.runs.support import sharpened
from tests.tiny import build_tiny_checkpoint

TASK = Classification()
NO_DATASET: Any = None
NO_TABLE: Any = None
COLUMNS = {"text": "text", "label": "label"}
TEXTS = ["good film", "a bad book and the cat sat on the mat", "", "猫 <b>", "love " * 40, "no", "x" * 300, "the end"]


def table(*rows: tuple[str | None, str | None]) -> Table:
    columns = {"text": tuple(text for text, _ in rows), "label": tuple(label for _, label in rows)}
    return Table("reviews.csv", columns, tuple(range(2, 2 + len(rows))))


def test_there_is_no_default_task_and_an_unknown_one_is_named() -> None:
    with pytest.raises(TaskUnknown):
        tasks.find("")
    with pytest.raises(TaskUnknown) as caught:
        tasks.find("haiku")
    assert caught.value.values == {"task": "haiku", "tasks": ", ".join(tasks.TASKS)}


def test_text_and_label_are_found_by_their_content() -> None:
    rows = [(f"this is review number {i} of many", "good" if i % 2 else "bad") for i in range(20)]
    odd = Table(
        "t.csv",
        {"id": tuple(str(i) for i in range(20)), "stars": tuple(b for _, b in rows), "what": tuple(a for a, _ in rows)},
        tuple(range(20)),
    )
    assert TASK.columns(odd) == {"text": "what", "label": "stars"}
    with pytest.raises(ColumnsNotFound):
        TASK.columns(Table("t.csv", {"a": (None, None)}, (2, 3)))


FOUR = table(("a b", "x"), ("c d", "x"), ("e f", "y"), ("g h", "y"))


def test_a_table_of_four_rows_and_two_labels_is_enough() -> None:
    TASK.check(FOUR, COLUMNS, label_limit=2)
    with pytest.raises(TooManyLabels) as caught:
        TASK.check(FOUR, COLUMNS, label_limit=1)
    assert caught.value.values == {"labels": 2, "limit": 1, "column": "label", "row": 4}


def test_rows_without_a_text_or_a_label_do_not_count() -> None:
    with pytest.raises(TooFewRows) as caught:
        TASK.check(
            table(("a", "x"), ("b", "y"), ("c", "y"), (None, "x"), ("  ", "x"), ("d", None)), COLUMNS, label_limit=9
        )
    assert caught.value.values["rows"] == 3
    with pytest.raises(OneClass) as one:
        TASK.check(table(("a", "x"), ("b", " x "), ("c", "x"), ("d", "x"), (None, "y")), COLUMNS, label_limit=9)
    assert one.value.values == {"label": "x", "column": "label"}


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_too_few_rows_are_said_before_their_one_label(rows: int) -> None:
    with pytest.raises(TooFewRows) as caught:
        TASK.check(table(*[("a", "x"), ("b", "x"), ("c", "x")][:rows]), COLUMNS, label_limit=9)
    assert caught.value.values == {"rows": rows, "minimum": 4}


def test_columns_that_are_missing_or_named_twice_are_refused() -> None:
    with pytest.raises(ColumnMissing) as caught:
        TASK.check(FOUR, {"text": "text"}, label_limit=9)
    assert caught.value.values == {"column": "label", "columns": "text, label"}
    with pytest.raises(ColumnTwice):
        TASK.check(FOUR, {"text": "text", "label": "text"}, label_limit=9)


def test_labels_are_sorted_so_that_the_order_of_rows_does_not_matter() -> None:
    backwards = table(("g", "b"), ("e", " a"), ("c", "ü"), ("x", None))
    assert TASK.labels(backwards, COLUMNS) == ("a", "b", "ü")
    assert TASK.targets(backwards, COLUMNS, ("a", "b", "ü")) == [1, 0, 2, None]


def test_an_unknown_label_is_named_with_row_and_file() -> None:
    with pytest.raises(UnknownLabel) as caught:
        TASK.targets(table(("a", "x"), (None, "z"), ("b", "z")), COLUMNS, ("x", "y"))
    assert caught.value.values == {"label": "z", "row": 4, "file": "reviews.csv", "labels": "x, y"}


def test_a_held_out_file_needs_one_row_that_can_be_used() -> None:
    TASK.check_held_out(table(("a", "x")), COLUMNS, ("x", "y"))
    with pytest.raises(TooFewRows):
        TASK.check_held_out(table((None, "x"), ("a", None)), COLUMNS, ("x", "y"))
    with pytest.raises(UnknownLabel):
        TASK.check_held_out(table(("a", "q")), COLUMNS, ("x", "y"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint with a random head over three labels."""
    folder = tmp_path_factory.mktemp("c") / "three"
    return sharpened(build_tiny_checkpoint(folder, head="classification", labels=("a", "b", "c")))


@pytest.fixture(scope="module")
def tokenizer(trained: Path) -> SharedTokenizer:
    return SharedTokenizer.from_folder(trained)


@pytest.mark.slow
def test_rows_are_encoded_in_the_order_asked_for(tokenizer: SharedTokenizer) -> None:
    dataset = TASK.encode(LabeledTable(FOUR, COLUMNS, ("x", "y")), [3, 0, 2], tokenizer, EncodeOptions(Truncation(8)))
    assert list(dataset["row"]) == [3, 0, 2]
    assert list(dataset["labels"]) == [1, 0, 1]
    assert list(dataset["input_ids"])[1] == tokenizer.encode("a b").ids
    assert list(dataset["length"]) == [len(ids) for ids in dataset["input_ids"]]


@pytest.mark.slow
def test_encoding_cuts_and_looks_for_a_stop(tokenizer: SharedTokenizer) -> None:
    looked: list[int] = []
    rows = table(*((f"the cat {i} sat on the mat", "x") for i in range(2500)))
    options = EncodeOptions(Truncation(5), stop=lambda: looked.append(1))
    dataset = TASK.encode(LabeledTable(rows, COLUMNS, ("x",)), range(2500), tokenizer, options)
    assert len(looked) == 3
    assert set(dataset["length"]) == {5}
    assert next(iter(dataset["input_ids"]))[-1] == tokenizer.sep_id


def test_padding_is_masked() -> None:
    found = pad(
        [
            {"input_ids": [5, 6], "attention_mask": [1, 1], "labels": 1},
            {"input_ids": [7], "attention_mask": [1], "labels": 0},
        ],
        9,
    )
    assert found["input_ids"].tolist() == [[5, 6], [7, 9]]
    assert found["attention_mask"].tolist() == [[1, 1], [1, 0]]
    assert found["labels"].tolist() == [1, 0]


def test_every_index_comes_once_in_batches_of_similar_length(tokenizer: SharedTokenizer) -> None:
    texts = ["the " * (1 + i * 7 % 50) for i in range(100)]
    seen: list[int] = []
    for indices, inputs in batches(tokenizer, texts, None, Truncation(64), batch_size=8, chunk=40):
        seen += indices
        lengths = inputs["attention_mask"].sum(1)
        assert inputs["input_ids"].shape == (len(indices), int(lengths.max()))
    assert sorted(seen) == list(range(100))


@pytest.mark.slow
def test_predictions_come_in_order_and_are_those_of_transformers(trained: Path, tokenizer: SharedTokenizer) -> None:
    import torch
    from transformers import BertForSequenceClassification, BertTokenizer

    model = TASK.model(trained, HeadOptions(("a", "b", "c"), seed=0)).model
    said: list[float] = []
    found = TASK.predict(Inference(model, tokenizer, Truncation(32), said.append), Inputs(TEXTS))
    plain, reference = (
        BertTokenizer.from_pretrained(trained),
        BertForSequenceClassification.from_pretrained(trained).eval(),
    )
    for text, prediction in zip(TEXTS, found, strict=True):
        inputs = plain(text, truncation=True, max_length=32, return_tensors="pt")
        with torch.inference_mode():
            probabilities = reference(**inputs).logits.softmax(-1)[0].tolist()
        assert {item.label: item.score for item in prediction.labels} == pytest.approx(
            dict(zip("abc", probabilities, strict=True)), abs=1e-5
        )
        assert [item.score for item in prediction.labels] == pytest.approx(
            sorted(probabilities, reverse=True), abs=1e-5
        )
    assert said[-1] == 1.0
    assert len({prediction.best.score for prediction in found}) == len(TEXTS)


@pytest.mark.slow
def test_a_text_alone_and_in_a_padded_batch_say_the_same(trained: Path, tokenizer: SharedTokenizer) -> None:
    model = TASK.model(trained, HeadOptions(("a", "b", "c"), seed=0)).model
    together = TASK.predict(Inference(model, tokenizer, Truncation(64)), Inputs(TEXTS))
    for text, other in zip(TEXTS, together, strict=True):
        (alone,) = TASK.predict(Inference(model, tokenizer, Truncation(64)), Inputs([text]))
        assert scores(alone) == pytest.approx(scores(other), abs=1e-5)


@pytest.mark.slow
def test_a_pair_is_read_as_a_pair(trained: Path, tokenizer: SharedTokenizer) -> None:
    model = TASK.model(trained, HeadOptions(("a", "b", "c"), seed=0)).model
    (pair,) = TASK.predict(Inference(model, tokenizer, Truncation(64)), Inputs(["good film"], ["bad book"]))
    (joined,) = TASK.predict(Inference(model, tokenizer, Truncation(64)), Inputs(["good film bad book"]))
    assert scores(pair) != pytest.approx(scores(joined), abs=1e-3)


def scores(prediction: Labels) -> dict[str, float]:
    return {item.label: item.score for item in prediction.labels}


@pytest.mark.slow
def test_scores_are_those_of_scikit_learn() -> None:
    import numpy as np
    from sklearn.metrics import accuracy_score, f1_score

    generator = np.random.default_rng(0)
    references = generator.integers(0, 4, 200)
    logits: Any = generator.normal(size=(200, 4)) + 1.5 * np.eye(4)[references]
    guesses = logits.argmax(-1)
    found = TASK.score(logits, references, NO_DATASET, NO_TABLE)
    assert found["accuracy"] == pytest.approx(accuracy_score(references, guesses))
    assert found["macro_f1"] == pytest.approx(f1_score(references, guesses, average="macro"))
    labels = ("a", "b", "c", "d")
    held_out = LabeledTable(NO_TABLE, {}, labels)
    said = list(TASK.decode(logits, {"row": range(200)}, held_out).values())  # type: ignore[arg-type]
    assert [labels.index(one.best.label) for one in said] == guesses.tolist()
    whole = TASK.intervals(said, references.tolist(), labels)
    assert set(whole) == set(TASK.metrics)
    for name, score in whole.items():
        assert score.value == pytest.approx(found[name])
        assert score.low < score.value < score.high


def test_head_parameters_are_the_classifier_and_the_pooler() -> None:
    assert TASK.is_head("classifier.weight")
    assert TASK.is_head("bert.pooler.dense.bias")
    assert not TASK.is_head("bert.encoder.layer.0.output.dense.weight")


def test_the_api_gets_all_labels_best_first() -> None:
    from bertdemo.tasks.results import LabelScore

    output = Labels((LabelScore("a", 0.75), LabelScore("b", 0.25))).to_api()
    assert output == {"labels": [{"label": "a", "score": 0.75}, {"label": "b", "score": 0.25}]}
