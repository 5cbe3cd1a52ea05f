"""Rows that are wrong in a task's own way: each gives a clear error, or is named in the report; nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bertdemo import errors, tasks
from bertdemo.errors import BertDemoError
from bertdemo.i18n.translation import LANGUAGES, catalogue, message
from bertdemo.run_config import Truncation
from bertdemo.serving.files import input_columns
from bertdemo.tables.table import Table
from bertdemo.tasks.base import EncodeOptions, HeadOptions, Inputs, LabeledTable
from bertdemo.tasks.forward import Inference
from bertdemo.tasks.label_lists import FLAGS
from tests.tiny import build_tiny_checkpoint

TEXTS = [f"a text number {i} to read" for i in range(6)]
NER = {"tokens": "tokens", "tags": "tags"}
QA = {"question": "question", "context": "context", "answer": "answer"}
SCORES = {"text": "text", "pair": "pair", "label": "label"}
LISTS = {"text": "text", "label": "label"}


def table(file: str = "t.csv", /, **columns: list[Any]) -> Table:
    rows = len(next(iter(columns.values())))
    return Table(file, {key: tuple(cells) for key, cells in columns.items()}, tuple(range(2, 2 + rows)))


def said(error: BertDemoError) -> str:
    """Return the sentence, which both languages must have, in English."""
    sentences = [message(lang, error) for lang in LANGUAGES]
    assert all(sentences) and sentences[0] != sentences[1]
    return sentences[LANGUAGES.index("en")]


def problems(task: str, given: Table, columns: dict[str, str]) -> dict[str, tuple[int, ...]]:
    """Return code -> rows of what the report says; every code has a sentence."""
    told = {problem.code: problem.rows for problem in tasks.find(task).problems(given, columns)}
    assert all(f"finding.{code}" in catalogue("en") for code in told)
    return told


# --- sentence pairs, similarity, search ------------------------------------------------------------------------


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_a_pair_with_one_empty_side_is_left_out_and_too_few_whole_ones_are_refused(empty: str | None) -> None:
    seconds = ["x", empty, "y", "z", "w", "v"]
    given = table(text=TEXTS, pair=seconds, label=["0", "1"] * 3)
    for task in ("pair", "similarity", "search"):
        columns = {name: name for name in given.columns if task != "search" or name != "label"}
        found = tasks.find(task).targets(given, columns, ("0", "1"))
        assert [target is None for target in found] == [False, True, False, False, False, False]
        tasks.find(task).check(given, columns, label_limit=9)
        few = table(text=TEXTS, pair=[*seconds[:4], empty, empty], label=["0", "1"] * 3)
        with pytest.raises(errors.TooFewRows) as caught:
            tasks.find(task).check(few, columns, label_limit=9)
        assert "Usable rows: 3" in said(caught.value)


@pytest.mark.parametrize("cell", ["high", "3 of 5", "80%", "nan", "inf", "3/5"])
def test_a_column_of_scores_that_are_no_numbers_is_refused_with_row_and_cell(cell: str) -> None:
    task = tasks.find("similarity")
    given = table(text=TEXTS, pair=TEXTS, label=["1", cell, cell, "2", cell, "3"])
    assert problems("similarity", given, SCORES)["score_no_number"] == (1, 2, 4)
    with pytest.raises(errors.ScoreNoNumber) as caught:
        task.check(given, SCORES, label_limit=9)
    assert caught.value.values == {"column": "label", "row": 3, "cell": cell}
    assert f"row 3 has “{cell}”" in said(caught.value)
    with pytest.raises(errors.ScoreNoNumber):
        task.check_held_out(table(text=["a"], pair=["b"], label=[cell]), SCORES, ("0", "5"))
    with pytest.raises(errors.TooFewRows):  # nothing but empty cells: those are to be filled
        task.check_held_out(table(text=["a"], pair=["b"], label=[None]), SCORES, ("0", "5"))


def test_a_validation_score_outside_the_scale_is_counted_as_it_is() -> None:
    task = tasks.find("similarity")
    given = table(text=["a", "b"], pair=["c", "d"], label=["7", "-1"])
    task.check_held_out(given, SCORES, ("0", "5"))
    assert task.targets(given, SCORES, ("0", "5")) == [7.0, -1.0]  # correlations know no scale


@pytest.mark.parametrize("texts", [["!!!", "?"], ["…"], ["。", "，"], ["🙂"]])
def test_texts_without_a_word_can_be_counted_too(texts: list[str]) -> None:
    counted = word_counts_of(texts)
    assert counted.shape[0] == len(texts) and counted.nnz > 0


def word_counts_of(texts: list[str]) -> Any:
    from bertdemo.tasks.bi_encoder import fit_tfidf

    return fit_tfidf(texts).transform(texts)


# --- several labels --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["a|b", "b"], [(0, 1), (1,)]),
        (["a|b", "a|b"], [(0, 1), (0, 1)]),
        (["a; b"], [(0, 1)]),
        (['["a", "b"]', "[]"], [(0, 1), ()]),
        (["b", "a"], [(1,), (0,)]),
        (["b，a"], [(0, 1)]),
    ],
)
def test_a_small_validation_file_is_split_so_that_its_labels_are_those_of_the_training_data(
    cells: list[str], wanted: list[tuple[int, ...]]
) -> None:
    given = table(text=TEXTS[: len(cells)], label=cells)
    assert tasks.find("multi_label").targets(given, LISTS, ("a", "b")) == wanted


@pytest.mark.parametrize(
    "cells", [["a", "b", "a|new"], ["a", "b", "new"], ["a;b", "b", "new; a"], ['["a"]', "[]", '["b", "new"]']]
)
def test_an_unknown_label_in_a_list_of_a_validation_file_is_named(cells: list[str]) -> None:
    given = table("v.csv", text=TEXTS[:3], label=cells)
    with pytest.raises(errors.UnknownLabel) as caught:
        tasks.find("multi_label").check_held_out(given, LISTS, ("a", "b"))
    assert said(caught.value).startswith("v.csv, row 4: the label “new”")


def test_a_label_that_every_validation_row_has_is_still_read_from_its_column_of_ones() -> None:
    task, columns = tasks.find("multi_label"), {"text": "text", "label": FLAGS}
    given = table(text=TEXTS[:2], sport=["1", "1"], food=["0", "0"])
    task.check_held_out(given, columns, ("food", "sport"))
    assert task.targets(given, columns, ("food", "sport")) == [(1,), (1,)]
    with pytest.raises(errors.ColumnMissing) as caught:
        task.check_held_out(table(text=TEXTS[:2], sport=["1", "0"]), columns, ("food", "sport"))
    assert "There is no column “food”" in said(caught.value)


def test_the_row_that_brings_one_label_too_many_is_the_one_that_is_named() -> None:
    given = table(text=TEXTS, label=["a|b", "a", "b", "a|c", "a|d", "b"])
    with pytest.raises(errors.TooManyLabels) as caught:
        tasks.find("multi_label").check(given, LISTS, label_limit=2)
    assert "exceeded in row 5" in said(caught.value)
    tags = [["O", "B-X"], ["O", "B-Y"], ["O", "O"], ["B-X", "I-X"]]
    named = table(tokens=[json.dumps(["a", "b"])] * 4, tags=[json.dumps(one) for one in tags])
    with pytest.raises(errors.TooManyLabels) as caught:
        tasks.find("token_classification").check(named, NER, label_limit=2)
    assert caught.value.values["row"] == 3


# --- words with tags -------------------------------------------------------------------------------------------


def test_rows_with_another_number_of_tags_than_words_are_named() -> None:
    given = table(tokens=['["a", "b"]'] * 5, tags=['["O"]'] * 3 + ['["O", "B-X"]'] * 2)
    assert problems("token_classification", given, NER)["tags_of_other_length"] == (0, 1, 2)
    for check in ("check", "check_held_out"):
        given = table(tokens=['["a", "b"]'] * 3, tags=['["O"]'] * 3)
        with pytest.raises(errors.TagsUnfit) as caught:
            _check(check, given)
        assert "Row 2 has a different number of tags and words" in said(caught.value)


def _check(which: str, given: Table) -> None:
    task = tasks.find("token_classification")
    if which == "check":
        task.check(given, NER, label_limit=9)
    else:
        task.check_held_out(given, NER, ("O", "B-X", "I-X"))


@pytest.mark.parametrize(
    ("spans", "code"),
    [
        ([(0, 99, "X")], "spans_outside"),
        ([(-1, 3, "X")], "spans_outside"),
        ([(3, 3, "X")], "spans_outside"),
        ([(5, 2, "X")], "spans_outside"),
        ([(0, 7, "X"), (4, 7, "Y")], "spans_overlapping"),
        ([(0, 3, "X"), (0, 3, "Y")], "spans_overlapping"),
        ([("0", 3, "X")], "spans_malformed"),
        ([(0, 3, "")], "spans_malformed"),
    ],
)
def test_spans_that_do_not_fit_their_text_are_named_and_never_half_read(
    spans: list[tuple[Any, Any, str]], code: str
) -> None:
    cell = json.dumps([{"start": start, "end": end, "label": label} for start, end, label in spans])
    good = json.dumps([{"start": 0, "end": 3, "label": "X"}])
    given = table(tokens=["Ann Lee is in Bonn."] * 5, tags=[good, cell, good, good, good])
    assert problems("token_classification", given, NER) == {code: (1,)}
    assert tasks.find("token_classification").targets(given, NER, ("O", "B-X", "I-X"))[1] is None
    with pytest.raises(errors.SpansUnfit) as caught:
        _check("check", table(tokens=["Ann Lee is in Bonn."] * 2, tags=[good, cell]))
    assert "Row 3 has a span" in said(caught.value)


def test_spans_side_by_side_do_not_overlap() -> None:
    spans = json.dumps([{"start": 4, "end": 7, "label": "B"}, {"start": 0, "end": 3, "label": "A"}])
    (found,) = tasks.find("token_classification").targets(
        table(tokens=["Ann Lee."], tags=[spans]), NER, ("O", "B-A", "I-A", "B-B", "I-B")
    )
    assert found.tags == ("B-A", "B-B", "O")


@pytest.mark.parametrize("tag", ["PER", "3", "X-PER", "B:PER"])
def test_tags_of_no_known_kind_are_told_and_where_there_are_no_others_refused(tag: str) -> None:
    words = json.dumps(["Ann", "is", "here"])
    given = table(tokens=[words] * 4, tags=[json.dumps([tag, "O", "O"])] * 3 + [json.dumps(["B-PER", "O", "O"])])
    assert problems("token_classification", given, NER) == {"tags_unknown": (0, 1, 2)}
    with pytest.raises(errors.TagUnknown) as caught:
        _check("check", table(tokens=[words] * 4, tags=[json.dumps([tag, "O", "O"])] * 4))
    assert caught.value.values == {"tag": tag, "row": 2}
    assert f"Row 2: unknown tag “{tag}”" in said(caught.value)
    for nothing in ("_", "-", "o", ""):
        fine = table(tokens=[words], tags=[json.dumps(["B-PER", nothing, "O"])])
        assert not problems("token_classification", fine, NER)


# --- answers in a passage --------------------------------------------------------------------------------------


def test_answers_that_are_not_in_their_passages_are_named_and_refused_where_no_others_are_left() -> None:
    passages = ["The museum was opened in spring."] * 5
    given = table(question=["When?"] * 5, context=passages, answer=["in spring", "Spring", "in  spring", "in May", ""])
    assert problems("question_answering", given, QA) == {
        "answer_not_in_context": (1, 2, 3), "questions_without_answer": (),
    }  # fmt: skip
    with pytest.raises(errors.AnswerElsewhere) as caught:
        tasks.find("question_answering").check(given, QA, label_limit=9)
    assert "Row 3: the answer “Spring” is not found in its passage" in said(caught.value)
    with pytest.raises(errors.AnswerElsewhere):
        tasks.find("question_answering").check_held_out(table(question=["?"], context=["a"], answer=["b"]), QA, ())
    with pytest.raises(errors.TooFewRows):
        tasks.find("question_answering").check_held_out(table(question=[None], context=["a"], answer=["a"]), QA, ())


@pytest.mark.slow
@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_every_piece_of_a_passage_of_5000_words_is_read(
    place: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.tasks.question_answering import spans
    from bertdemo.tasks.question_answering import task as module

    folder = build_tiny_checkpoint(tmp_path / "tiny")
    tokenizer, task = SharedTokenizer.from_folder(folder), tasks.find("question_answering")
    words = ["film", "good", "cat"] * 1667
    words[int(place * (len(words) - 1))] = "paris"
    passage = " ".join(words)
    read: list[Any] = []
    window = spans.windows
    monkeypatch.setattr(
        module,
        "windows",
        lambda *asked: read.append(window(*asked)) or read[-1],  # type: ignore[func-returns-value]
    )
    model: Any = task.model(folder, HeadOptions((), seed=0)).model
    (answer,) = task.predict(Inference(model, tokenizer, Truncation(128)), Inputs(["where is it"], [passage]))
    seen = {span for one in read[0] for span in one.offsets if span}
    assert len(read[0]) > 50 and seen == {(at, end) for at, end in tokenizer.encode(passage).offsets if end}
    assert passage[answer.start : answer.end] == answer.answer != ""
    given = table(question=["where"], context=[passage], answer=["paris"])
    dataset = task.encode(LabeledTable(given, QA), [0], tokenizer, EncodeOptions(Truncation(128)))
    assert any(start > 0 for start in dataset["start_positions"])


# --- hidden words ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_batch_in_which_nothing_can_be_hidden_costs_nothing_and_breaks_no_training(tmp_path: Path) -> None:
    import torch

    from bertdemo.checkpoints.tokenizers import SharedTokenizer

    folder = build_tiny_checkpoint(tmp_path / "tiny")
    tokenizer, task = SharedTokenizer.from_folder(folder), tasks.find("fill_mask")
    model: Any = task.model(folder, HeadOptions((), seed=0)).model
    given = table(text=["🙂🙂", "ไทย", "!!!", "the cat"])
    rows = task.encode(LabeledTable(given, {"text": "text"}), range(4), tokenizer, EncodeOptions(Truncation(32)))
    for chosen, costs in (([0, 1], False), ([2], True), ([0, 3], True)):
        batch = task.collator(tokenizer, seed=0)([{**rows[at], "epoch": 0} for at in chosen])
        loss, outputs = task.loss(model, batch)
        own = model(**batch).loss
        loss.backward()
        assert torch.isfinite(loss) and (loss > 0) == costs and outputs["logits"].shape[0] == len(chosen)
        assert not costs or loss.item() == pytest.approx(own.item(), abs=1e-5)
    assert all(torch.isfinite(weight.grad).all() for weight in model.parameters() if weight.grad is not None)


@pytest.mark.slow
def test_a_mask_beyond_the_length_of_the_model_is_filled_in_all_the_same(tmp_path: Path) -> None:
    from bertdemo.checkpoints.tokenizers import SharedTokenizer

    folder = build_tiny_checkpoint(tmp_path / "tiny")
    tokenizer, task = SharedTokenizer.from_folder(folder), tasks.find("fill_mask")
    model: Any = task.model(folder, HeadOptions((), seed=0)).model
    text = " ".join(["cat"] * 100 + ["[MASK]"] + ["dog"] * 300 + ["the", "[MASK]", "[MASK]"])
    (found,) = task.predict(Inference(model, tokenizer, Truncation(32)), Inputs([text]))
    assert len(found.masks) == 3 and all(len(best) == 5 for best in found.masks)
    short = Inputs([" ".join(["dog"] * 27 + ["the", "[MASK]", "[MASK]"])])
    (same,) = task.predict(Inference(model, tokenizer, Truncation(32)), short)
    assert [best[0].id for best in found.masks[1:]] == [best[0].id for best in same.masks]


# --- files to predict ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["pair", "similarity", "search", "question_answering"])
def test_a_file_to_predict_that_lacks_the_second_text_is_told_what_it_has(task: str) -> None:
    first, second = (role.name for role in tasks.find(task).reads)
    for columns in ({first: TEXTS}, {first: TEXTS, "id": [str(i) for i in range(6)]}):
        with pytest.raises(errors.ColumnToRead) as caught:
            input_columns(tasks.find(task), table(**columns), {}, None)
        words = said(caught.value)
        assert words.endswith(f"the file has: {', '.join(columns)}.")
        assert {"pair": "second text", "context": "passage"}[second] in words
    with pytest.raises(errors.ColumnMissing):
        input_columns(tasks.find(task), table(**{first: TEXTS}), {second: "gone"}, None)
