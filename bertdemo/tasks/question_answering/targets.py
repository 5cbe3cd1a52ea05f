"""The right answer of each row: where it is in its passage, as the file states it or as near to that as it occurs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bertdemo.tables.annotations.answers import stated_answer
from bertdemo.tables.annotations.locate import located, with_marks

if TYPE_CHECKING:
    from bertdemo.tables.table import Table

# A column of one of these names has the offset of the answer, which matters where its text occurs more than once.
START_COLUMNS = ("answer_start", "answers.answer_start", "answer.answer_start", "answer.start", "start_char", "start")

# No passage is longer, and Python refuses to parse thousands of digits.
_DIGITS = 18


@dataclass(frozen=True)
class TargetAnswer:
    """The right answer to one question: its text and its offset; "" and -1 where there is none."""

    text: str
    start: int
    moved: bool = False
    """Whether it is not at the offset that the file states."""

    @property
    def end(self) -> int:
        """The offset after its last code point."""
        return self.start + len(self.text)


Unusable = Literal["missing", "away"]


def start_column(table: Table) -> str:
    """Return the column with the offsets of the answers, "" where there is none."""
    return next((name for name in START_COLUMNS if name in table.columns), "")


def target_answers(table: Table, columns: Mapping[str, str]) -> list[TargetAnswer | Unusable]:
    """Return each row's answer, "missing" where a text is, "away" where the answer is not in its passage."""
    starts = table.columns.get(start_column(table)) or [None] * table.rows
    cells = zip(*(table.columns[columns[role]] for role in ("question", "context", "answer")), starts, strict=True)
    answers: list[TargetAnswer | Unusable] = []
    for question, context, answer, start in cells:
        if not (question and question.strip() and context and context.strip()):
            answers.append("missing")
            continue
        text, offset = stated_answer(answer)
        offset = _offset(start) if offset is None else offset
        answers.append(_found(text, context, offset) if text.strip() else TargetAnswer("", -1))
    return answers


def _offset(start: str | None) -> int | None:
    text = stated_answer(start)[0].strip()
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else None


def _found(answer: str, context: str, offset: int | None) -> TargetAnswer | Unusable:
    """Return the answer at its offset if it is there, else at its nearest occurrence, as the passage writes it."""
    offset = offset if offset is not None and offset >= 0 else None
    if offset is not None and context.startswith(answer, offset):
        return TargetAnswer(context[offset : with_marks(context, offset + len(answer))], offset)
    place = located(context, answer, offset) or located(context, answer.strip(), offset)
    if place is None:
        return "away"
    return TargetAnswer(context[place[0] : place[1]], place[0], moved=offset is not None and offset != place[0])
