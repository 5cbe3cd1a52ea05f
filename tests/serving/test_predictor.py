"""Labels and vectors: those of transformers, whatever stands beside a text, and only for their owner."""

from __future__ import annotations

import codecs
import contextlib
import csv
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bertdemo import device
from bertdemo.checkpoints import Card, Catalogue
from bertdemo.checkpoints.info import owner_sha256
from bertdemo.errors import (
    ArgumentWrong,
    CheckpointUnknown,
    ColumnMissing,
    HeadMissing,
    RoleNotRead,
    ServerBusy,
    TextMissing,
    TextTooLong,
    TooManyTexts,
)
from bertdemo.serving import predictor as predictor_module
from bertdemo.serving.files import predict_file
from bertdemo.serving.predictor import Predictor
from bertdemo.settings import Settings
from bertdemo.tables.table_cache import TableCache
from bertdemo.tasks.base import Inputs
from bertdemo.tasks.multi_label.task import LabelSet
from tests.runs.support import settings_with, sharpened, write_csv
from tests.tiny import build_tiny_checkpoint

pytestmark = pytest.mark.slow

TEXTS = [
    "good film",
    "a bad book and the cat sat on the mat and so on and on",
    "",
    "猫",
    "love " * 60,
    "no",
    "the end ?",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("checkpoints")
    sharpened(build_tiny_checkpoint(root / "plain"))
    labels = ("bad", "good", "so so")
    return sharpened(build_tiny_checkpoint(root / "headed", head="classification", labels=labels, seed=3))


@pytest.fixture
def settings(home: Path, folder: Path) -> Settings:
    return replace(settings_with(home), checkpoint_folders=(folder, folder.parent / "plain"))


@pytest.fixture
def catalogue(settings: Settings) -> Catalogue:
    return Catalogue(settings)


@pytest.fixture
def predictor(settings: Settings, catalogue: Catalogue) -> Predictor:
    return Predictor(settings, catalogue, training_on_cpu=lambda: True)  # one thread: the tests share the cores


def publish(catalogue: Catalogue, folder: Path, owner: str, checkpoint: str = "run-1", **more: Any) -> str:
    """Put a copy of a folder into the catalogue as a trained checkpoint."""
    draft = catalogue.new_draft()
    for path in folder.iterdir():
        shutil.copyfile(path, draft / path.name)
    fields: dict[str, Any] = {
        "id": checkpoint, "owner": owner_sha256(owner), "name": "mine", "task": "classification",
        "labels": ("bad", "good", "so so"), "columns": {"text": "review", "label": "stars"}, "base": "local:plain",
        "base_sha256": "0" * 64, "base_commit": None, "data_name": "d.csv", "data_sha256": "0" * 64, "rows": 8,
        "config": {}, "metrics": {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6}}, "evaluated_on": "validation",
        "versions": {}, "created": time.time(), "run": checkpoint, "language": "en", "pooling": "pooler",
        "max_length": 16, "evaluated": True,
    }  # fmt: skip
    catalogue.save(draft, Card(**{**fields, **more}))
    return checkpoint


@pytest.mark.parametrize("pooling", ["cls", "mean", "max"])
def test_a_vector_is_the_same_alone_and_in_a_padded_batch(predictor: Predictor, pooling: str) -> None:
    together = predictor.embed(TEXTS, "local:plain", pooling, "")
    for text, vector in zip(TEXTS, together, strict=True):
        (alone,) = predictor.embed([text], "local:plain", pooling, "")
        assert len(alone) == 32
        assert vector == pytest.approx(alone, abs=1e-5)


def test_vectors_are_pooled_as_their_names_say(predictor: Predictor, folder: Path) -> None:
    import torch
    from transformers import BertModel, BertTokenizer

    plain = folder.parent / "plain"
    inputs = BertTokenizer.from_pretrained(plain)("a bad book", return_tensors="pt")
    with torch.inference_mode():
        hidden = BertModel.from_pretrained(plain).eval()(**inputs).last_hidden_state[0]
    for pooling, expected in (("cls", hidden[0]), ("mean", hidden.mean(0)), ("max", hidden.max(0).values)):
        (vector,) = predictor.embed(["a bad book"], "local:plain", pooling, "")
        assert vector == pytest.approx(expected.tolist(), abs=1e-5)


def test_labels_are_those_of_transformers(predictor: Predictor, folder: Path) -> None:
    import torch
    from transformers import BertForSequenceClassification, BertTokenizer

    answer = predictor.predict("a bad book", "", "local:headed", "")
    with torch.inference_mode():
        inputs = BertTokenizer.from_pretrained(folder)("a bad book", return_tensors="pt")
        probabilities = BertForSequenceClassification.from_pretrained(folder).eval()(**inputs).logits.softmax(-1)[0]
    found = {item.label: item.score for item in answer.output.labels}
    assert found == pytest.approx(dict(zip(("bad", "good", "so so"), probabilities.tolist(), strict=True)), abs=1e-5)
    assert (answer.task, answer.checkpoint, answer.before) == ("classification", "local:headed", None)


def test_a_checkpoint_without_a_head_gives_no_labels(predictor: Predictor) -> None:
    with pytest.raises(HeadMissing) as caught:
        predictor.predict("good", "", "local:plain", "")
    assert caught.value.values == {"checkpoint": "plain"}
    with pytest.raises(HeadMissing):
        predictor.predict_many(Inputs(["good"]), "local:plain", "")
    assert len(predictor.embed(["good"], "local:plain", "mean", "")) == 1


def test_another_owners_checkpoint_is_unknown_even_once_it_is_open(
    predictor: Predictor, catalogue: Catalogue, folder: Path
) -> None:
    mine = publish(catalogue, folder, "a")
    assert predictor.predict("good", "", mine, "a").max_length == 16
    for call in (
        lambda: predictor.predict("good", "", mine, "b"),
        lambda: predictor.embed(["good"], mine, "mean", "b"),
        lambda: predictor.predict_many(Inputs(["good"]), mine, ""),
    ):
        with pytest.raises(CheckpointUnknown):
            call()


def test_a_deleted_checkpoint_is_unknown_though_its_model_was_open(
    predictor: Predictor, catalogue: Catalogue, folder: Path
) -> None:
    mine = publish(catalogue, folder, "a")
    predictor.predict("good", "", mine, "a")
    catalogue.delete(mine, "a")
    with pytest.raises(CheckpointUnknown):
        predictor.predict("good", "", mine, "a")
    predictor.forget(mine)
    assert not predictor._models


def test_a_trained_checkpoint_whose_base_is_gone_still_predicts(
    predictor: Predictor, catalogue: Catalogue, folder: Path
) -> None:
    from bertdemo.checkpoints.loading import HEAD_FILE

    draft = folder.parent / "with-head"
    shutil.copytree(folder, draft, dirs_exist_ok=True)
    (draft / HEAD_FILE).write_bytes(b"x")
    mine = publish(catalogue, draft, "a", base="run-0")
    assert predictor.predict("good", "", mine, "a").before is None


def test_texts_beyond_the_limits_are_refused_with_the_limit(settings: Settings, catalogue: Catalogue) -> None:
    small = replace(settings, limits=replace(settings.limits, text_chars=10, embed_texts=2))
    predictor = Predictor(small, catalogue)
    with pytest.raises(TextTooLong) as caught:
        predictor.predict("x" * 11, "", "local:headed", "")
    assert caught.value.values == {"chars": 11, "limit": 10}
    with pytest.raises(TextTooLong):
        predictor.predict("x", "y" * 11, "local:headed", "")
    with pytest.raises(TextTooLong):
        predictor.embed(["x", "y" * 11], "local:plain", "mean", "")
    with pytest.raises(TooManyTexts) as many:
        predictor.embed(["x"] * 3, "local:plain", "mean", "")
    assert many.value.values == {"count": 3, "limit": 2}


def test_a_missing_text_and_a_wrong_argument_are_named(predictor: Predictor) -> None:
    with pytest.raises(TextMissing):
        predictor.predict(" \n", "", "local:headed", "")
    with pytest.raises(ArgumentWrong) as caught:
        predictor.embed(["a"], "local:plain", "median", "")
    assert caught.value.values == {"name": "pooling", "expected": "cls, mean, max"}
    with pytest.raises(ArgumentWrong):
        predictor.embed([None], "local:plain", "mean", "")  # type: ignore[list-item]
    assert predictor.embed([], "local:plain", "mean", "") == []


def test_similarity_is_a_cosine(predictor: Predictor) -> None:
    assert predictor.similarity("good film", "good film", "local:plain", "") == pytest.approx(1.0)
    assert -1 <= predictor.similarity("good film", "poor book please", "local:plain", "") < 1


def test_one_thread_is_used_while_a_run_trains_and_for_a_short_text(settings: Settings, catalogue: Catalogue) -> None:
    import torch

    training = [True]
    predictor = Predictor(settings, catalogue, training_on_cpu=lambda: training[0])
    before = torch.get_num_threads()
    try:
        long = ["good film " * 101]
        predictor.embed(long, "local:plain", "mean", "")
        assert torch.get_num_threads() == 1
        training[0] = False
        predictor.embed(long, "local:plain", "mean", "")
        assert torch.get_num_threads() == device.compute_threads()
        predictor.embed(["a"], "local:plain", "mean", "")  # two threads would wait for each other
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_only_a_few_models_are_kept(predictor: Predictor, catalogue: Catalogue, folder: Path) -> None:
    for number in range(6):
        predictor.predict("good", "", publish(catalogue, folder, "", f"run-{number}"), "")
    assert [key[0] for key in predictor._models] == ["run-2", "run-3", "run-4", "run-5"]


def run_file(
    predictor: Predictor, catalogue: Catalogue, source: Path, target: Path, **more: Any
) -> list[dict[str, str]]:
    options: dict[str, Any] = {
        "checkpoint": "local:headed",
        "owner": "",
        "columns": {},
        "table_cache": TableCache(predictor._settings),
        **more,
    }
    predict_file(source, source.name, target, predictor=predictor, catalogue=catalogue, **options)
    with target.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_file_keeps_its_rows_their_order_and_its_columns(
    predictor: Predictor, catalogue: Catalogue, tmp_path: Path
) -> None:
    rows = [
        (str(i), f"{'good' if i % 3 else 'bad'} film {i}{' very' * (i * 7 % 11)}", f"old {i}", 'x, "y"\nz')
        for i in range(50)
    ]
    rows[7] = ("7", "", "old 7", "")
    rows[9] = ("9", "   ", "old 9", "")
    source = write_csv(tmp_path / "in.csv", rows, header=("id", "text", "prediction", "note"))
    said: list[float] = []
    found = run_file(predictor, catalogue, source, tmp_path / "out.csv", columns={"text": "text"}, progress=said.append)
    assert list(found[0]) == ["id", "text", "prediction", "note", "prediction (2)", "confidence"]
    assert [row["id"] for row in found] == [str(i) for i in range(50)]
    assert [row["prediction"] for row in found] == [f"old {i}" for i in range(50)]
    assert {found[i]["prediction (2)"] + found[i]["confidence"] for i in (7, 9)} == {""}
    assert found[0]["note"] == 'x, "y"\nz'
    for row in (found[0], found[31], found[49]):
        best = predictor.predict(row["text"], "", "local:headed", "").output.best
        assert row["prediction (2)"] == best.label
        assert float(row["confidence"]) == pytest.approx(best.score, abs=2e-6)
    assert said[-1] == 1.0
    assert (tmp_path / "out.csv").read_bytes().startswith(codecs.BOM_UTF8)  # or Excel garbles Chinese


def test_no_cell_and_no_column_of_a_file_of_predictions_is_a_formula(
    predictor: Predictor, catalogue: Catalogue, tmp_path: Path
) -> None:
    header = ("text", "=cmd|'/c calc'!A1", "+x", "＝y", "plain")
    cells = ("good film", "=1+0", "-2", "@sum(a1)", "a=b")
    source = write_csv(tmp_path / "in.csv", [cells], header=header)
    (row,) = run_file(predictor, catalogue, source, tmp_path / "out.csv", columns={"text": "text"})
    assert list(row)[:5] == ["text", "'=cmd|'/c calc'!A1", "'+x", "'＝y", "plain"]
    assert list(row.values())[:5] == ["good film", "'=1+0", "'-2", "'@sum(a1)", "a=b"]


@pytest.mark.parametrize(
    ("name", "content", "texts"),
    [
        ("a.csv", "id,text\n1,good\n,\n3,bad\n", ["good", "", "bad"]),
        ("one.csv", 'text\ngood film\n""\n\nbad film\n\n\n', ["good film", "", "", "bad film"]),
        ("tabs.tsv", "text\tnote\n\t\n\t\ngood\tx\n \ty\n", ["", "", "good", " "]),
        ("joined.csv", "text,n\ngood,1\ntext,n\nbad,2\n", ["good", "text", "bad"]),
        ("rows.jsonl", '{"text": "good"}\n{"text": ""}\n{"text": null}\n{"text": "bad"}\n', ["good", "", "", "bad"]),
    ],
)
def test_empty_rows_between_others_keep_their_place(
    name: str, content: str, texts: list[str], predictor: Predictor, catalogue: Catalogue, tmp_path: Path
) -> None:
    source = tmp_path / name
    source.write_text(content, encoding="utf-8")
    found = run_file(predictor, catalogue, source, tmp_path / "out.csv", columns={"text": "text"})
    assert [row["text"] for row in found] == texts
    assert [bool(row["prediction"]) for row in found] == [bool(text.strip()) for text in texts]


def test_a_text_that_was_cut_is_said_to_be_so_in_its_row_and_alone(
    predictor: Predictor, catalogue: Catalogue, tmp_path: Path
) -> None:
    most = predictor.predict("good", "", "local:headed", "").max_length
    long = "good " * (most + 5)
    for text, cut in ((long, True), ("good " * (most - 2), False), ("good", False)):
        assert predictor.predict(text, "", "local:headed", "").truncated is cut
    source = write_csv(tmp_path / "in.csv", [("good",), (long,), ("",), ("bad",)], header=("text",))
    found = run_file(predictor, catalogue, source, tmp_path / "out.csv", columns={"text": "text"})
    assert [row["truncated"] for row in found] == ["", "yes", "", ""]
    assert list(found[0])[-2:] == ["confidence", "truncated"]


def test_a_column_for_a_role_that_the_model_does_not_read_is_refused(
    predictor: Predictor, catalogue: Catalogue, tmp_path: Path
) -> None:
    source = write_csv(tmp_path / "in.csv", [("good", "bad")], header=("text", "more"))
    with pytest.raises(RoleNotRead) as caught:
        run_file(predictor, catalogue, source, tmp_path / "out.csv", columns={"text": "text", "pair": "more"})
    assert caught.value.values["argument"] == "pair"


def test_the_column_that_was_trained_on_is_read_and_a_wrong_name_is_refused(
    predictor: Predictor, catalogue: Catalogue, folder: Path, tmp_path: Path
) -> None:
    mine = publish(catalogue, folder, "")
    source = write_csv(tmp_path / "in.csv", [("a longer text of many words", "good")], header=("notes", "review"))
    (row,) = run_file(predictor, catalogue, source, tmp_path / "out.csv", checkpoint=mine)
    best = predictor.predict("good", "", mine, "").output.best
    assert (row["prediction"], float(row["confidence"])) == (best.label, pytest.approx(best.score, abs=2e-6))
    with pytest.raises(ColumnMissing):
        run_file(predictor, catalogue, source, tmp_path / "out.csv", columns={"text": "nothing"})


def test_a_checkpoint_whose_labels_do_not_exclude_each_other_answers_so(home: Path, tmp_path: Path) -> None:
    named = {"problem_type": "multi_label_classification"}
    build_tiny_checkpoint(tmp_path / "several", head="classification", labels=("a", "b", "c"), **named)
    own = Settings(home=home, checkpoint_folders=(tmp_path / "several",))
    answer = Predictor(own, Catalogue(own)).predict("good film", "", "local:several", "")
    assert answer.task == "multi_label" and isinstance(answer.output, LabelSet)
    assert sum(item.score for item in answer.output.labels) != pytest.approx(1)
    assert answer.output.chosen == tuple(item.label for item in answer.output.labels if item.score >= 0.5)


def test_a_prediction_is_refused_in_words_while_all_places_stay_taken(
    settings: Settings, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictor_module, "_WAIT_SECONDS", 0.05)
    busy = Predictor(settings, catalogue)
    with contextlib.ExitStack() as held:
        for _ in range(settings.limits.concurrent_predictions):
            held.enter_context(busy.inference_slot())
        with pytest.raises(ServerBusy):
            busy.predict("good", "", "local:headed", "")
        with pytest.raises(ServerBusy):
            busy.embed(["good"], "local:plain", "mean", "")
    assert busy.predict("good", "", "local:headed", "").output.labels


def test_one_text_is_answered_between_two_batches_of_a_file(settings: Settings, catalogue: Catalogue) -> None:
    own = replace(settings, limits=replace(settings.limits, concurrent_predictions=1))
    predictor = Predictor(own, catalogue)
    predictor.embed(["warm"], "local:plain", "mean", "")
    many = Inputs(["a good film"] * 200)
    answered = threading.Event()
    seen: list[bool] = []

    def ask() -> None:
        predictor.embed(["good"], "local:plain", "mean", "")
        answered.set()

    def progress(share: float) -> None:
        # It cannot be answered while the file has the only slot, however long it is waited for.
        seen.append(bool(seen) and answered.wait(10))
        if len(seen) == 1:
            threading.Thread(target=ask).start()
            while not predictor.waiting:
                time.sleep(0.001)

    for call in (
        lambda: predictor.predict_many(many, "local:headed", "", progress),
        lambda: predictor.unit_vectors(many.texts, "local:plain", "", progress),
    ):
        call()
        assert seen[:2] == [False, True]
        answered.clear()
        seen.clear()
