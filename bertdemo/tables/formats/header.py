"""Header detection: usually the first row, sometimes below a title, sometimes there is none."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from bertdemo.errors import HeaderLineMissing
from bertdemo.tables.parse_options import NONE, Note, Occurrences

Row = tuple[int, list[str | None]]
_ENGLISH = """
    text sentence review message comment content question answer context body title description tweet headline
    sentence1 sentence2 sentence_a sentence_b premise hypothesis query passage document source target text_a text_b
    label labels category categories intent sentiment class target rating score stars topic tag tags tokens ner_tags
    id idx index uid uuid guid name date time timestamp language lang split user author url
"""
_CHINESE = "文本 评论 内容 句子 标题 问题 答案 上下文 正文 类别 标签 情感 分类 意图 评分 编号 序号 日期 时间 姓名"
# Names that columns have in practice, folded; no cell of data is likely to be one.
KNOWN = frozenset([*_ENGLISH.split(), *_CHINESE.split()])
# Rows that decide.
_PEEKED = 100
# Titles above a table are at most so many rows.
_TITLES = 10
# From so many rows on, a value that is not repeated may be a column name.
_SURE_ROWS = 10
# A longer name is hardly one of two header rows, whose names are short.
_LONGEST_NAME = 30
# Spellings of a missing value, which are not names.
_MISSING = frozenset({"na", "n/a", "nan", "null", "none", "nil", "-", "--", "?", "无", "缺失"})
# Share of a column that decides.
_MOSTLY = 0.8
# What sentences end with and names do not; a question may be a name in a form.
_SENTENCE_ENDS = (".", "!", "。", "！", "…")
_QUESTION = ("?", "？")
_NUMBER = re.compile(r"[-+]?\d+(?:[.,:/-]\d+)*")


@dataclass(frozen=True)
class Headed:
    """A header and the rows below it."""

    names: list[str]
    line: int
    """0 where there is no header, and the names are made up."""
    notes: tuple[Note, ...]
    rows: Iterable[Row]


def split_header(
    rows: Iterator[Row],
    file: str,
    chosen: str = "",
    *,
    lines: bool = False,
    grouped: Callable[[int], bool] = lambda line: False,
) -> Headed:
    """Find the header among `rows`; `chosen` is "none", a line number or "".

    With `lines` the rows are lines of plain text: only a usual column name is then a header. `grouped` tells whether
    cells of a line are merged across columns. Raises HeaderLineMissing.
    """
    if chosen and chosen != NONE:
        return _chosen(rows, file, int(chosen))
    peeked = list(itertools.islice(rows, _PEEKED))
    filled = [index for index, (_, cells) in enumerate(peeked) if any(map(_trimmed, cells))]
    if not filled:
        return Headed([], 0, (), ())
    first = filled[0]
    below = [peeked[index][1] for index in filled]
    skip = 0 if chosen else _above(below)
    groups = not chosen and _groups_above(peeked, filled[skip:], grouped)
    if chosen == NONE or (skip == 0 and not groups and _headless(below, lines)):
        width = _usual_width(below)
        names = [f"column {index}" for index in range(1, width + 1)]
        note = () if chosen else (Note("no_header", {"columns": width}),)
        return Headed(names, 0, note, itertools.chain(peeked[first:], rows))
    second = "" if chosen or groups else _second(below[skip:])
    skip += groups or second == "below"
    header = filled[skip]
    above = Occurrences()
    for index in filled[:skip]:
        above.add(peeked[index][0])
    names = [cell or "" for cell in peeked[header][1]]
    if groups:
        names = _with_groups(peeked[filled[skip - 1]][1], names)
    notes, rest = above.notes("above_header"), peeked[header + 1 :]
    if second == "above":
        line = peeked[filled[skip + 1]][0]
        notes.append(Note("second_header", {"line": line}))
        rest = [row for row in rest if row[0] != line]
    if second == "maybe":
        notes.append(Note("second_header_maybe", {"line": peeked[filled[skip + 1]][0]}))
    return Headed(names, peeked[header][0], tuple(notes), itertools.chain(rest, rows))


def _chosen(rows: Iterator[Row], file: str, line: int) -> Headed:
    above = Occurrences()
    for number, cells in rows:
        if number >= line and any(map(_trimmed, cells)):
            return Headed([cell or "" for cell in cells], number, tuple(above.notes("above_header")), rows)
        if any(map(_trimmed, cells)):
            above.add(number)
    raise HeaderLineMissing(file=file, line=line)


def _trimmed(cell: str | None) -> str:
    return (cell or "").strip()


def _known(cells: Sequence[str | None]) -> bool:
    return any(_trimmed(cell).casefold() in KNOWN for cell in cells)


def _usual_width(rows: Sequence[Sequence[str | None]]) -> int:
    counts = Counter(map(len, rows))
    return max(counts, key=lambda width: (counts[width], width))


def _above(rows: Sequence[Sequence[str | None]]) -> int:
    """Count the rows above the header: titles of one cell, or names above the names (two languages)."""
    filled = [sum(map(bool, map(_trimmed, cells))) for cells in rows]
    usual = Counter(filled[1:]).most_common(1)[0][0] if len(rows) > 2 else 0
    skip = 0
    if usual >= 2:
        while skip < min(_TITLES, len(rows) - 2) and filled[skip] == 1 and not _known(rows[skip]):
            skip += 1
        if skip and not (filled[skip] >= 2 and _namelike(rows[skip], rows[skip + 1 :])):
            skip = 0
    while skip + 2 < len(rows) and _all_known(rows[skip]) and _all_known(rows[skip + 1]):
        if list(map(_trimmed, rows[skip])) == list(map(_trimmed, rows[skip + 1])):
            break  # a repeated header is counted by the table builder
        skip += 1
    return skip


def _second(rows: Sequence[Sequence[str | None]]) -> str:
    """Return "above" where two header rows begin and the upper one names the columns, "below" where the lower one does.

    Both are short names that no column contains as a value, and a column of numbers has a word in each of them. Where
    no column is of numbers, a first row of data may look the same: the result is "maybe", if every column is of longer
    cells or of few distinct values. "" where there is one header, or none.
    """
    # With fewer than three rows below, two header lines cannot be distinguished from data.
    if len(rows) < 5 or not _names(rows[0]):
        return ""
    if _questions(rows[1], rows[2:]):
        return "above"
    if not _names(rows[1]):
        return ""
    first, second = list(map(_trimmed, rows[0])), list(map(_trimmed, rows[1]))
    width, below = len(second), [list(map(_trimmed, row)) for row in rows[2:]]
    if first == second or len(first) > width:
        return ""
    columns = [[row[index] for row in below if index < len(row) and row[index]] for index in range(width)]
    named = [(index, name) for index, name in enumerate(second) if name]
    if any(name in columns[index] for head in (first, second) for index, name in enumerate(head) if name):
        return ""
    if any(len(columns[index]) > 2 and all(map(_NUMBER.fullmatch, columns[index])) for index, _ in named):
        return "above" if _completeness(first) > _completeness(second) else "below"
    kinds = [(_few_values(columns[index]), _longer(columns[index], name)) for index, name in named]
    if not (all(map(any, kinds)) and any(few for few, _ in kinds)):
        return ""
    # A group name is above the first of its columns; the cells above the others are empty.
    return "below" if all(second) and not all(first[:width]) and len(first) > 1 else "maybe"


def _groups_above(peeked: Sequence[Row], filled: Sequence[int], grouped: Callable[[int], bool]) -> bool:
    """Return whether the first row has cells merged across columns, and names are below it."""
    if len(filled) < 2 or not grouped(peeked[filled[0]][0]):
        return False
    return _names(list(dict.fromkeys(peeked[filled[1]][1])))  # each group may repeat the names


def _with_groups(above: Sequence[str | None], names: Sequence[str]) -> list[str]:
    """Return the names; a missing name is the cell above it, and a repeated one gets its group as a prefix."""
    made, group = [], ""
    counts = Counter(filter(None, map(str.strip, names)))
    width = max(len(above), len(names))
    for upper, name in itertools.islice(itertools.zip_longest(above, names, fillvalue=""), width):
        group = _trimmed(upper) or group
        again = counts[_trimmed(name)] > 1 and group != _trimmed(name)
        made.append(f"{group} {_trimmed(name)}".strip() if again else _trimmed(name) or _trimmed(upper))
    return made


def _questions(cells: Sequence[str | None], below: Sequence[Sequence[str | None]]) -> bool:
    """Return whether a row asks what the rows below it answer, as the second row of a survey does."""
    asked = [index for index, cell in enumerate(cells) if _trimmed(cell).endswith(_QUESTION)]
    answers = [_trimmed(row[index]) for row in below for index in asked if index < len(row)]
    # Most columns are questions, and hardly an answer is one.
    return len(asked) * 2 > len(cells) > 1 and sum(cell.endswith(_QUESTION) for cell in answers) * 20 <= len(answers)


def _completeness(names: Sequence[str]) -> tuple[int, int]:
    """Return how many columns a header names, and how many of the names are usual."""
    filled = [name.casefold() for name in names if name]
    return len(filled), sum(name in KNOWN for name in filled)


def _names(cells: Sequence[str | None]) -> bool:
    names = [name for name in map(_trimmed, cells) if name]
    plain = all(len(name) <= _LONGEST_NAME and not _NUMBER.fullmatch(name) and not _prose(name) for name in names)
    missing = any(name.casefold() in _MISSING for name in names)
    return len(names) > 1 and plain and not missing and len(set(names)) == len(names)


def _few_values(column: Sequence[str]) -> bool:
    # Each value three times on average: labels repeat, texts do not.
    return len(column) >= _SURE_ROWS and len(set(column)) * 3 <= len(column)


def _longer(column: Sequence[str], name: str) -> bool:
    return bool(column) and median(map(len, column)) > max(2 * len(name), 10)


def _all_known(cells: Sequence[str | None]) -> bool:
    names = [name.casefold() for name in map(_trimmed, cells) if name]
    return len(names) > 1 and all(name in KNOWN for name in names)


def _namelike(cells: Sequence[str | None], below: Sequence[Sequence[str | None]]) -> bool:
    names = [name for name in map(_trimmed, cells) if name]
    plain = all(len(name) <= 60 and not _NUMBER.fullmatch(name) for name in names) and len(set(names)) == len(names)
    return plain and (_known(cells) or not _headless([cells, *below], False))


def _headless(rows: Sequence[Sequence[str | None]], lines: bool) -> bool:
    """Return whether the first row is data like the others; in doubt it is a header."""
    first = list(map(_trimmed, rows[0]))
    below = [row for row in rows[1:] if list(map(_trimmed, row)) != first]  # a header may be repeated
    if _known(first):
        return False
    if lines:
        return True
    if len(below) < 2:
        return False
    if _like_the_rest(first, below):
        return True
    for index, cell in enumerate(first):
        column = [value for row in below if index < len(row) and (value := _trimmed(row[index]))]
        # A value that is repeated below, in a column of few values, is a label and not a name.
        if cell and cell in column and len(set(column)) * 2 <= len(column) + 1:
            return True
        numbers = bool(column) and all(map(_NUMBER.fullmatch, column))
        # A number above numbers may be a year that names its column; beside a text with a space it is data.
        if cell and numbers and _NUMBER.fullmatch(cell) and any(" " in other for other in first):
            return True
    return len(first) == 1 and _prose(first[0]) and sum(_prose(_trimmed(row[0])) for row in below) * 2 > len(below)


def _like_the_rest(first: Sequence[str], below: Sequence[Sequence[str | None]]) -> bool:
    """Return whether the first row is of the same making as the rows below it, where no value is repeated."""
    columns = [
        [value for row in below if index < len(row) and (value := _trimmed(row[index]))] for index in range(len(first))
    ]
    pairs = [(cell, column) for cell, column in zip(first, columns, strict=True) if cell and column]
    if any(_same_making(cell, column) for cell, column in pairs):
        return True
    # Sentences above sentences in every column; a question above answers is a header, as forms write it.
    sentences = [
        _prose(cell) and not cell.endswith((*_QUESTION, ":", "：")) and _mostly(_prose, column)
        for cell, column in pairs
    ]
    return len(sentences) > 1 and all(sentences)


def _same_making(cell: str, column: Sequence[str]) -> bool:
    """Return whether a cell begins, ends or is built as nearly all of the cells below it, as no name is."""
    # Half of a cell, and more than one word: the notice of a licence, an address.
    start = cell[: max(10, len(cell) // 2)]
    if len(cell) >= 10 and _mostly(lambda value: value.startswith(start), column):
        return True
    if _ended(cell) and _mostly(lambda value: _ended(value) or value.endswith(_QUESTION), column):
        return True
    # A code or a date; a number alone may be a year that names its column.
    shape = _shape(cell)
    # A short name may have a digit too: q1, v2.
    coded = "9" in shape and len(cell) > 3 and not cell.isdigit() and " " not in cell
    return coded and _mostly(lambda value: _shape(value) == shape, column)


def _shape(cell: str) -> str:
    """Return the cell with a for each letter and 9 for each number: aa9-9 for id17-3."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d+", "9", cell))


def _ended(cell: str) -> bool:
    # "No." above "1." is a name above numbers.
    return cell.endswith(_SENTENCE_ENDS) and not cell[:-1].isdigit()


def _mostly(holds: Callable[[str], bool], column: Sequence[str]) -> bool:
    # A few cells are odd ones; fewer than three below tell nothing.
    return len(column) >= 3 and sum(map(holds, column)) >= _MOSTLY * len(column)


def _prose(text: str) -> bool:
    # A column name of four words or 40 characters is rare.
    return len(text.split()) >= 4 or len(text) > 40
