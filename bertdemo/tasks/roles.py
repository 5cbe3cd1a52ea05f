"""The roles of columns (text, label, ...), and the guess which column has which role, with its reason.

A role carries everything about it: its usual names, how well a column fits, and the reason that people read. Tasks
share these; a task with a role of its own defines it in its own file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from bertdemo.errors import ColumnsNotFound
from bertdemo.tables.column_profiles import Profile, profiles
from bertdemo.tables.table import Table

InputSlot = Literal["text", "pair", "label"]
INPUT_SLOTS: tuple[InputSlot, ...] = ("text", "pair", "label")
# The columns of the roles that were chosen before, by the name of the role.
Chosen = Mapping[str, Profile]
# The placeholders of the sentence under `reason.<reason>`, except `column`.
Values = dict[str, str | int | float]


@dataclass(frozen=True)
class Role:
    """What a column is used for: `text`, `label`, `question`, `tags`, …"""

    name: str
    slot: InputSlot
    """The model's first input, its second one, or the target: the report and the page look roles up by slot."""
    names: frozenset[str]
    """The usual names of such a column, in lower case."""
    score: Callable[[Role, Profile, Chosen], float]
    """How well a column fits, 0 where it does not; the column with the highest score is chosen."""
    reason: Callable[[Role, Profile, Chosen], tuple[str, Values]]
    """Why a column was chosen: a code under the locale key `reason`, and the placeholders of its sentence."""
    turn: int
    """Roles with a lower number choose their column first: the most recognizable ones come before the rest, because
    a file of very short texts still has one column with fewer values."""
    required: bool = True

    def named(self, column: str) -> bool:
        """Return whether a column has a usual name of this role."""
        return column.casefold() in self.names


class Choice(NamedTuple):
    """The column of a role, and why: `reason` and `values` make a sentence, under the locale key `reason.<reason>`."""

    role: str
    column: str
    reason: str
    values: Mapping[str, str | int | float]


def detect(table: Table, roles: Sequence[Role]) -> dict[str, str]:
    """Guess a column for each role; ColumnsNotFound names the first role that no column fits. See `explain`."""
    return {choice.role: choice.column for choice in explain(table, roles)}


def explain(table: Table, roles: Sequence[Role]) -> tuple[Choice, ...]:
    """Return a column for each role, in the order of `roles`, with the reason.

    The label is the column with few different, short values (one with a usual name and few values wins however long
    they are), the text the one with the most prose. Columns without a name in the file, empty ones, serial numbers,
    codes and addresses are never chosen as text. Raises ColumnsNotFound with the first role that no column fits.
    """
    chosen = _choose(table, roles)
    missing = next((role.name for role in _in_turn(roles) if role.name not in chosen), None)
    if missing is not None:
        raise ColumnsNotFound(role=missing, columns=", ".join(list(table.columns)[:20]))
    return tuple(_because(role, chosen) for role in roles)


def known(table: Table, roles: Sequence[Role]) -> dict[str, str]:
    """Guess a column for each role, leaving out the roles that no column fits."""
    return {role: profile.name for role, profile in _choose(table, roles).items()}


def _in_turn(roles: Sequence[Role]) -> list[Role]:
    return sorted(roles, key=lambda role: role.turn)


def _choose(table: Table, roles: Sequence[Role]) -> dict[str, Profile]:
    """Return the best column for each role that a column fits."""
    free = profiles(table)
    chosen: dict[str, Profile] = {}
    for role in _in_turn(roles):
        rated = [(role.score(role, profile, chosen), profile) for profile in free]
        score, best = max(rated, key=lambda pair: pair[0], default=(0.0, None))
        if best is not None and score > 0:
            chosen[role.name] = best
            free.remove(best)
    return chosen


def _because(role: Role, chosen: Chosen) -> Choice:
    profile = chosen[role.name]
    reason, values = role.reason(role, profile, chosen)
    return Choice(role.name, profile.name, reason, {"column": profile.name, **values})


# A longer value is rather a sentence than the name of a class.
_MAX_LABEL_CHARS = 80
# The mean length at which the score of a label is half of that of an empty one.
_SHORT_CHARS = 40
# In a file of so few rows the number of different values says little.
_FEW_ROWS = 10
_TAGS = re.compile(r'\[(?:"(?:O|[A-Z]{1,6}|[BIESLUM][-_][^"]+)"(?:, ?|\]))+')


def prose_score(profile: Profile, named: bool) -> float:
    """Return how much varied prose there is, in characters; 0 for numbers, dates, codes, lists and a constant."""
    if profile.codes_or_lists or (profile.distinct == 1 and profile.filled >= _FEW_ROWS and not named):
        return 0.0
    # One word of ASCII letters per cell is hardly prose, but a column of them may be all there is: a tenth remains.
    # A usual name decides between two columns with about as much prose, not against one with twice as much.
    return profile.mean_chars * profile.variety * (0.1 + profile.prose) * (1.5 if named else 1.0)


def text_score(role: Role, profile: Profile, _: Chosen) -> float:
    """Return how much varied prose there is, more for a usual name."""
    return prose_score(profile, role.named(profile.name))


def writing_reason(role: Role, profile: Profile, _: Chosen) -> tuple[str, Values]:
    """Return why a column of prose was chosen: its name, or that it has the most."""
    code = "text_named" if role.named(profile.name) else "text_most"
    return code, {"chars": round(profile.mean_chars)}


def _label_score(role: Role, profile: Profile, _: Chosen) -> float:
    """Return 0 where it cannot be a label; else more for fewer and shorter values and for a usual name.

    A column with a usual name whose values repeat is a label, however long and however many they are.
    """
    named = role.named(profile.name)
    few_values = profile.distinct <= profile.labels_allowed
    repeated = profile.variety <= 0.5  # a label occurs twice or more on average, or there is nothing to learn
    certain = named and repeated
    few = few_values and (repeated or profile.filled <= _FEW_ROWS)
    if (profile.longest > _MAX_LABEL_CHARS and not certain) or TEXT.named(profile.name) or not (few or named):
        return 0.0
    if profile.variety == 1 and not named:
        return 0.0
    single = 0.1 if profile.distinct == 1 else 1.0  # nothing to learn from one label, so only where nothing else fits
    numeric = 0.5 if profile.nearly_all(profile.numbers) else 1.0  # counts and years have few values too
    chars = min(profile.mean_chars, _SHORT_CHARS) if certain else profile.mean_chars
    # The name outweighs the variety, whose factor is 1.5 for a constant column and 0.5 for all different values.
    return (3.0 if named else 1.0) * single * numeric * (1.5 - profile.variety) / (1 + chars / _SHORT_CHARS)


def _label_reason(role: Role, profile: Profile, _: Chosen) -> tuple[str, Values]:
    code = "label_named" if role.named(profile.name) else "label_few"
    return code, {"distinct": profile.distinct, "rows": profile.filled}


def _pair_score(role: Role, profile: Profile, _: Chosen) -> float:
    return prose_score(profile, role.named(profile.name) or TEXT.named(profile.name))


def _rewriting_score(role: Role, profile: Profile, _: Chosen) -> float:
    """Return how much prose there is; only their names tell source and target apart, so a name counts fourfold."""
    named = role.named(profile.name)
    return prose_score(profile, named) * (4.0 if named else 1.0)


def _tags_score(role: Role, profile: Profile, _: Chosen) -> float:
    # The shape decides; a name breaks a tie between two columns of tags (entities and parts of speech).
    share = profile.share(_TAGS.fullmatch)
    return share + 0.5 * role.named(profile.name) if profile.nearly_all(share) else 0.0


def _tokens_score(role: Role, profile: Profile, _: Chosen) -> float:
    return profile.variety + role.named(profile.name) if profile.nearly_all(profile.lists) else 0.0


def _context_score(role: Role, profile: Profile, _: Chosen) -> float:
    # A passage has several questions, so its variety says nothing; its length says all. A usual name makes up for half
    # the length: a file may have whole documents beside the passages.
    amount = 0.0 if profile.codes_or_lists else profile.mean_chars * (0.1 + profile.prose)
    return amount * (2.0 if role.named(profile.name) else 1.0)


def _question_score(role: Role, profile: Profile, _: Chosen) -> float:
    # Question marks say more than the amount of prose, and a usual name twice as much as question marks everywhere;
    # with neither, a fifth remains: search queries have no question mark.
    with_mark = profile.share(lambda cell: cell.endswith(("?", "？")))
    return prose_score(profile, False) * (0.2 + with_mark + 2.0 * role.named(profile.name))


def _answer_score(role: Role, profile: Profile, chosen: Chosen) -> float:
    # A "no" that occurs in every passage is not extracted from it, so variety counts; the name alone is enough where no
    # answer occurs in its passage, because then the check names the rows.
    return _inside(profile, chosen) * (0.1 + profile.variety) + 0.5 * role.named(profile.name)


def _answer_reason(_: Role, profile: Profile, chosen: Chosen) -> tuple[str, Values]:
    share = _inside(profile, chosen)
    return "answer_inside" if share else "answer_named", {"share": share}


def _inside(profile: Profile, chosen: Chosen) -> float:
    """Return the share of the answers that occur in their passage; 0 for numbers, which often occur there by chance."""
    context = chosen.get(CONTEXT.name)
    if context is None or profile.nearly_all(profile.numbers):
        return 0.0
    pairs = [(cell, passage) for cell, passage in zip(profile.cells, context.cells, strict=True) if cell]
    return sum(cell in passage for cell, passage in pairs) / len(pairs)


_LABEL_NAMES = {"label", "labels", "category", "intent", "sentiment", "class", "target"}
_LABEL_NAMES_ZH = {"类别", "标签", "情感", "分类", "意图"}
_TEXT_NAMES = {"text", "sentence", "review", "message", "comment", "content", "question"}
_TEXT_NAMES_ZH = {"文本", "评论", "内容", "句子"}
_PAIR_NAMES = {"pair", "text_b", "sentence2", "sentence_b", "hypothesis", "text2", "question2", "document"}
_PAIR_NAMES_ZH = {"句子2", "文本2"}
_CONTEXT_NAMES = {"context", "passage", "paragraph", "document", "上下文", "正文"}
_SOURCE_NAMES = {"source", "input", "src", "original", "document", "article", "原文"}
_TARGET_NAMES = {"target", "output", "tgt", "summary", "translation", "译文", "摘要"}


def _lists_reason(role: Role, _: Profile, __: Chosen) -> tuple[str, Values]:
    return f"{role.name}_lists", {}


# In the order of their turns: lists are unmistakable, a label has few values, a passage is the longest text.
TAGS = Role("tags", "label", frozenset({"tags", "ner_tags", "pos_tags", "labels"}), _tags_score, _lists_reason, turn=0)
TOKENS = Role("tokens", "text", frozenset({"tokens", "words", "token"}), _tokens_score, _lists_reason, turn=1)
LABEL = Role("label", "label", frozenset(_LABEL_NAMES | _LABEL_NAMES_ZH), _label_score, _label_reason, turn=2)
CONTEXT = Role("context", "pair", frozenset(_CONTEXT_NAMES), _context_score, writing_reason, turn=3)
QUESTION = Role("question", "text", frozenset({"question", "query", "问题"}), _question_score, writing_reason, turn=4)
ANSWER = Role(
    "answer", "label", frozenset({"answer", "answers", "answers.text", "答案"}), _answer_score, _answer_reason, turn=5
)
TEXT = Role("text", "text", frozenset(_TEXT_NAMES | _TEXT_NAMES_ZH), text_score, writing_reason, turn=6)
PAIR = Role("pair", "pair", frozenset(_PAIR_NAMES | _PAIR_NAMES_ZH), _pair_score, writing_reason, turn=7)
SOURCE = Role("source", "text", frozenset(_SOURCE_NAMES), _rewriting_score, writing_reason, turn=8)
TARGET = Role("target", "label", frozenset(_TARGET_NAMES), _rewriting_score, writing_reason, turn=9)
