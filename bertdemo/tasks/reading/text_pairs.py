"""Two columns that are the two texts of one row: `sentence1` and `sentence2`, `premise` and `hypothesis`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

from bertdemo.tasks.reading.names import folded

# What tells the first text from the second one in names that are otherwise equal.
_MARKS = (
    {"1": 1, "2": 2}, {"0": 1, "1": 2}, {"a": 1, "b": 2}, {"one": 1, "two": 2}, {"first": 1, "second": 2},
    {"left": 1, "right": 2}, {"i": 1, "ii": 2}, {"x": 1, "y": 2}, {"一": 1, "二": 2}, {"甲": 1, "乙": 2},
    {"eins": 1, "zwei": 2}, {"erste": 1, "zweite": 2}, {"premier": 1, "second": 2}, {"primera": 1, "segunda": 2},
)  # fmt: skip
_SPLIT = re.compile(r"[^\W\d_]+|\d+")
# Common names of a first text, and those of the second text that belongs to it.
_PARTNERS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = tuple(
    (tuple(first.split()), tuple(second.split()))
    for first, second in (
        ("premise prämisse prémisse premisa premissa 前提", "hypothesis hypothese hypothèse hipótesis ipotesi 假设"),
        ("text context sentence", "hypothesis hypothese hypothèse hipótesis"),
        (
            "question query frage anfrage requête pregunta consulta domanda 问题 查询",
            "passage document context paragraph doc sentence text response answer product_title absatz dokument "
            "antwort réponse respuesta párrafo risposta 段落 文档 答案 回答 文本",
        ),
        ("claim statement behauptung 声明", "evidence context document reference beleg preuve evidencia 证据"),
        ("context post comment parent parent_comment", "response reply comment antwort réponse"),
        ("headline", "body articlebody article"),
        ("reference source original", "candidate hypothesis translation"),
        ("text", "pair"),
        ("anchor", "positive"),
    )
)


def text_pair(columns: Sequence[str]) -> tuple[str, str] | None:
    """Return the two columns, in the order of first and second text, of which the names say that they are a pair.

    Of several such pairs the one with the shortest names counts: the others are `sentence1_parse`, `sentence2_parse`.
    """
    twins = [pair for one, other in combinations(columns, 2) if (pair := _twins(one, other))]
    if twins:
        return min(twins, key=lambda pair: len(pair[0]) + len(pair[1]))
    return _partners(columns)


def are_twins(one: str, other: str) -> bool:
    """Return whether two names are one name with two marks."""
    return _twins(one, other) is not None


def _twins(one: str, other: str) -> tuple[str, str] | None:
    """Return two columns whose names differ in a mark only, the first text first."""
    first, second = _parts(one), _parts(other)
    if len(first) != len(second):
        return None
    differ = [(a, b) for a, b in zip(first, second, strict=True) if a != b]
    if len(differ) != 1 or len(first) < 2:
        return None
    (a, b) = differ[0]
    for marks in _MARKS:
        if {a, b} == set(marks):
            return (one, other) if marks[a] < marks[b] else (other, one)
    return None


def _partners(columns: Sequence[str]) -> tuple[str, str] | None:
    """Return two columns that have names of one line of `_PARTNERS`; the earlier name of two second texts wins."""
    by_name = {folded(column): column for column in columns}
    for firsts, seconds in _PARTNERS:
        first = next((by_name[name] for name in firsts if name in by_name), None)
        second = next((by_name[name] for name in seconds if name in by_name and by_name[name] != first), None)
        if first is not None and second is not None:
            return first, second
    return None


def _parts(name: str) -> list[str]:
    """Return a name as words, numbers and a letter that marks it: `textA`, `text_a`, `s1`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z]\b)", " ", name).replace("_", " ")
    spaced = re.sub("(?<=[\u3400-\u9fff])(?=[一二甲乙]$)|(?<=^[第])(?=[一二])", " ", spaced)
    return _SPLIT.findall(folded(spaced))
