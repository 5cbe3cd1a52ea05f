"""Statistics of a column: length of its cells, distinct values, shares of numbers, codes, prose and lists."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from bertdemo.tables.arrow_columns import cells_at
from bertdemo.tables.table import Table

# The standard error of a share of so many cells is below 1%, and a million rows need not be read for it.
_SAMPLED_ROWS = 5000
# A property of more than this share of the cells counts for the column: real files have a few odd cells.
_NEARLY_ALL = 0.9
# Share of distinct values from which a column of whole numbers may count or identify its rows: an id may come twice.
_COUNTING = 0.95
# A scale rarely ends above it; a column of distinct larger numbers holds ids.
_LARGEST_SCALE = 100
# In fewer rows numbers ascend by chance.
_ENOUGH_TO_COUNT = 10
_NUMBER = re.compile(r"[-+]?[\d.,:/ TZ%-]*\d[\d.,:/ TZ%-]*")
_WORD = re.compile(r"[^\W\d_]+")
# A code with a digit in it, a number with letters before it, a web or e-mail address.
_IDENTIFIER = re.compile(r"(?=[^\s]*\d)[\w.:/@#+-]+|[A-Z]{1,6}[ -]?\d+|https?://\S+|[^@\s]+@[^@\s]+\.\w+", re.ASCII)
# In fewer rows, or of fewer words, what all cells share may be what they are about.
_ROWS_OF_BOILERPLATE, _WORDS_OF_BOILERPLATE = 10, 4
# A number as a person writes it, with a decimal point or comma: no date, no range, no thousands.
_DECIMAL = re.compile(r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?")
# An amount, a date, a time: numbers that are no ids.
_MEASURE = re.compile(r"[-+]?[\d.,' ]*\d ?%?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?|\d{1,2}:\d{2}(?::[\d.]+)?")

Kept = dict[tuple[str, int], tuple[Sequence[str | None], "Profile | None"]]
_KEPT: ContextVar[Kept | None] = ContextVar("profiles", default=None)


@dataclass(frozen=True)
class Profile:
    """Statistics of a column over at most 5,000 rows drawn at random."""

    name: str
    cells: tuple[str, ...]
    """Trimmed, "" where missing; all profiles of a table are of the same rows."""
    filled: int
    distinct: int
    mean_chars: float
    longest: int
    numbers: float
    """Share of the cells that are a number or a date."""
    identifiers: float
    """Share of the cells that are a code, an address or a number."""
    prose: float
    """Share of the cells with a space or a non-ASCII character; an address or a hash has neither."""
    lists: float
    """Share of the cells that are JSON lists."""
    values: frozenset[str] = frozenset()
    """The distinct cells."""

    @property
    def variety(self) -> float:
        """Distinct values per filled cell: 1 where every cell is different."""
        return self.distinct / self.filled

    @property
    def labels_allowed(self) -> float:
        """The number of distinct values that a label column of this length may have."""
        # Any file may have 20 labels; beyond that 100 rows may have 30, 10,000 rows 300: labels repeat, texts do not.
        return max(20.0, math.sqrt(self.filled) * 3)

    @cached_property
    def decimals(self) -> tuple[float, ...]:
        """The cells as numbers, in the order of the file; () where a cell is none. A comma is a decimal comma."""
        filled = [cell for cell in self.cells if cell]
        if not all(_DECIMAL.fullmatch(cell) for cell in filled):
            return ()
        return tuple(float(cell.replace(",", ".")) for cell in filled)

    @cached_property
    def counts_rows(self) -> bool:
        """Whether the cells are numbers that count or identify the rows (0, 1, 2 or 702876, 702977), not a quantity."""
        numbers = self.decimals
        if len(numbers) < _ENOUGH_TO_COUNT or self.distinct < _COUNTING * self.filled:
            return False
        ascending = all(a <= b for a, b in pairwise(numbers))
        whole = all(number.is_integer() for number in numbers)
        return ascending or (whole and max(numbers) > _LARGEST_SCALE) or (whole and _gapless(numbers))

    @cached_property
    def boilerplate(self) -> bool:
        """Whether more than half of a cell's words stand in nearly every cell: an attribution, a license, a log line.

        Numbers and the punctuation around a word do not count as different words.
        """
        words = [frozenset(_WORD.findall(cell.casefold())) for cell in self.cells if cell]
        amount = sum(map(len, words))
        if len(words) < _ROWS_OF_BOILERPLATE or amount < _WORDS_OF_BOILERPLATE * len(words):
            return False
        cells_with = Counter(itertools.chain.from_iterable(words))
        common = sum(cells for cells in cells_with.values() if cells > _NEARLY_ALL * len(words))
        return common > 0.5 * amount

    @cached_property
    def fractional(self) -> bool:
        """Whether the cells are numbers, some of them with decimals: a quantity, or class ids written as 1.0."""
        return any(not number.is_integer() for number in self.decimals)

    def share(self, holds: Callable[[str], object]) -> float:
        """Return the share of the filled cells for which `holds`."""
        return sum(bool(holds(cell)) for cell in self.cells if cell) / self.filled

    @property
    def codes_or_lists(self) -> bool:
        """Whether nearly all cells are codes, addresses, numbers or lists: not prose, whatever the column's name."""
        return self.identifiers > _NEARLY_ALL or self.lists > _NEARLY_ALL

    def nearly_all(self, share: float) -> bool:
        """Return whether a property of this share of the cells counts as one of the column."""
        return share > _NEARLY_ALL


def profiles(table: Table) -> list[Profile]:
    """Return the profile of every column that has a name in the file and any cell that is filled."""
    return _profiles_of(table, _named(table))


def unnamed_profiles(table: Table) -> list[Profile]:
    """Return the profile of every column without a name in the file that has a cell in every row.

    Remarks beside a table fill some of its rows only.
    """
    named = set(_named(table))
    rows = min(table.rows, _SAMPLED_ROWS)
    unnamed = _profiles_of(table, [name for name in table.columns if name not in named])
    return [profile for profile in unnamed if profile.filled == rows]


def _profiles_of(table: Table, names: Iterable[str]) -> list[Profile]:
    return [profile for name in names if (profile := _profile_of(table, name)) is not None]


@contextmanager
def profiles_kept() -> Iterator[None]:
    """Compute the profile of each column once while this context is open, in tables of some of the columns too."""
    if _KEPT.get() is not None:
        yield
        return
    token = _KEPT.set({})
    try:
        yield
    finally:
        _KEPT.reset(token)


def identifiers(table: Table) -> tuple[str, ...]:
    """Return the columns that look like ids: whole numbers, codes or addresses in more than 90% of the cells.

    Uniqueness is not checked here: of a large table this sees a sample only.
    """
    return tuple(profile.name for profile in profiles(table) if profile.share(_id_like) > _NEARLY_ALL)


def _id_like(cell: str) -> bool:
    """Return whether a cell is a whole number, a code or an address; prices, dates, times and plain words are not."""
    if _MEASURE.fullmatch(cell):
        return cell.isdigit()
    return _NUMBER.fullmatch(cell) is not None or _IDENTIFIER.fullmatch(cell) is not None


def _gapless(numbers: Sequence[float]) -> bool:
    """Return whether whole numbers are all of those from the smallest to the largest: a shuffled running number."""
    return max(numbers) - min(numbers) < len(set(numbers)) + 1 and len(set(numbers)) == len(numbers)


def _named(table: Table) -> list[str]:
    """Return the columns that have a name in the file."""
    # What `table_builder.distinct_names` calls a column without a name.
    made = re.compile(r"column \d+(?: \(\d+\))?")
    unnamed = any(note.code == "header_unnamed" for note in table.notes)
    return [name for name in table.columns if not (unnamed and made.fullmatch(name))]


def _profile_of(table: Table, name: str) -> Profile | None:
    """Return the profile of at most 5,000 rows of a column; None for an empty one."""
    kept, cells = _KEPT.get(), table.columns[name]
    if kept is None:
        return _profile(name, _sampled(table, name))
    if (name, id(cells)) not in kept:
        kept[name, id(cells)] = cells, _profile(name, _sampled(table, name))  # with the cells, so that the id stays
    return kept[name, id(cells)][1]


def _sampled(table: Table, name: str) -> tuple[str, ...]:
    # Drawn at random: evenly spaced rows of a file with alternating labels would all have the same one.
    cells = table.columns[name]
    if table.rows > _SAMPLED_ROWS:
        cells = cells_at(cells, sorted(random.Random(0).sample(range(table.rows), _SAMPLED_ROWS)))
    return tuple((cell or "").strip() for cell in cells)


def _profile(name: str, cells: tuple[str, ...]) -> Profile | None:
    values = [cell for cell in cells if cell]
    if not values:
        return None
    count = len(values)
    numbers = sum(_NUMBER.fullmatch(value) is not None for value in values)
    codes = sum(_NUMBER.fullmatch(value) is None and _IDENTIFIER.fullmatch(value) is not None for value in values)
    return Profile(
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
        values=frozenset(values),
    )
