"""Which column holds the text and which the label, guessed from what is in them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bertdemo.data.tables import Table
from bertdemo.errors import ColumnsNotFound

LABEL_NAMES = frozenset(
    {"label", "labels", "category", "intent", "sentiment", "class", "target", "类别", "标签", "情感", "分类"}
)
TEXT_NAMES = frozenset(
    {"text", "sentence", "review", "message", "comment", "content", "question", "文本", "评论", "内容", "句子"}
)
_SAMPLED_ROWS = 5000
_MAX_LABEL_CHARS = 80
_NUMBER = re.compile(r"[-+]?[\d.,:/-]+")


@dataclass(frozen=True)
class _Profile:
    """What a column looks like, over at most 5,000 rows spread evenly."""

    name: str
    filled: int
    distinct: int
    mean_chars: float
    longest: int
    numbers: float
    """Share of the cells that are a number or a date."""
    prose: float
    """Share of the cells with a space in them or a letter beyond ASCII; an address or a hash has neither."""

    @property
    def variety(self) -> float:
        """1 where every cell is different."""
        return self.distinct / self.filled

    @property
    def labels_allowed(self) -> float:
        """So many different values may a label column of this length have."""
        return max(20.0, math.sqrt(self.filled) * 3)


def detect(table: Table, roles: Sequence[str] = ("text", "label")) -> dict[str, str]:
    """Guess a column for each role; ColumnsNotFound names the first role that none fits.

    The label is the column with few different, short values (a usual name breaks ties), the text the one with
    the most writing in it. Columns without a name in the file and running numbers are never taken.
    """
    profiles = [profile for profile in map(_profile, _named(table).items()) if profile is not None]
    chosen: dict[str, str] = {}
    scores: dict[str, Callable[[_Profile], float]] = {"label": _label_score, "text": _text_score, "pair": _text_score}
    # Labels first: a file of very short texts still has one column with fewer values than the other.
    for role in sorted(roles, key=lambda role: role != "label"):
        score = scores.get(role)
        if score is None:
            raise ColumnsNotFound(role=role, columns=_shown(table))
        rated = {p.name: score(p) for p in profiles if p.name not in chosen.values()}
        best = max(rated, key=rated.__getitem__, default="")
        if not best or rated[best] <= 0:
            raise ColumnsNotFound(role=role, columns=_shown(table))
        chosen[role] = best
    return {role: chosen[role] for role in roles}


def _shown(table: Table) -> str:
    return ", ".join(list(table.columns)[:20])


def _named(table: Table) -> Mapping[str, tuple[str | None, ...]]:
    """Leave out the columns that the reader had to give a name."""
    given = next((str(note.values["columns"]) for note in table.notes if note.code == "header_unnamed"), "")
    made = set(given.removesuffix(" …").split(", "))
    return {name: cells for name, cells in table.columns.items() if name not in made}


def _profile(column: tuple[str, tuple[str | None, ...]]) -> _Profile | None:
    name, cells = column
    step = max(1, math.ceil(len(cells) / _SAMPLED_ROWS))
    values = [cell.strip() for cell in cells[::step] if cell and cell.strip()]
    if not values:
        return None
    return _Profile(
        name=name,
        filled=len(values),
        distinct=len(set(values)),
        mean_chars=sum(map(len, values)) / len(values),
        longest=max(map(len, values)),
        numbers=sum(_NUMBER.fullmatch(value) is not None for value in values) / len(values),
        prose=sum(" " in value or not value.isascii() for value in values) / len(values),
    )


def _label_score(profile: _Profile) -> float:
    """0 where it cannot be a label; else higher for fewer and shorter values and for a usual name."""
    named = profile.name.casefold() in LABEL_NAMES
    # In a file of a few rows the number of different values says little: a usual name is then enough.
    few = profile.distinct <= profile.labels_allowed and (profile.variety <= 0.5 or profile.filled <= 10)
    if profile.longest > _MAX_LABEL_CHARS or profile.name.casefold() in TEXT_NAMES or not (few or named):
        return 0.0
    if profile.variety == 1 and not named:
        return 0.0
    single = 0.1 if profile.distinct == 1 else 1.0
    numeric = 0.5 if profile.numbers > 0.9 else 1.0
    return (3.0 if named else 1.0) * single * numeric * (1.5 - profile.variety) / (1 + profile.mean_chars / 40)


def _text_score(profile: _Profile) -> float:
    """0 for numbers and dates, however many; else how much different writing there is."""
    if profile.numbers > 0.9:
        return 0.0
    named = profile.name.casefold() in TEXT_NAMES
    return profile.mean_chars * profile.variety * (0.1 + profile.prose) * (1.5 if named else 1.0)
