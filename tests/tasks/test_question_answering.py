"""Question answering: windows that lose nothing, spans decoded exactly, scores as SQuAD's, Chinese offsets."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertdemo.checkpoints import bundled
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.errors import AnswerElsewhere
from bertdemo.metrics import squad_f1
from bertdemo.run_config import Truncation
from bertdemo.samples import sample_path
from bertdemo.settings import Limits
from bertdemo.tables.table import Table
from bertdemo.tables.table_files import read
from bertdemo.tasks.base import HeadOptions, Inputs
from bertdemo.tasks.forward import Inference
from bertdemo.tasks.question_answering.spans import MOST_ANSWER, Window, best_span, windows
from bertdemo.tasks.question_answering.targets import TargetAnswer
from bertdemo.tasks.question_answering.task import (
    ALWAYS,
    Answer,
    QuestionAnswering,
    _at_threshold,
    _best_threshold,
)
from tests.runs.support import sharpened
from tests.tiny import build_tiny_checkpoint

TASK = QuestionAnswering()
NONE = TargetAnswer("", -1, -1)
COLUMNS = {"question": "question", "context": "context", "answer": "answer"}


@pytest.fixture(scope="module")
def tokenizer() -> SharedTokenizer:
    return SharedTokenizer.from_folder(bundled.folder())


def table(*rows: tuple[str | None, str | None, str | None], start: tuple[str | None, ...] = ()) -> Table:
    columns: dict[str, tuple[str | None, ...]] = {
        name: tuple(row[at] for row in rows) for at, name in enumerate(COLUMNS)
    }
    if start:
        columns["answer_start"] = start
    return Table("q.jsonl", columns, tuple(range(1, len(rows) + 1)))


def test_an_answer_must_stand_in_its_passage_and_none_is_an_answer_too() -> None:
    asked = table(
        ("Who?", "Ann came.", "Ann"), ("Who?", "Ann came.", "Bob"), ("Who?", "It rained.", ""), ("Who?", None, "x"),
        ("Which?", "one two one", "one"),
        start=("0", "0", "-1", None, "8"),
    )  # fmt: skip
    none = TargetAnswer("", -1)
    assert TASK.targets(asked, COLUMNS, ()) == [TargetAnswer("Ann", 0), None, none, None, TargetAnswer("one", 8)]
    told = {problem.code: problem for problem in TASK.problems(asked, COLUMNS)}
    assert told["answer_not_in_context"].rows == (1,) and told["questions_without_answer"].values == {"count": 1}


@pytest.mark.parametrize("length", [24, 64, 384])
def test_windows_hold_every_piece_and_overlap(tokenizer: SharedTokenizer, length: int) -> None:
    passage = " ".join(f"word{i}" for i in range(5_000))
    found = windows(tokenizer, "What is it?", passage, length)
    places = [span for window in found for span in window.offsets if span]
    assert {start for start, _ in places} == {start for start, end in _pieces(tokenizer, passage) if end > start}
    assert all(len(window.ids) <= length for window in found) and len(found) > 10
    ends = [max(span for span in window.offsets if span)[1] for window in found]
    starts = [min(span for span in window.offsets if span)[0] for window in found]
    assert all(start < end for start, end in zip(starts[1:], ends, strict=False))


def _pieces(tokenizer: SharedTokenizer, text: str) -> list[tuple[int, int]]:
    return [(start, end) for start, end in tokenizer.encode(text).offsets]


def reference(starts: list[Any], ends: list[Any], read: list[Window]) -> tuple[float, int, int]:
    """Score every legal span, one after the other."""
    best = (-np.inf, 0, 0)
    for start, end, window in zip(starts, ends, read, strict=True):
        for i, first in enumerate(window.offsets):
            for j in range(i, min(i + MOST_ANSWER, len(window.offsets))):
                last = window.offsets[j]
                if first is not None and last is not None and start[i] + end[j] > best[0]:
                    best = (start[i] + end[j], first[0], last[1])
    return best


def test_the_best_span_is_that_of_a_search_through_all_legal_ones(tokenizer: SharedTokenizer) -> None:
    draw = np.random.default_rng(0)
    rng = random.Random(0)
    for _ in range(40):
        passage = " ".join(rng.choice(["cat", "sat", "mat", "unbelievably", "猫"]) for _ in range(rng.randint(1, 120)))
        read = windows(tokenizer, "What?", passage, rng.choice([16, 32, 64]))
        starts = [draw.normal(size=len(window.ids)) for window in read]
        ends = [draw.normal(size=len(window.ids)) for window in read]
        found = best_span(starts, ends, read)
        assert (found.score, found.start, found.end) == pytest.approx(reference(starts, ends, read))
        assert found.null == min(start[0] + end[0] for start, end in zip(starts, ends, strict=True))
        assert 0 < found.probability < 1


@pytest.mark.slow
def test_exact_match_and_f1_are_those_of_torchmetrics() -> None:
    from torchmetrics.text import SQuAD

    rng = random.Random(1)
    words = ["the", "cat", "a", "Cat.", "sat", "on", "an", "mat", "U.S.", "42", "well-known", "(old)", "don't"]
    for _ in range(200):
        said, given = (" ".join(rng.choice(words) for _ in range(rng.randint(1, 6))) for _ in range(2))
        given = said if rng.random() < 0.3 else given
        metric = SQuAD()
        metric.update(
            [{"prediction_text": said, "id": "1"}], [{"answers": {"answer_start": [0], "text": [given]}, "id": "1"}]
        )
        wanted = metric.compute()
        assert 100 * squad_f1.f1(said, given) == pytest.approx(float(wanted["f1"]), abs=1e-4), (said, given)
        assert 100 * squad_f1.exact(said, given) == pytest.approx(float(wanted["exact_match"])), (said, given)


@pytest.mark.parametrize(
    ("said", "given", "f1", "exact"),
    [
        ("", "", 1.0, True), ("", "a cat", 0.0, False), ("cat", "", 0.0, False), ("The!", "", 1.0, True),
        ("北京", "北京。", 1.0, True), ("在北京", "北京", 0.8, False), ("上海", "北京", 0.0, False),
    ],
)  # fmt: skip
def test_answers_and_no_answers_score_as_worked_out_by_hand(said: str, given: str, f1: float, exact: bool) -> None:
    assert squad_f1.f1(said, given) == pytest.approx(f1) and squad_f1.exact(said, given) is exact


def test_chinese_answers_keep_their_offsets(tokenizer: SharedTokenizer) -> None:
    path = sample_path("questions_zh")
    asked = read(path, path.name, Limits())
    checked = 0
    for row, target in enumerate(TASK.targets(asked, COLUMNS, ())):
        assert target is not None
        context = asked.columns["context"][row] or ""
        assert not target.text or context[target.start : target.start + len(target.text)] == target.text
        for window in windows(tokenizer, asked.columns["question"][row] or "", context, 64) if target.text else []:
            first, last = window.positions(target.start, target.end)
            if first:
                start, end = window.offsets[first], window.offsets[last]
                assert start and end and context[start[0] : end[1]] == target.text
                checked += 1
    assert checked > 50


def test_the_threshold_of_no_answer_is_the_best_one_and_never_reached_where_all_have_one() -> None:
    said = [Answer("cat", 0, 3, 0.9, False, margin) for margin in (-3.0, -1.0, 1.0, 2.0)]
    targets = [TargetAnswer("cat", 0), TargetAnswer("cat", 0), TargetAnswer("", -1), TargetAnswer("cat", 0)]
    threshold = _best_threshold(said, targets)
    assert [not _at_threshold(one, threshold).no_answer for one in said] == [True, True, False, False]
    assert _best_threshold(said, [TargetAnswer("cat", 0)] * 4) == ALWAYS
    assert _at_threshold(said[3], ALWAYS).answer == "cat"


@pytest.mark.parametrize(
    "answers",
    [
        {"answer": "['Mia', 'Mia Berg']", "answer_start": "[11, 11]"},
        {"answers.text": '["Mia", "Mia Berg"]', "answers.answer_start": "[11, 11]"},
        {"answers": "{'text': ['Mia'], 'answer_start': [11]}"},
        {"answers": '[{"text": "Mia", "answer_start": 11}, {"text": "Mia Berg", "answer_start": 11}]'},
    ],
)
def test_of_several_right_answers_the_first_trains_at_its_own_offset(answers: dict[str, str]) -> None:
    cells = {"question": "Who came?", "context": "Mia left?  Mia came.", **answers}
    rows = Table("q.csv", {name: (cell,) for name, cell in cells.items()}, (2,))
    columns = {"question": "question", "context": "context", "answer": next(iter(answers))}
    assert TASK.targets(rows, columns, ()) == [TargetAnswer("Mia", 11)]
    assert TASK.columns(rows) == columns


def test_answers_of_a_test_file_that_are_in_no_passage_are_refused_as_such() -> None:
    made_up = [(f"Who is number {at}?", f"Passage {at} is about Mia.", f"FAKE_{at}") for at in range(6)]
    rows = table(*made_up, start=("-1",) * 6)
    assert TASK.fits(rows) == 0.9
    with pytest.raises(AnswerElsewhere):
        TASK.check(rows, TASK.columns(rows), label_limit=9)


def test_of_repeated_answers_the_one_nearest_to_the_offset_is_learned_and_its_row_named() -> None:
    rows = table(
        ("Where?", "Oslo grew.\r\nIn Oslo he stayed.\r\nOslo!", "Oslo"),
        ("Where?", "Oslo grew. In Oslo he stayed.", "Oslo"),
        ("Where?", "Oslo grew. In Oslo he stayed.", "Oslo"),
        start=("14", "14", None),
    )  # fmt: skip
    assert [target and target.start for target in TASK.targets(rows, COLUMNS, ())] == [15, 14, 0]
    assert {problem.code: problem.rows for problem in TASK.problems(rows, COLUMNS)} == {"answers_moved": (0,)}


@pytest.mark.slow
def test_the_threshold_of_a_base_does_not_count_while_a_new_one_is_chosen(tmp_path: Path) -> None:
    folder = sharpened(build_tiny_checkpoint(tmp_path / "base", head="questions"))
    texts = ["the film ?", "a good cat", "no bad film", "love the end"]
    inputs = Inputs(texts, [f"{text} and the cat sat on the mat" for text in texts])
    tuned = []
    for threshold in (None, -1e6, 1e6):
        model = TASK.model(folder, HeadOptions(labels=(), seed=0)).model
        inference = Inference(model, SharedTokenizer.from_folder(folder), Truncation(64))
        found = TASK.predict(inference, inputs)
        # Right are the two answers of which the model is surest; the other questions have none.
        surest = sorted(found, key=lambda answer: answer.null_margin)[:2]
        targets = [TargetAnswer(it.answer, it.start, it.end) if it in surest else NONE for it in found]
        model.config.null_threshold = threshold
        tuned.append(TASK.tune(inference, inputs, targets))
    assert tuned[0] == tuned[1] == tuned[2]
    assert tuned[0] != {"null_threshold": ALWAYS}
