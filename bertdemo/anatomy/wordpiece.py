"""How one word becomes tokens: WordPiece's greedy longest match, attempt by attempt (see `attempts`).

The rule is that of Google's BERT (2018), `tokenization.py`, and of the `tokenizers` library: take the longest prefix
that is in the vocabulary, then continue with the rest of the word. It never backtracks.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Attempt:
    """One lookup in the vocabulary."""

    start: int
    """Code point of the word at which the token would begin."""
    piece: str
    """The token that was looked up, with ## where it continues a word."""
    found: bool


@dataclass(frozen=True)
class Matching:
    """A pre-token, every attempt on it in order, and the resulting tokens."""

    word: str
    attempts: tuple[Attempt, ...]
    pieces: tuple[str, ...]


def attempts(word: str, vocabulary: Collection[str], *, unknown: str = "[UNK]", longest: int = 100) -> Matching:
    """Split one pre-token, already normalized, into tokens.

    At each position the whole rest is tried first, then one character less, until the vocabulary has it. Where it has
    nothing, the whole word is `unknown`, including the part already matched; so is a word of more than `longest`
    characters, without any attempt (100 is the limit of Google's code). The empty word has no tokens.
    """
    if len(word) > longest:
        return Matching(word, (), (unknown,))
    tried: list[Attempt] = []
    tokens: list[str] = []
    start = 0
    while start < len(word):
        for end in range(len(word), start, -1):
            token = ("##" if start else "") + word[start:end]
            tried.append(Attempt(start, token, token in vocabulary))
            if tried[-1].found:
                break
        else:
            return Matching(word, tuple(tried), (unknown,))
        tokens.append(token)
        start = end
    return Matching(word, tuple(tried), tuple(tokens))
