"""Which column plays which role, guessed from what is in them, and why.

A role carries all that is known of it: its usual names, how well a column fits, and the reason that people read.
Tasks share these; a task with a role of its own defines it beside itself.
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
Chosen = Mapping[str, Profile]
"""The columns of the roles that were chosen before, by the name of the role."""
Values = dict[str, str | int | float]
"""What the sentence under `reason.<reason>` fills in, beside `column`."""


@dataclass(frozen=True)
class Role:
    """What a column is for: `text`, `label`, `question`, `tags`, …"""

    name: str
    slot: InputSlot
    """What the model reads first, what it reads second, or what it should say: the report and the page ask by place."""
    names: frozenset[str]
    """What people call such a column, in lower case."""
    score: Callable[[Role, Profile, Chosen], float]
    """How well a column fits, 0 where it does not; the column with the highest score is taken."""
    reason: Callable[[Role, Profile, Chosen], tuple[str, Values]]
    """Why a column was taken: a code under the locale key `reason`, and what its sentence fills in."""
    turn: int
    """Roles with a lower number take their column first: what is told apart most surely goes before the rest, because
    a file of very short texts still has one column with fewer values."""
    required: bool = True

    def named(self, column: str) -> bool:
        """Return whether people call a column of this role so."""
        return column.casefold() in self.names


class Choice(NamedTuple):
    """A column for a role, and why: `reason` and `values` make a sentence, under the locale key `reason.<reason>`."""

    role: str
    column: str
    reason: str
    values: Mapping[str, str | int | float]


def detect(table: Table, roles: Sequence[Role]) -> dict[str, str]:
    """Guess a column for each role; ColumnsNotFound names the first role that none fits. See `explain`."""
    return {choice.role: choice.column for choice in explain(table, roles)}


def explain(table: Table, roles: Sequence[Role]) -> tuple[Choice, ...]:
    """Return a column for each role, in the order of `roles`, with the reason.

    The label is the column with few different, short values (one with a usual name and few values wins however long
    they are), the text the one with the most writing in it. Columns without a name in the file, empty ones, running
    numbers, codes and addresses are never taken for text. Raises ColumnsNotFound with the first role that no column
    fits.
    """
    chosen = _choose(table, roles)
    missing = next((role.name for role in _in_turn(roles) if role.name not in chosen), None)
    if missing is not None:
        raise ColumnsNotFound(role=missing, columns=", ".join(list(table.columns)[:20]))
    return tuple(_because(role, chosen) for role in roles)


def known(table: Table, roles: Sequence[Role]) -> dict[str, str]:
    """Guess a column for each role, and leave out the roles that no column fits."""
    return {role: profile.name for role, profile in _choose(table, roles).items()}


def _in_turn(roles: Sequence[Role]) -> list[Role]:
    return sorted(roles, key=lambda role: role.turn)


def _choose(table: Table, roles: Sequence[Role]) -> dict[str, Profile]:
    """Return the best column for each role that one fits."""
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


_MAX_LABEL_CHARS = 80
"""A longer value is more of a sentence than the name of a class."""
_SHORT_CHARS = 40
"""Mean length at which a label counts half of one without a character."""
_FEW_ROWS = 10
"""In a file of so few rows the number of different values says little."""
_TAGS = re.compile(r'\[(?:"(?:O|[A-Z]{1,6}|[BIESLUM][-_][^"]+)"(?:, ?|\]))+')


def writing(profile: Profile, named: bool) -> float:
    """0 for numbers, dates, codes, lists and one value again and again; else how much different writing there is."""
    if profile.codes_or_lists or (profile.distinct == 1 and profile.filled >= _FEW_ROWS and not named):
        return 0.0
    # One word of ASCII letters per cell is hardly writing, but a column of them may be all there is: a tenth remains.
    # A usual name decides between two columns of about as much writing, not against one with twice as much.
    return profile.mean_chars * profile.variety * (0.1 + profile.prose) * (1.5 if named else 1.0)


def text_score(role: Role, profile: Profile, _: Chosen) -> float:
    """Return how much different writing there is, more for a usual name."""
    return writing(profile, role.named(profile.name))


def writing_reason(role: Role, profile: Profile, _: Chosen) -> tuple[str, Values]:
    """Return why a column of writing was taken: its name, or that it has the most."""
    code = "text_named" if role.named(profile.name) else "text_most"
    return code, {"chars": round(profile.mean_chars)}


def _label_score(role: Role, profile: Profile, _: Chosen) -> float:
    """0 where it cannot be a label; else higher for fewer and shorter values and for a usual name.

    A usual name with few values is a label however long they are.
    """
    named = role.named(profile.name)
    few_values = profile.distinct <= profile.labels_allowed
    repeated = profile.variety <= 0.5  # a label comes twice or more on average, or there is nothing to learn
    sure = named and few_values and repeated
    few = few_values and (repeated or profile.filled <= _FEW_ROWS)
    if (profile.longest > _MAX_LABEL_CHARS and not sure) or TEXT.named(profile.name) or not (few or named):
        return 0.0
    if profile.variety == 1 and not named:
        return 0.0
    single = 0.1 if profile.distinct == 1 else 1.0  # nothing to learn from one label, so only where nothing else fits
    numeric = 0.5 if profile.nearly_all(profile.numbers) else 1.0  # counts and years have few values too
    chars = min(profile.mean_chars, _SHORT_CHARS) if sure else profile.mean_chars
    # The name outweighs what the shape can (1.5 for one value again and again, 0.5 for all different ones): 3 to 1.
    return (3.0 if named else 1.0) * single * numeric * (1.5 - profile.variety) / (1 + chars / _SHORT_CHARS)


def _label_reason(role: Role, profile: Profile, _: Chosen) -> tuple[str, Values]:
    code = "label_named" if role.named(profile.name) else "label_few"
    return code, {"distinct": profile.distinct, "rows": profile.filled}


def _pair_score(role: Role, profile: Profile, _: Chosen) -> float:
    return writing(profile, role.named(profile.name) or TEXT.named(profile.name))


def _rewriting_score(role: Role, profile: Profile, _: Chosen) -> float:
    """Only their names tell the two columns of writing apart, so that a name counts fourfold."""
    named = role.named(profile.name)
    return writing(profile, named) * (4.0 if named else 1.0)


def _tags_score(role: Role, profile: Profile, _: Chosen) -> float:
    # The shape decides; a name breaks a tie between two columns of tags (entities and parts of speech).
    share = profile.share(_TAGS.fullmatch)
    return share + 0.5 * role.named(profile.name) if profile.nearly_all(share) else 0.0


def _tokens_score(role: Role, profile: Profile, _: Chosen) -> float:
    return profile.variety + role.named(profile.name) if profile.nearly_all(profile.lists) else 0.0


def _context_score(role: Role, profile: Profile, _: Chosen) -> float:
    # A passage is asked about several times, so that its variety says nothing; its length says all. A usual name makes
    # up for half the length: a file may have its documents in full beside the passages.
    amount = 0.0 if profile.codes_or_lists else profile.mean_chars * (0.1 + profile.prose)
    return amount * (2.0 if role.named(profile.name) else 1.0)


def _question_score(role: Role, profile: Profile, _: Chosen) -> float:
    # Question marks say more than the amount of writing, and a usual name as much as question marks in two columns;
    # with neither, a fifth remains: search queries have no mark.
    asks = profile.share(lambda cell: cell.endswith(("?", "？")))
    return writing(profile, False) * (0.2 + asks + 2.0 * role.named(profile.name))


def _answer_score(role: Role, profile: Profile, chosen: Chosen) -> float:
    # A yes or no that stands in every passage is no answer out of it, so variety counts; the name alone is enough
    # where no answer stands in its passage, for then the check names the rows.
    return _inside(profile, chosen) * (0.1 + profile.variety) + 0.5 * role.named(profile.name)


def _answer_reason(_: Role, profile: Profile, chosen: Chosen) -> tuple[str, Values]:
    share = _inside(profile, chosen)
    return "answer_inside" if share else "answer_named", {"share": share}


def _inside(profile: Profile, chosen: Chosen) -> float:
    """Return the share of the answers that stand in their passage; a number hardly says anything by standing there."""
    context = chosen.get(CONTEXT.name)
    if context is None or profile.nearly_all(profile.numbers):
        return 0.0
    pairs = [(cell, whole) for cell, whole in zip(profile.cells, context.cells, strict=True) if cell]
    return sum(cell in whole for cell, whole in pairs) / len(pairs)


TAGS = Role(
    "tags", "label", frozenset({"tags", "ner_tags", "pos_tags", "labels"}),
    _tags_score, lambda *_: ("tags_lists", {}), turn=0,
)  # fmt: skip
TOKENS = Role(
    "tokens", "text", frozenset({"tokens", "words", "token"}),
    _tokens_score, lambda *_: ("tokens_lists", {}), turn=1,
)  # fmt: skip
LABEL = Role(
    "label", "label",
    frozenset({
        "label", "labels", "category", "intent", "sentiment", "class", "target",
        "类别", "标签", "情感", "分类", "意图",
    }),
    _label_score, _label_reason, turn=2,
)  # fmt: skip
CONTEXT = Role(
    "context", "pair", frozenset({"context", "passage", "paragraph", "document", "上下文", "正文"}),
    _context_score, writing_reason, turn=3,
)  # fmt: skip
QUESTION = Role(
    "question", "text", frozenset({"question", "query", "问题"}),
    _question_score, writing_reason, turn=4,
)  # fmt: skip
ANSWER = Role(
    "answer", "label", frozenset({"answer", "answers", "answers.text", "答案"}),
    _answer_score, _answer_reason, turn=5,
)  # fmt: skip
TEXT = Role(
    "text", "text",
    frozenset({
        "text", "sentence", "review", "message", "comment", "content", "question",
        "文本", "评论", "内容", "句子",
    }),
    text_score, writing_reason, turn=6,
)  # fmt: skip
PAIR = Role(
    "pair", "pair",
    frozenset({
        "pair", "text_b", "sentence2", "sentence_b", "hypothesis", "text2", "question2", "document",
        "句子2", "文本2",
    }),
    _pair_score, writing_reason, turn=7,
)  # fmt: skip
SOURCE = Role(
    "source", "text", frozenset({"source", "input", "src", "original", "document", "article", "原文"}),
    _rewriting_score, writing_reason, turn=8,
)  # fmt: skip
TARGET = Role(
    "target", "label", frozenset({"target", "output", "tgt", "summary", "translation", "译文", "摘要"}),
    _rewriting_score, writing_reason, turn=9,
)  # fmt: skip
