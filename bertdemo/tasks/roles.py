"""The roles of columns (text, label, ...), and the guess which column has which role, with its reason.

A role carries everything about it: its usual names, how well a column fits, and the reason that people read. Tasks
share these; a task with a role of its own defines it in its own file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from bertdemo.errors import ColumnsNotFound
from bertdemo.tables.annotations.answers import stated_answer
from bertdemo.tables.annotations.printed_lists import printed_list
from bertdemo.tables.annotations.schemes import TAG, is_known
from bertdemo.tables.column_profiles import Profile, profiles, unnamed_profiles
from bertdemo.tables.table import Table
from bertdemo.tasks.label_lists import joined_by
from bertdemo.tasks.reading import names
from bertdemo.tasks.reading.marks import is_yes_or_no
from bertdemo.tasks.reading.quantities import is_quantity
from bertdemo.tasks.reading.text_pairs import text_pair

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

    def is_about(self, column: str) -> bool:
        """Return whether a column has a usual name of this role, or its noun is one: `comment_text`, 评论内容."""
        return names.is_about(column, self.names)


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


def rivals(table: Table, role: Role, taken: Collection[str]) -> dict[str, float]:
    """Return the score of each column of several values that fits a role and is not taken by another."""
    free = [profile for profile in profiles(table) if profile.name not in taken and profile.distinct > 1]
    return {profile.name: score for profile in free if (score := role.score(role, profile, {})) > 0}


def named_pair(table: Table) -> tuple[str, str] | None:
    """Return the two columns of prose of which the names say that they are the two texts of a row; None without."""
    return text_pair([profile.name for profile in profiles(table) if prose_score(profile, False) > 0])


def two_texts(table: Table) -> tuple[str, str] | None:
    """Return the two columns with the most prose, in the order of the file; None where there are not two."""
    amounts = {
        profile.name: prose_score(profile, False) * (_BOILERPLATE if profile.boilerplate else 1.0)
        for profile in profiles(table)
    }
    texts = sorted((name for name in amounts if amounts[name] > 0), key=lambda name: -amounts[name])[:2]
    if len(texts) < 2:
        return None
    first, second = sorted(texts, key=list(table.columns).index)
    return first, second


def is_certain_label(table: Table, column: str) -> bool:
    """Return whether a column has several values, and is called as labels are or has very few of them."""
    profile = next((profile for profile in profiles(table) if profile.name == column), None)
    if profile is None or profile.distinct < 2:
        return False
    return names.label_weight(column) >= names.USUAL or profile.distinct <= _FEW_CLASSES


def _in_turn(roles: Sequence[Role]) -> list[Role]:
    return sorted(roles, key=lambda role: role.turn)


def _choose(table: Table, roles: Sequence[Role]) -> dict[str, Profile]:
    """Return the best column for each role that a column fits."""
    free = profiles(table)
    chosen: dict[str, Profile] = {}
    for role in _in_turn(roles):
        best = _best(role, free, chosen)
        # The last cell of a header is often forgotten. A column without a name is a label only where no other is one.
        if best is None and role is LABEL:
            best = _best(role, unnamed_profiles(table), chosen)
        if best is not None:
            chosen[role.name] = best
            free = [profile for profile in free if profile is not best]
    return chosen


def _best(role: Role, free: Sequence[Profile], chosen: Chosen) -> Profile | None:
    """Return the column that fits a role best, None where none does."""
    rated = [(role.score(role, profile, chosen), profile) for profile in free]
    score, best = max(rated, key=lambda pair: pair[0], default=(0.0, None))
    return best if score > 0 else None


def _because(role: Role, chosen: Chosen) -> Choice:
    profile = chosen[role.name]
    reason, values = role.reason(role, profile, chosen)
    return Choice(role.name, profile.name, reason, {"column": profile.name, **values})


# A longer value is rather a sentence than the name of a class.
_MAX_LABEL_CHARS = 80
# The mean length at which the score of a label is half of that of an empty one.
_SHORT_CHARS = 40
# What remains of the score of a column whose name is that of an id, a person, a place or a time.
_BESIDE = 0.3
# An attribution is often ten times as long as the sentence beside it, and is still what nobody wants to learn from.
_BOILERPLATE = 0.02
# How much two values that are an answer to one question (0 and 1, yes and no) speak for a label.
_YES_OR_NO = 1.3
# A column of so few different values beside two texts of a pair is hardly anything but their label.
_FEW_CLASSES = 5
_SPLITS = frozenset({"train", "test", "dev", "val", "valid", "validation", "training", "testing"})
# In a file of so few rows the number of different values says little.
_FEW_ROWS = 10
# A tag without a prefix: O, or a part of speech.
_BARE_TAG = re.compile(r"[A-Z]{1,6}")
# More than the prose of any text that fits into a cell.
_LISTS_FIRST = 1e9
# Ids of tags are counted from 0, and a data set with more of them names them.
_MOST_TAG_IDS = 100


def prose_score(profile: Profile, named: bool) -> float:
    """Return how much varied prose there is, in characters; 0 for numbers, dates, codes, lists and a constant."""
    if profile.codes_or_lists or (profile.distinct == 1 and profile.filled >= _FEW_ROWS and not named):
        return 0.0
    # One word of ASCII letters per cell is hardly prose, but a column of them may be all there is: a tenth remains.
    # A usual name decides between two columns with about as much prose, not against one with twice as much.
    amount = profile.mean_chars * profile.variety * (0.1 + profile.prose) * (1.5 if named else 1.0)
    # Names of people and places are words too, and a parse tree is longer than its sentence.
    return amount * (_BESIDE if names.is_aside(profile.name) or profile.share(_is_structure) > 0.5 else 1.0)


def _is_structure(cell: str) -> bool:
    return len(cell) > 1 and cell[0] + cell[-1] in {"()", "{}", "[]", "<>"}


def text_score(role: Role, profile: Profile, _: Chosen) -> float:
    """Return how much varied prose there is, more for a usual name."""
    return prose_score(profile, role.is_about(profile.name))


def writing_reason(role: Role, profile: Profile, _: Chosen) -> tuple[str, Values]:
    """Return why a column of prose was chosen: its name, or that it has the most."""
    code = "text_named" if role.is_about(profile.name) else "text_most"
    return code, {"chars": round(profile.mean_chars)}


def _label_score(_: Role, profile: Profile, __: Chosen) -> float:
    """Return 0 where it cannot be a label; else more for fewer and shorter values and for a usual name.

    A column with a usual name whose values repeat is a label, however long and however many they are. A column that
    counts or identifies the rows never is one, whatever its name.
    """
    weight = _weight_of_name(profile)
    named = weight >= names.USUAL
    few_values = profile.distinct <= profile.labels_allowed
    repeated = profile.variety <= 0.5  # a label occurs twice or more on average, or there is nothing to learn
    certain = named and repeated
    few = few_values and (repeated or profile.filled <= _FEW_ROWS)
    # Of a quantity all values are different, and yet its name may say that it is what to learn: the check refuses it
    # with the reason.
    quantity = profile.fractional and weight > names.NONE
    if profile.counts_rows or names.is_id(profile.name) or (weight == names.NONE and TEXT.is_about(profile.name)):
        return 0.0
    if (profile.longest > _MAX_LABEL_CHARS and not certain) or not (
        few or certain or quantity or weight == names.CERTAIN
    ):
        return 0.0
    if profile.variety == 1 and weight < names.CERTAIN and not quantity:
        return 0.0
    chars = min(profile.mean_chars, _SHORT_CHARS) if certain else profile.mean_chars
    # The name outweighs the variety, whose factor is 1.5 for a constant column and 0.5 for all different values.
    variety = 0.5 if quantity else profile.variety
    return weight * _kind_of_values(profile, weight) * (1.5 - variety) / (1 + chars / _SHORT_CHARS)


def _kind_of_values(profile: Profile, weight: float) -> float:
    """Return how much the values look like those of a label: more for yes and no, less for numbers and codes."""
    # Nothing to learn from one label, or from the names of the splits, so only where nothing else fits.
    factor = 0.1 if profile.distinct == 1 or profile.values <= _SPLITS else 1.0
    # A column that is filled in half of the rows describes those; a label is there in nearly all.
    factor *= 1.0 if 2 * profile.filled >= len(profile.cells) else 0.3
    factor *= _BESIDE if names.is_aside(profile.name) else 1.0
    if is_yes_or_no(profile.values):
        return factor * _YES_OR_NO
    # Neither a combination of labels nor a list of spans is a label.
    factor *= 0.05 if profile.nearly_all(profile.lists) else 1.0
    factor *= 0.3 if joined_by([cell for cell in profile.cells if cell]) else 1.0
    if profile.nearly_all(profile.numbers):
        factor *= 0.5 if weight == names.NONE else 0.9  # counts and years have few values too
    elif profile.nearly_all(profile.identifiers):
        factor *= 0.3 if weight == names.NONE else 1.0
    # A column of classes beside a quantity is meant, unless the name of the quantity is certain.
    return factor * (0.3 if weight < names.CERTAIN and is_quantity(profile.values) else 1.0)


def _weight_of_name(profile: Profile) -> float:
    """Return how much the name says that it is a label: `target` is one of numbers, else what a stance is towards."""
    if names.folded(profile.name) == "target" and not profile.nearly_all(profile.numbers):
        return names.POSSIBLE
    return names.label_weight(profile.name)


def _label_reason(_: Role, profile: Profile, __: Chosen) -> tuple[str, Values]:
    code = "label_named" if names.label_weight(profile.name) >= names.USUAL else "label_few"
    return code, {"distinct": profile.distinct, "rows": profile.filled}


def _pair_score(role: Role, profile: Profile, _: Chosen) -> float:
    return prose_score(profile, role.is_about(profile.name) or TEXT.is_about(profile.name))


def _rewriting_score(role: Role, profile: Profile, _: Chosen) -> float:
    """Return how much prose there is; only their names tell source and target apart, so a name counts fourfold."""
    named = role.is_about(profile.name)
    return prose_score(profile, named) * (4.0 if named else 1.0)


def _tags_score(role: Role, profile: Profile, _: Chosen) -> float:
    # The shape decides; a name breaks a tie between two columns of tags, and entities come before parts of speech.
    # Numbers are tags only in a column that is called so, and only where nothing else is.
    named = 0.5 * role.named(profile.name) + 0.1 * ("ner" in profile.name.casefold())
    marked = any(_marks_entity(cell) for cell in profile.cells)
    share = profile.share(_are_tags if marked else _are_listed_tags)
    if profile.nearly_all(share):
        return share + named + 0.5 * marked
    return 0.5 * named if named and profile.nearly_all(profile.share(_are_tag_ids)) else 0.0


def _are_tags(cell: str) -> bool:
    """Return whether a cell is a list of tags, or several tags separated by spaces."""
    tags = cell.split()
    return _are_listed_tags(cell) or (len(tags) > 1 and all(map(_is_tag, tags)))


def _are_listed_tags(cell: str) -> bool:
    items = printed_list(cell) or []
    return bool(items) and all(isinstance(tag, str) and _is_tag(tag) for tag in items)


def _is_tag(tag: str) -> bool:
    return is_known(tag) or _BARE_TAG.fullmatch(tag) is not None


def _marks_entity(cell: str) -> bool:
    """Return whether the first word, or another one, begins or continues an entity."""
    items = printed_list(cell)
    tags = cell.split() if items is None else items
    return len(tags) > 1 and any(isinstance(tag, str) and TAG.fullmatch(tag) for tag in tags)


def _are_tag_ids(cell: str) -> bool:
    items = printed_list(cell)
    return bool(items) and all(isinstance(item, int) and 0 <= item < _MOST_TAG_IDS for item in items or ())


def _tokens_score(role: Role, profile: Profile, chosen: Chosen) -> float:
    """Return more for as many words as tags; without tags, in a file to predict, lists of words come before a text."""
    tags = chosen.get(TAGS.name)
    named = float(role.named(profile.name))
    if tags is None and profile.nearly_all(profile.lists):
        return _LISTS_FIRST * (profile.variety + named)
    if tags is None:
        return prose_score(profile, bool(named) or TEXT.named(profile.name))
    cells = [(words, tag) for words, tag in zip(profile.cells, tags.cells, strict=True) if words and tag]
    aligned = sum(_count(words) == _count(tag) for words, tag in cells) / max(1, len(cells))
    if profile.nearly_all(profile.lists):
        return profile.variety + named + aligned
    return aligned + named if profile.nearly_all(aligned) and profile.name != tags.name else 0.0


def _count(cell: str) -> int:
    items = printed_list(cell)
    return len(cell.split() if items is None else items)


def _tokens_reason(_: Role, profile: Profile, __: Chosen) -> tuple[str, Values]:
    return "tokens_lists" if profile.nearly_all(profile.lists) else "tokens_text", {}


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
    return sum(stated_answer(cell)[0] in passage for cell, passage in pairs) / len(pairs)


_CONTEXT_NAMES = {"context", "context_text", "passage", "paragraph", "document", "上下文", "正文", "段落"}
_QUESTION_NAMES = {"question", "query", "query_text", "问题"}
_ANSWER_NAMES = {"answer", "answers", "answers.text", "answer.text", "answer_text", "答案"}


def _tags_reason(_: Role, __: Profile, ___: Chosen) -> tuple[str, Values]:
    return "tags_lists", {}


_TAGS_NAMES = {"tags", "tag", "ner_tags", "ner_tag", "ner", "iob", "bio", "slots", "pos_tags", "labels"}
_TOKENS_NAMES = {"tokens", "words", "token", "word", "tokenized_text", "chars", "characters", "词", "字"}


# In the order of their turns: lists are unmistakable, a label has few values, a passage is the longest text.
TAGS = Role("tags", "label", frozenset(_TAGS_NAMES), _tags_score, _tags_reason, turn=0)
TOKENS = Role("tokens", "text", frozenset(_TOKENS_NAMES), _tokens_score, _tokens_reason, turn=1)
LABEL = Role("label", "label", names.CERTAIN_LABELS | names.USUAL_LABELS, _label_score, _label_reason, turn=2)
CONTEXT = Role("context", "pair", frozenset(_CONTEXT_NAMES), _context_score, writing_reason, turn=3)
QUESTION = Role("question", "text", frozenset(_QUESTION_NAMES), _question_score, writing_reason, turn=4)
ANSWER = Role("answer", "label", frozenset(_ANSWER_NAMES), _answer_score, _answer_reason, turn=5)
TEXT = Role("text", "text", names.TEXTS, text_score, writing_reason, turn=6)
PAIR = Role("pair", "pair", names.PAIRS, _pair_score, writing_reason, turn=7)
SOURCE = Role("source", "text", names.SOURCES, _rewriting_score, writing_reason, turn=8)
TARGET = Role("target", "label", names.TARGETS, _rewriting_score, writing_reason, turn=9)
