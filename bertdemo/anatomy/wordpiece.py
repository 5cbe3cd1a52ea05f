"""How one word becomes pieces: WordPiece's greedy longest match, attempt by attempt (see `attempts`).

The rule is that of Google's BERT (2018), `tokenization.py`, and of the `tokenizers` library: take the longest
beginning that the vocabulary has, then go on with the rest of the word. It never steps back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Attempt:
    """One look into the vocabulary."""

    start: int
    """Code point of the word at which the piece would begin."""
    piece: str
    """What was looked for, with ## where it continues a word."""
    found: bool


@dataclass(frozen=True)
class Matching:
    """A pre-token, every attempt on it in order, and the pieces that came of it."""

    word: str
    attempts: tuple[Attempt, ...]
    pieces: tuple[str, ...]


def attempts(word: str, vocabulary: Collection[str], *, unknown: str = "[UNK]", longest: int = 100) -> Matching:
    """Split one pre-token, already normalized, into pieces.

    At each position the whole rest is tried first, then one character less, until the vocabulary has it. Where
    it has nothing, the whole word is `unknown`, the pieces found so far included; so is a word of more than
    `longest` characters, without any attempt. The empty word has no pieces.
    """
    if len(word) > longest:
        return Matching(word, (), (unknown,))
    tried: list[Attempt] = []
    pieces: list[str] = []
    start = 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            tried.append(Attempt(start, piece, piece in vocabulary))
            if tried[-1].found:
                break
        else:
            return Matching(word, tuple(tried), (unknown,))
        pieces.append(piece)
        start = end
    return Matching(word, tuple(tried), tuple(pieces))
