"""Words of a text, and where a stated text occurs in it, in every script.

Marks belong to the letter before them: Hindi and Tamil vowel signs, Arabic and Hebrew vowel points, decomposed accents.
A regular expression does not count them as letters, so they are handled here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

Span = tuple[int, int]

# Kana and Chinese characters: each one is a word, with no space around it.
_HAN_CHARS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
HAN = re.compile(f"[{_HAN_CHARS}]")
# Stands for a mark while words are looked for: a letter that itself only follows others.
_MARK = "\u02b0"
# Joins letters of one word in Persian and Indian scripts.
_JOINERS = "\u200c\u200d"
# Inside a word: apostrophes, a point, a hyphen, and the Hebrew signs of an abbreviation.
_INNER = "['’.\\-\u05f3\u05f4]"
_LETTERS = f"[^\\W{_HAN_CHARS}]+"
_WORD = re.compile(f"[{_HAN_CHARS}]{_MARK}*|{_LETTERS}(?:{_INNER}{_LETTERS})*|[^\\w\\s]{_MARK}*")


def is_mark(char: str) -> bool:
    """Return whether a character belongs to the one before it."""
    return unicodedata.category(char)[0] == "M" or char in _JOINERS


def words_of(text: str) -> tuple[Span, ...]:
    """Return the words of a text without given words: Chinese characters and punctuation are words of their own."""
    letters = text if text.isascii() else "".join(_MARK if is_mark(char) else char for char in text)
    return tuple(match.span() for match in _WORD.finditer(letters))


def with_marks(text: str, end: int) -> int:
    """Return the end of a span moved past the marks that follow it."""
    while 0 < end < len(text) and is_mark(text[end]):
        end += 1
    return end


def without_marks(text: str, start: int, end: int) -> int:
    """Return the end of a span without its last marks: a tokenizer that strips accents has no token for them."""
    while end > start + 1 and is_mark(text[end - 1]):
        end -= 1
    return end


def located(text: str, stated: str, near: int | None = None) -> Span | None:
    """Return the occurrence of `stated` nearest to the offset `near`, the first one without it; None without any.

    An accent matches whether it is composed or not. An occurrence that would cut a letter from its marks counts only
    where there is no other; it is then extended to the marks.
    """
    if not stated:
        return None
    exact = list(_exact(text, stated))
    spans = [span for span in exact if with_marks(text, span[1]) == span[1]]
    spans = spans or list(_equivalent(text, stated)) or [(start, with_marks(text, end)) for start, end in exact]
    return min(spans, key=lambda span: abs(span[0] - (near or 0)), default=None)


def same_text(first: str, second: str) -> bool:
    """Return whether two texts are equal apart from composed accents, case and white space."""
    return _plain(first) == _plain(second)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _exact(text: str, stated: str) -> Iterator[Span]:
    start = text.find(stated)
    while start >= 0:
        yield start, start + len(stated)
        start = text.find(stated, start + 1)


def _equivalent(text: str, stated: str) -> Iterator[Span]:
    """Yield the occurrences in the decomposed text; letters with their marks are never divided."""
    if text.isascii():
        return
    starts = [at for at, char in enumerate(text) if at == 0 or not is_mark(char)]
    ends = [*starts[1:], len(text)]
    borders, parts, length = {0: 0}, [], 0
    for start, end in zip(starts, ends, strict=True):
        parts.append(unicodedata.normalize("NFD", text[start:end]))
        length += len(parts[-1])
        borders[length] = end
    decomposed = "".join(parts)
    for start, end in _exact(decomposed, unicodedata.normalize("NFD", stated)):
        if start in borders and end in borders:
            yield borders[start], borders[end]
