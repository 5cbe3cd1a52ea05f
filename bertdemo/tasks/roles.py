"""Which column plays which role, guessed from what is in them, and why."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bertdemo.errors import ColumnsNotFound
from bertdemo.tables.arrow_columns import cells_at
from bertdemo.tables.table import Table

LABEL_NAMES = frozenset(
    {"label", "labels", "category", "intent", "sentiment", "class", "target", "类别", "标签", "情感", "分类", "意图"}
)
TEXT_NAMES = frozenset(
    {"text", "sentence", "review", "message", "comment", "content", "question", "文本", "评论", "内容", "句子"}
)
_ROLE_NAMES: Mapping[str, frozenset[str]] = {
    "label": LABEL_NAMES,
    "text": TEXT_NAMES,
    "pair": frozenset(
        {"pair", "text_b", "sentence2", "sentence_b", "hypothesis", "text2", "question2", "document", "句子2", "文本2"}
    ),
    "tokens": frozenset({"tokens", "words", "token"}),
    "tags": frozenset({"tags", "ner_tags", "pos_tags", "labels"}),
    "question": frozenset({"question", "query", "问题"}),
    "context": frozenset({"context", "passage", "paragraph", "document", "上下文", "正文"}),
    "answer": frozenset({"answer", "answers", "answers.text", "答案"}),
    "source": frozenset({"source", "input", "src", "original", "document", "article", "原文"}),
    "target": frozenset({"target", "output", "tgt", "summary", "translation", "译文", "摘要"}),
}
_ORDER = ("tags", "tokens", "label", "context", "question", "answer", "text", "pair", "source", "target")
"""What is told apart most surely comes first: a file of very short texts still has one column with fewer values."""
_SAMPLED_ROWS = 5000
_MAX_LABEL_CHARS = 80
_SHORT_CHARS = 40
"""Mean length at which a label counts half of one without a character."""
_NUMBER = re.compile(r"[-+]?[\d.,:/ TZ%-]*\d[\d.,:/ TZ%-]*")
_IDENTIFIER = re.compile(
    r"(?=[^\s]*\d)[\w.:/@#+-]+|[A-Z]{1,6}[ -]?\d+|https?://\S+|[^@\s]+@[^@\s]+\.\w+", re.ASCII
)  # a code with a digit in it, a number with letters before it, an address
_MEASURE = re.compile(
    r"[-+]?[\d.,' ]*\d ?%?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?|\d{1,2}:\d{2}(?::[\d.]+)?"
)  # an amount, a date, a time: what numbers are for beside numbering
_TAGS = re.compile(r'\[(?:"(?:O|[A-Z]{1,6}|[BIESLUM][-_][^"]+)"(?:, ?|\]))+')


class Choice(NamedTuple):
    """A column for a role, and why: `reason` and `values` make a sentence, under the locale key `reason.<reason>`."""

    role: str
    column: str
    reason: str
    values: Mapping[str, str | int | float]


@dataclass(frozen=True)
class _Profile:
    """What a column looks like, over at most 5,000 rows drawn at random."""

    name: str
    cells: tuple[str, ...]
    """Trimmed, "" where missing; row by row the same as in every other profile."""
    filled: int
    distinct: int
    mean_chars: float
    longest: int
    numbers: float
    """Share of the cells that are a number or a date."""
    identifiers: float
    """Share of the cells that are a code, an address or a number."""
    prose: float
    """Share of the cells with a space in them or a letter beyond ASCII; an address or a hash has neither."""
    lists: float
    """Share of the cells that are JSON lists."""

    @property
    def variety(self) -> float:
        """1 where every cell is different."""
        return self.distinct / self.filled

    @property
    def labels_allowed(self) -> float:
        """So many different values may a label column of this length have."""
        return max(20.0, math.sqrt(self.filled) * 3)

    def named(self, role: str) -> bool:
        """Return whether people call a column of this role so."""
        return named(self.name, role)

    def share(self, holds: Callable[[str], object]) -> float:
        """Return the share of the filled cells for which `holds`."""
        return sum(bool(holds(cell)) for cell in self.cells if cell) / self.filled


def named(column: str, role: str) -> bool:
    """Return whether people call a column of this role so."""
    return column.casefold() in _ROLE_NAMES[role]


def detect(table: Table, roles: Sequence[str] = ("text", "label")) -> dict[str, str]:
    """Guess a column for each role; ColumnsNotFound names the first role that none fits. See `explain`."""
    return {choice.role: choice.column for choice in explain(table, roles)}


def explain(table: Table, roles: Sequence[str] = ("text", "label")) -> tuple[Choice, ...]:
    """Return a column for each role, in the order of `roles`, with the reason.

    The label is the column with few different, short values (one with a usual name and few values wins however long
    they are), the text the one with the most writing in it. Columns without a name in the file, empty ones, running
    numbers, codes and addresses are never taken for text. Raises ColumnsNotFound with the first role that no column
    fits.
    """
    chosen = _choose(table, roles)
    missing = next((role for role in _in_order(roles) if role not in chosen), None)
    if missing is not None:
        raise ColumnsNotFound(role=missing, columns=", ".join(list(table.columns)[:20]))
    return tuple(_because(role, chosen[role], chosen) for role in roles)


def known(table: Table, roles: Sequence[str]) -> dict[str, str]:
    """Guess a column for each role, and leave out the roles that no column fits."""
    return {role: profile.name for role, profile in _choose(table, roles).items()}


def _in_order(roles: Sequence[str]) -> list[str]:
    return sorted(roles, key=lambda role: _ORDER.index(role) if role in _ORDER else len(_ORDER))


def _choose(table: Table, roles: Sequence[str]) -> dict[str, _Profile]:
    """Return the best column for each role that one fits."""
    sampled = _sampled(table)
    profiles = [profile for name, cells in sampled.items() if (profile := _profile(name, cells)) is not None]
    chosen: dict[str, _Profile] = {}
    for role in _in_order(roles):
        score = _SCORES.get(role)
        free = [profile for profile in profiles if profile not in chosen.values()]
        rated = {profile.name: score(profile, chosen) for profile in free} if score else {}
        best = max(rated, key=rated.__getitem__, default="")
        if best and rated[best] > 0:
            chosen[role] = next(profile for profile in free if profile.name == best)
    return chosen


def identifiers(table: Table) -> tuple[str, ...]:
    """Return the columns that look like ids: whole numbers, codes or addresses in more than nine cells of ten.

    Whether every cell is another one is not asked here: only a part of a large table is looked at.
    """
    profiles = (_profile(name, cells) for name, cells in _sampled(table).items())
    return tuple(profile.name for profile in profiles if profile and profile.share(_id_like) > 0.9)


def _id_like(cell: str) -> bool:
    """Whole numbers are ids, prices, dates and times are not; a word of letters alone is none either."""
    if _MEASURE.fullmatch(cell):
        return cell.isdigit()
    return _NUMBER.fullmatch(cell) is not None or _IDENTIFIER.fullmatch(cell) is not None


def _sampled(table: Table) -> dict[str, tuple[str, ...]]:
    """Return the columns that have a name in the file, at most 5,000 rows of each."""
    made = re.compile(r"column \d+(?: \(\d+\))?")
    unnamed = any(note.code == "header_unnamed" for note in table.notes)
    # Drawn at random, because every second row of a file may hold the same label.
    few = table.rows <= _SAMPLED_ROWS
    rows = range(table.rows) if few else sorted(random.Random(0).sample(range(table.rows), _SAMPLED_ROWS))
    return {
        name: tuple((cell or "").strip() for cell in (cells if few else cells_at(cells, rows)))
        for name, cells in table.columns.items()
        if not (unnamed and made.fullmatch(name))
    }


def _profile(name: str, cells: tuple[str, ...]) -> _Profile | None:
    values = [cell for cell in cells if cell]
    if not values:
        return None
    count = len(values)
    numbers = sum(_NUMBER.fullmatch(value) is not None for value in values)
    codes = sum(_NUMBER.fullmatch(value) is None and _IDENTIFIER.fullmatch(value) is not None for value in values)
    return _Profile(
        name=name,
        cells=cells,
        filled=count,
        distinct=len(set(values)),
        mean_chars=sum(map(len, values)) / count,
        longest=max(map(len, values)),
        numbers=numbers / count,
        identifiers=(numbers + codes) / count,
        prose=sum(" " in value or not value.isascii() for value in values) / count,
        lists=sum(value.startswith("[") and value.endswith("]") for value in values) / count,
    )


_Chosen = Mapping[str, _Profile]


def _label_score(profile: _Profile, _: _Chosen) -> float:
    """0 where it cannot be a label; else higher for fewer and shorter values and for a usual name.

    A usual name with few values is a label however long they are.
    """
    named = profile.named("label")
    sure = named and profile.distinct <= profile.labels_allowed and profile.variety <= 0.5
    # In a file of a few rows the number of different values says little: a usual name is then enough.
    few = profile.distinct <= profile.labels_allowed and (profile.variety <= 0.5 or profile.filled <= 10)
    if (profile.longest > _MAX_LABEL_CHARS and not sure) or profile.named("text") or not (few or named):
        return 0.0
    if profile.variety == 1 and not named:
        return 0.0
    single = 0.1 if profile.distinct == 1 else 1.0
    numeric = 0.5 if profile.numbers > 0.9 else 1.0
    chars = min(profile.mean_chars, _SHORT_CHARS) if sure else profile.mean_chars
    return (3.0 if named else 1.0) * single * numeric * (1.5 - profile.variety) / (1 + chars / _SHORT_CHARS)


def _writing(profile: _Profile, named: bool) -> float:
    """0 for numbers, dates, codes, lists and one value again and again; else how much different writing there is."""
    if profile.identifiers > 0.9 or profile.lists > 0.9:
        return 0.0
    if profile.distinct == 1 and profile.filled >= 10 and not named:
        return 0.0
    return profile.mean_chars * profile.variety * (0.1 + profile.prose) * (1.5 if named else 1.0)


def _text_score(profile: _Profile, _: _Chosen) -> float:
    return _writing(profile, profile.named("text"))


def _pair_score(profile: _Profile, _: _Chosen) -> float:
    return _writing(profile, profile.named("pair") or profile.named("text"))


def _source_score(profile: _Profile, _: _Chosen) -> float:
    return _writing(profile, profile.named("source")) * (4.0 if profile.named("source") else 1.0)


def _target_score(profile: _Profile, _: _Chosen) -> float:
    return _writing(profile, profile.named("target")) * (4.0 if profile.named("target") else 1.0)


def _tags_score(profile: _Profile, _: _Chosen) -> float:
    found = profile.share(_TAGS.fullmatch)
    return found + 0.5 * profile.named("tags") if found > 0.9 else 0.0


def _tokens_score(profile: _Profile, _: _Chosen) -> float:
    return profile.variety + profile.named("tokens") if profile.lists > 0.9 else 0.0


def _context_score(profile: _Profile, _: _Chosen) -> float:
    # A passage is asked about several times, so that its variety says nothing; its length says all.
    writing = 0.0 if profile.identifiers > 0.9 or profile.lists > 0.9 else profile.mean_chars * (0.1 + profile.prose)
    return writing * (2.0 if profile.named("context") else 1.0)


def _question_score(profile: _Profile, _: _Chosen) -> float:
    asks = profile.share(lambda cell: cell.endswith(("?", "？")))
    return _writing(profile, False) * (0.2 + asks + 2.0 * profile.named("question"))


def _answer_score(profile: _Profile, chosen: _Chosen) -> float:
    return _inside(profile, chosen) * (0.1 + profile.variety) + 0.5 * profile.named("answer")


def _inside(profile: _Profile, chosen: _Chosen) -> float:
    """Return the share of the answers that stand in their passage; a number hardly says anything by standing there."""
    context = chosen.get("context")
    if context is None or profile.numbers > 0.9:
        return 0.0
    pairs = [(cell, whole) for cell, whole in zip(profile.cells, context.cells, strict=True) if cell]
    return sum(cell in whole for cell, whole in pairs) / len(pairs)


_SCORES: Mapping[str, Callable[[_Profile, _Chosen], float]] = {
    "label": _label_score,
    "text": _text_score,
    "pair": _pair_score,
    "tokens": _tokens_score,
    "tags": _tags_score,
    "question": _question_score,
    "context": _context_score,
    "answer": _answer_score,
    "source": _source_score,
    "target": _target_score,
}


def _because(role: str, profile: _Profile, chosen: _Chosen) -> Choice:
    """Say what decided."""
    named = profile.named(role)
    values: dict[str, str | int | float] = {"column": profile.name}
    if role == "label":
        values |= {"distinct": profile.distinct, "rows": profile.filled}
        return Choice(role, profile.name, "label_named" if named else "label_few", values)
    if role in {"tokens", "tags"}:
        return Choice(role, profile.name, f"{role}_lists", values)
    if role == "answer":
        values["share"] = _inside(profile, chosen)
        return Choice(role, profile.name, "answer_inside" if values["share"] else "answer_named", values)
    values["chars"] = round(profile.mean_chars)
    return Choice(role, profile.name, "text_named" if named else "text_most", values)
