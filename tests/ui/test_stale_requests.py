"""Of the answers to one page, a drawing that comes after a newer question is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio.context import LocalContext

from bertdemo.errors import TextMissing
from bertdemo.ui.stale_requests import Answers, StaleRequestGuard, Values

LANG, DRAWING, CONTROL = object(), object(), object()
WHOLE = ("drawing",)


@pytest.fixture
def answers() -> Answers:
    page: Any = SimpleNamespace(lang=LANG)
    return Answers(page, [LANG], {"drawing": DRAWING, "control": CONTROL}, lambda values: values, stale=WHOLE)


@pytest.fixture
def of() -> Iterator[Callable[[str], None]]:
    """Say which open page asks."""

    def asks(page: str) -> None:
        LocalContext.request.set(SimpleNamespace(session_hash=page))  # type: ignore[arg-type]

    yield asks
    LocalContext.request.set(None)


def _answer(answers: Answers, fn: Callable[[Any], Values], clears: tuple[str, ...] = WHOLE) -> dict[Any, Any]:
    return answers.answer(fn, {LANG: "en"}, "drawing", clears)


def _drawn(name: str) -> Callable[[Any], Values]:
    return lambda asked: {"drawing": name, "control": name}


@pytest.mark.parametrize("late", [WHOLE, ()], ids=["a whole drawing", "a part"])
def test_an_answer_that_comes_after_a_newer_question_leaves_its_drawing_out(
    answers: Answers, of: Callable[[str], None], late: tuple[str, ...]
) -> None:
    of("one")

    def slow(asked: Any) -> Values:
        assert _answer(answers, _drawn("new")) == {DRAWING: "new", CONTROL: "new"}
        return {"drawing": "old", "control": "old"}

    assert _answer(answers, slow, late) == {CONTROL: "old"}


def test_an_error_that_comes_too_late_is_left_out_too(answers: Answers, of: Callable[[str], None]) -> None:
    of("one")

    def slow(asked: Any) -> Values:
        _answer(answers, _drawn("new"))
        raise TextMissing

    assert _answer(answers, slow) == {DRAWING: gr.skip()}


@pytest.mark.parametrize("other", ["two", ""])
def test_what_another_page_asks_changes_nothing(answers: Answers, of: Callable[[str], None], other: str) -> None:
    of("one")

    def slow(asked: Any) -> Values:
        of(other)
        _answer(answers, _drawn("new"))
        of("one")
        return {"drawing": "mine"}

    assert _answer(answers, slow) == {DRAWING: "mine"}


def test_a_part_does_not_make_another_answer_old(answers: Answers, of: Callable[[str], None]) -> None:
    of("one")

    def slow(asked: Any) -> Values:
        _answer(answers, _drawn("part"), ())
        return {"drawing": "whole"}

    assert _answer(answers, slow) == {DRAWING: "whole"}


def test_a_page_that_asked_long_ago_is_forgotten_and_begins_again() -> None:
    turns = StaleRequestGuard(pages=2)
    assert [turns.take(page) for page in ("a", "a", "b", "a", "c")] == [1, 2, 1, 3, 1]
    assert [turns.newest(page) for page in ("a", "b", "c")] == [3, 0, 1]
