"""From a text to the sequence that BERT reads, with every stage in between (see `trace`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Token:
    """One position of the final sequence. `start` and `end` are code points of the text sent."""

    piece: str
    id: int
    position: int
    segment: int
    mask: int
    special: bool
    unknown: bool
    continues: bool
    """True for a ## piece."""
    sequence: int | None
    """0 for the text, 1 for the pair, None for a special token."""
    word: int | None
    """Index of the pre-token within its sequence."""
    start: int
    end: int
    source: str
    """The visitor's own characters, sliced by offsets and widened to whole graphemes; "" for a special token."""


@dataclass(frozen=True)
class PreToken:
    """One pre-token of one sequence and the pieces that WordPiece made of it."""

    text: str
    start: int
    end: int
    pieces: tuple[str, ...]


@dataclass(frozen=True)
class Stages:
    """The outputs of the tokenizer's four stages for one sequence."""

    normalizer: str
    """Names of what the normalizer does, e.g. `lowercase, strip accents, space around Chinese`; locale-free keys joined by a space."""
    normalized: str
    pre_tokens: tuple[PreToken, ...]


@dataclass(frozen=True)
class TokenTrace:
    """Everything that the Tokenization tab and `/tokenize` show."""

    text: str
    pair: str
    checkpoint: str
    max_length: int
    """Length at which the sequence was cut, specials included."""
    tokens: tuple[Token, ...]
    stages: tuple[Stages, ...]
    """One entry per sequence."""
    dropped: tuple[tuple[int, int, int], ...]
    """(sequence, start, end) of characters that were cut at max_length, as slices of the text sent."""
    dropped_pieces: int
    lost: tuple[tuple[int, int, int], ...]
    """(sequence, start, end) of characters in no piece (control characters, zero-width marks); white space is not listed."""
    characters: int
    words: int
    pieces: int
    """Pieces kept, without special tokens."""
    unknown: int
    """[UNK] pieces among them."""
