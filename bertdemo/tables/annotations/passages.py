"""Passages with their questions, as question-answering data are published: one row per question.

SQuAD nests data, paragraphs and qas; others leave out a level or use other names (context_text, query_text).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bertdemo.tables.formats import json_cell

# One row per question.
COLUMNS = ("id", "question", "context", "answer", "answer_start", "is_impossible")
_LISTS = ("data", "paragraphs", "articles", "passages")
_QUESTIONS = ("qas", "questions", "qa", "qa_pairs")
_CONTEXTS = ("context", "context_text", "passage", "paragraph", "document", "text")
_QUESTION = ("question", "query_text", "query", "question_text")
_IDS = ("id", "query_id", "qid", "question_id")
# data, paragraphs, qas: no published file nests them deeper.
_DEPTH = 3

Row = tuple[int, list[str | None]]


def are_passages(value: object) -> bool:
    """Return whether a document contains passages with questions; its first passage decides."""
    return next(_passages(value, _DEPTH), None) is not None


def questions_of(value: object) -> Iterator[Row]:
    """Yield (number, cells), one row per question, with its first answer; what is malformed becomes an empty cell."""
    number = 0
    for passage, questions in _passages(value, _DEPTH):
        for question in questions:
            number += 1
            yield number, [json_cell(cell) for cell in _row(passage, question)]


def _row(passage: Mapping[str, Any], question: Mapping[str, Any]) -> list[object]:
    text, start = _answer(question)
    impossible = bool(question.get("is_impossible", text is None))
    return [_first(question, _IDS), _first(question, _QUESTION), _first(passage, _CONTEXTS), text, start, impossible]


def _answer(question: Mapping[str, Any]) -> tuple[object, object]:
    """Return (text, offset) of the first answer; (None, None) where there is none."""
    answers = question.get("answers", question.get("answer"))
    first = (answers[0] if answers else None) if isinstance(answers, list) else answers
    if isinstance(first, Mapping):
        return first.get("text"), first.get("answer_start", first.get("start"))
    return (first if isinstance(first, str) and isinstance(answers, list | str) else None), None


def _passages(value: object, depth: int) -> Iterator[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Yield (passage, its questions)."""
    items = value if isinstance(value, list) else [value]
    for item in items:
        if not isinstance(item, Mapping):
            continue
        questions = _questions(item)
        if questions:
            yield item, questions
        elif depth:
            for key in _LISTS:
                if isinstance(item.get(key), list):
                    yield from _passages(item[key], depth - 1)


def _questions(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed = _first(item, _QUESTIONS)
    questions = [question for question in listed if isinstance(question, Mapping)] if isinstance(listed, list) else []
    # Only `qas` is a name that nothing else has: a form has questions too.
    sure = "qas" in item or (_first(item, _CONTEXTS) and any(_first(question, _QUESTION) for question in questions))
    return questions if sure else []


def _first(item: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((item[key] for key in keys if item.get(key) is not None), None)
